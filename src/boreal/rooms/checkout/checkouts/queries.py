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
from boreal.rooms.catalog.public import render_checkout_product, render_price
from boreal.rooms.checkout.checkouts.shelf import Shelf, read_shelf, read_shelves
from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.platform.public import render_organization_reference

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


def page_url(settings: Settings, checkout: Checkout) -> str:
    """Where the buyer pays."""
    return f"{settings.url}/checkout/{checkout.client_secret}"


def _render_base(checkout: Checkout, shelf: Shelf, settings: Settings) -> dict[str, Any]:
    selection = shelf.selection(checkout)
    money = book.totals(amount=checkout.amount, discount_amount=0, tax_amount=checkout.tax_amount)
    flags = book.flags(selection, money, trial_end=checkout.trial_end)
    trial_interval, trial_count = book.active_trial(
        selection.product,
        allow_trial=checkout.allow_trial,
        interval=checkout.trial_interval,
        count=checkout.trial_interval_count,
    )
    url = page_url(settings, checkout)
    address = checkout.customer_billing_address
    modes = book.address_fields(
        address.get("country") if address else None,
        require=checkout.require_billing_address,
        business=checkout.is_business_customer,
    )
    success_url = book.fill_in(checkout.success_url, checkout.id) if checkout.success_url else f"{url}/confirmation"
    products = [render_checkout_product(detail) for detail in shelf.details.values()]
    return {
        "id": checkout.id,
        "created_at": checkout.created_at,
        "modified_at": checkout.modified_at,
        "custom_field_data": checkout.custom_field_data,
        "payment_processor": "stripe",
        "status": checkout.status,
        "client_secret": checkout.client_secret,
        "url": url,
        "expires_at": checkout.expires_at,
        "success_url": success_url,
        "return_url": checkout.return_url,
        "embed_origin": checkout.embed_origin,
        "amount": money.amount,
        "seats": checkout.seats,
        "price_per_seat": book.price_per_seat(selection.price, checkout.seats),
        "discount_amount": money.discount_amount,
        "net_amount": money.net_amount,
        "tax_amount": money.tax_amount,
        "total_amount": money.total_amount,
        "subtotal_amount": money.net_amount,
        "currency": checkout.currency,
        "allow_trial": checkout.allow_trial,
        "active_trial_interval": trial_interval,
        "active_trial_interval_count": trial_count,
        "trial_end": checkout.trial_end,
        "organization_id": checkout.organization_id,
        "product_id": checkout.product_id,
        "product_price_id": checkout.product_price_id,
        "discount_id": checkout.discount_id,
        "allow_discount_codes": checkout.allow_discount_codes,
        "require_billing_address": checkout.require_billing_address,
        "is_discount_applicable": flags.is_discount_applicable,
        "is_free_product_price": flags.is_free_product_price,
        "is_payment_required": flags.is_payment_required,
        "is_payment_setup_required": flags.is_payment_setup_required,
        "is_payment_form_required": flags.is_payment_form_required,
        "customer_id": checkout.customer_id,
        "is_business_customer": checkout.is_business_customer,
        "customer_name": checkout.customer_name,
        "customer_email": checkout.customer_email,
        "customer_ip_address": checkout.customer_ip_address,
        "customer_billing_name": checkout.customer_billing_name,
        "customer_billing_address": address,
        "customer_tax_id": checkout.customer_tax_id[0] if checkout.customer_tax_id else None,
        "payment_processor_metadata": checkout.payment_processor_metadata,
        "billing_address_fields": modes,
        "customer_billing_address_fields": {name: mode == "required" for name, mode in modes.items()},
        "products": products,
        "product": render_checkout_product(shelf.details[checkout.product_id]),
        "product_price": render_price(selection.price, selection.product),
        "prices": {
            str(id): [render_price(price, detail.product) for price in shelf.prices(id, checkout.ad_hoc_price_ids)]
            for id, detail in shelf.details.items()
        },
        "discount": None,
        "attached_custom_fields": [],
    }


def render(checkout: Checkout, shelf: Shelf, settings: Settings) -> dict[str, Any]:
    """A session as merchants see it (contract `Checkout`)."""
    return {
        **_render_base(checkout, shelf, settings),
        "trial_interval": checkout.trial_interval,
        "trial_interval_count": checkout.trial_interval_count,
        "metadata": checkout.metadata,
        "external_customer_id": checkout.external_customer_id,
        "customer_external_id": checkout.external_customer_id,
        "subscription_id": checkout.subscription_id,
        "customer_metadata": checkout.customer_metadata,
    }


def render_public(checkout: Checkout, shelf: Shelf, settings: Settings) -> dict[str, Any]:
    """A session as its buyer sees it (contract `CheckoutPublic`)."""
    organization = render_organization_reference(shelf.organization)
    return {**_render_base(checkout, shelf, settings), "organization": organization}


def payload(settings: Settings) -> Any:
    """The renderer of the `data` of `checkout.*`; it needs to know where the pages are."""

    async def render_payload(connection: Connection, id: UUID) -> Mapping[str, Any]:
        checkout = await by_id(connection, id)
        assert checkout is not None
        return render(checkout, await read_shelf(connection, checkout), settings)

    return render_payload
