"""Reading checkout sessions, for merchants and for who holds the client secret."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, CheckoutStatus
from boreal.kit.app import App
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Connection, Record, Runs
from boreal.kit.listing import ListQuery, ListSpec, any_of, search
from boreal.kit.problems import ResourceNotFound
from boreal.kit.schemas import UUID4
from boreal.kit.settings import Settings
from boreal.kit.tx import Noun, Nouns
from boreal.rooms.checkout.checkouts.rendering import render
from boreal.rooms.checkout.checkouts.shelf import read_shelf, read_shelves
from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from boreal.rooms.customers.public import CustomerRow

C = CheckoutRow.c

CHECKOUT = Noun("checkout", Checkout, CheckoutRow, facts=book.facts, transitions=book.TRANSITIONS)
_NOUNS = Nouns([CHECKOUT])

CHECKOUTS = ListSpec(
    select=sa.select(CheckoutRow).select_from(CheckoutRow.outerjoin(CustomerRow, CustomerRow.c.id == C.customer_id)),
    visible=visible_to(C.organization_id),
    key=C.id,
    sorts={"created_at": C.created_at, "expires_at": C.expires_at, "status": C.status},
    default="-created_at",
    filters=(
        any_of("organization_id", C.organization_id, UUID4),
        any_of("product_id", C.product_id, UUID4),
        any_of("customer_id", C.customer_id, UUID4),
        any_of("external_customer_id", sa.func.coalesce(CustomerRow.c.external_id, C.external_customer_id), str),
        any_of("status", C.status, CheckoutStatus),
        search("query", C.customer_email),
    ),
    sort_name="CheckoutSortProperty",
)

_VISIBLE = sa.select(CheckoutRow).where(C.id == sa.bindparam("id"), visible_to(C.organization_id))
_BY_ID = sa.select(CheckoutRow).where(C.id == sa.bindparam("id"))
_BY_SECRET = sa.select(CheckoutRow).where(C.client_secret == sa.bindparam("client_secret"))
_BY_INTENT = sa.select(CheckoutRow).where(C.intent_id == sa.bindparam("intent_id"))


def load(row: Record) -> Checkout:
    """The record that a row holds."""
    return _NOUNS.load(Checkout, row)


async def get(app: App, actor: Actor, id: UUID) -> Checkout:
    """The session, if the actor may see it; raises `ResourceNotFound`."""
    row = await app.database.fetchrow(_VISIBLE, id=id, **actor.binds())
    if row is None:
        raise ResourceNotFound
    return load(row)


async def by_secret(runs: Runs, client_secret: str) -> Checkout:
    """The session of a client secret; raises `ResourceNotFound`."""
    row = await runs.fetchrow(_BY_SECRET, client_secret=client_secret)
    if row is None:
        raise ResourceNotFound
    return load(row)


async def by_id(runs: Runs, id: UUID) -> Checkout | None:
    """The session, whoever asks."""
    row = await runs.fetchrow(_BY_ID, id=id)
    return load(row) if row else None


async def by_intent(runs: Runs, intent_id: str) -> Checkout | None:
    """The session that waits for a payment or setup of the processor."""
    row = await runs.fetchrow(_BY_INTENT, intent_id=intent_id)
    return load(row) if row else None


async def list_page(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """One page of sessions, with everything they show, in a fixed number of statements."""
    page = await CHECKOUTS.fetch(app.database, actor, query)
    checkouts = [load(row) for row in page.rows]
    shelves = await read_shelves(app.database, checkouts)
    return page.envelope([render(checkout, shelves[checkout.id], app.settings) for checkout in checkouts])


def payload(settings: Settings) -> Any:
    """The renderer of the `data` of `checkout.*`; it needs to know where the pages are."""

    async def render_payload(connection: Connection, id: UUID) -> Mapping[str, Any]:
        checkout = await by_id(connection, id)
        assert checkout is not None
        return render(checkout, await read_shelf(connection, checkout), settings)

    return render_payload
