"""Reading checkout sessions, for merchants and for who holds the client secret."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core import checkouts as book
from boreal.core import system_events
from boreal.core.checkouts import Checkout, CheckoutStatus
from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible, visible_to
from boreal.kit.db import Connection, Record, Runs
from boreal.kit.listing import ListQuery, ListSpec, any_of, search
from boreal.kit.problems import ResourceNotFound
from boreal.kit.schemas import UUID4
from boreal.kit.settings import Settings
from boreal.kit.tx import Noun, Nouns
from boreal.rooms.checkout.checkouts.rendering import render
from boreal.rooms.checkout.checkouts.shelf import Seen, read_shelf, read_shelves
from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.platform.public import OrganizationRow

C = CheckoutRow.c

_OF_ORGANIZATION = {column.name: f"organization__{column.name}" for column in OrganizationRow.c}
_WITH_ORGANIZATION = sa.select(
    CheckoutRow, *(column.label(_OF_ORGANIZATION[column.name]) for column in OrganizationRow.c)
).join_from(CheckoutRow, OrganizationRow, OrganizationRow.c.id == C.organization_id)

CHECKOUT = Noun(
    "checkout", Checkout, CheckoutRow, facts=book.facts, transitions=book.TRANSITIONS, notes=system_events.of_checkout
)
_NOUNS = Nouns([CHECKOUT])

CHECKOUTS = ListSpec(
    select=_WITH_ORGANIZATION.outerjoin(CustomerRow, CustomerRow.c.id == C.customer_id),
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

_VISIBLE = _WITH_ORGANIZATION.where(C.id == sa.bindparam("id"), visible_to(C.organization_id))
_BY_ID = _WITH_ORGANIZATION.where(C.id == sa.bindparam("id"))
_BY_SECRET = _WITH_ORGANIZATION.where(C.client_secret == sa.bindparam("client_secret"))
_BY_INTENT = sa.select(CheckoutRow).where(C.intent_id == sa.bindparam("intent_id"))


def _seen(row: Record) -> Seen:
    """The session of a row, and its organization with the names of its own columns."""
    organization = {name: row[label] for name, label in _OF_ORGANIZATION.items()}
    return Seen(_NOUNS.load(Checkout, row), organization)


async def get(app: App, actor: Actor, id: UUID) -> Seen:
    """The session, if the actor may see it; raises `ResourceNotFound`."""
    row = await read_visible(app.database, _VISIBLE, actor, id)
    return _seen(row)


async def by_secret(runs: Runs, client_secret: str) -> Seen:
    """The session of a client secret; raises `ResourceNotFound`."""
    row = await runs.fetchrow(_BY_SECRET, client_secret=client_secret)
    if row is None:
        raise ResourceNotFound
    return _seen(row)


async def by_id(runs: Runs, id: UUID) -> Seen | None:
    """The session, whoever asks."""
    row = await runs.fetchrow(_BY_ID, id=id)
    return _seen(row) if row else None


async def by_intent(runs: Runs, intent_id: str) -> Checkout | None:
    """The session that waits for a payment or setup of the processor."""
    row = await runs.fetchrow(_BY_INTENT, intent_id=intent_id)
    return _NOUNS.load(Checkout, row) if row else None


async def list_page(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """One page of sessions, with everything they show, in a fixed number of statements."""
    page = await CHECKOUTS.fetch(app.database, actor, query)
    listed = [_seen(row) for row in page.rows]
    shelves = await read_shelves(app.database, listed)
    return page.envelope([render(one.checkout, shelves[one.checkout.id], app.settings) for one in listed])


def payload(settings: Settings) -> Any:
    """The renderer of the `data` of `checkout.*`; it needs to know where the pages are."""

    async def render_payload(connection: Connection, id: UUID) -> Mapping[str, Any]:
        seen = await by_id(connection, id)
        assert seen is not None
        return render(seen.checkout, await read_shelf(connection, seen), settings)

    return render_payload
