"""Making checkout sessions (catalog spec 6.3 to 6.9).

Everything is looked up and decided before the one transaction that stores the session and the prices made for it.
The order of the checks is the specification's: products, ad-hoc prices, currency, blocked organization, amount,
discount, tax id, seats, subscription and customer.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, CheckoutStatus, Selection
from boreal.core.customers import Customer
from boreal.core.discounts import Discount, refuse
from boreal.core.prices import Price, PriceSource
from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.db import Row
from boreal.kit.problems import Fault, Invalid, Location
from boreal.kit.secrets import new_token
from boreal.providers.ports import PaymentProcessor
from boreal.rooms.billing.public import find_upgradable
from boreal.rooms.catalog.public import (
    ProductDetail,
    find_discount,
    find_price,
    find_products,
    insert_prices,
    meter_ids_of,
    new_price,
    price_faults,
)
from boreal.rooms.checkout.checkouts.changes import tax_id, with_answers
from boreal.rooms.checkout.checkouts.errors import fault, refuse_blocked
from boreal.rooms.checkout.checkouts.schemas import (
    CheckoutPriceCreate,
    CheckoutProductCreate,
    CheckoutProductsCreate,
)
from boreal.rooms.checkout.checkouts.shelf import Shelf
from boreal.rooms.checkout.checkouts.taxes import with_tax
from boreal.rooms.customers.public import find as find_customer
from boreal.rooms.platform.public import organization_by_id
from boreal.rooms.usage.public import meter_names

SECRET_PREFIX = "polar_c_"

Body = CheckoutProductsCreate | CheckoutProductCreate | CheckoutPriceCreate


@dataclass(frozen=True, slots=True)
class Wanted:
    """The products of a new session in order, which of them is selected, and where that stood in the request.

    `price` is the one that an old form of the request names.
    """

    details: tuple[ProductDetail, ...]
    selected: ProductDetail
    loc: Location
    price: Price | None = None


async def create(app: App, actor: Actor, body: Body) -> tuple[Checkout, Shelf]:
    """A new open session for products that the actor may sell.

    Raises `NotPermitted` for a blocked organization, and `Invalid`: all faults of the products or of the ad-hoc prices
    together, else the first failure.
    """
    wanted = await _products(app, actor, body)
    organization = await organization_by_id(app.database, wanted.selected.product.organization_id)
    assert organization is not None
    return await open_session(app, organization, wanted, body)


async def open_session(
    app: App, organization: Row, wanted: Wanted, body: Body, *, discounts: Sequence[Discount] = ()
) -> tuple[Checkout, Shelf]:
    """A new open session of an organization for products that were found already; raises as `create`.

    Where the body names no discount, the session has the first of `discounts` that it can take, if any.
    """
    organization_id: UUID = organization["id"]
    now = await app.times.now(organization_id)
    made = await _ad_hoc_prices(app, wanted, body, now=now)
    shelf = Shelf(
        organization,
        {detail.product.id: detail for detail in wanted.details},
        {price.id: price for price in made},
    )
    selection, currency = _select(shelf, wanted, made, body)
    refuse_blocked(shelf.organization)
    if refusal := book.refuse_amount(selection.price, body.amount):
        raise Invalid(fault(refusal, body.amount))
    judge = partial(refuse, product=selection.product, prices=selection.prices, currency=currency, now=now)
    shelf = replace(shelf, discount=await _discount(app, organization_id, body, judge, otherwise=discounts))
    values = _checked(body, selection)
    customer = await _customer(app, organization_id, body)
    checkout = Checkout(
        **_blank(body),
        **values,
        payment_processor_metadata=dict(app.get(PaymentProcessor).public_details),
        organization_id=organization_id,
        created_at=now,
        expires_at=now + book.LIFETIME,
        product_ids=[detail.product.id for detail in wanted.details],
        ad_hoc_price_ids=[price.id for price in made],
        product_id=selection.product.id,
        product_price_id=selection.price.id,
        currency=currency,
        discount_id=shelf.discount.id if shelf.discount else None,
    )
    checkout = with_answers(checkout, shelf, body.custom_field_data, required=False)
    checkout = replace(checkout, trial_end=book.trial_end(checkout, selection.product, now=now))
    checkout = _prefilled(checkout, customer, business_was_sent="is_business_customer" in body.model_fields_set)
    checkout, _ = await with_tax(app, checkout, selection, shelf.discount)
    async with app.transaction(organization_id) as tx:
        await insert_prices(tx, made)
        await tx.save(None, checkout)
    return checkout, shelf


async def _products(app: App, actor: Actor, body: Body) -> Wanted:
    if isinstance(body, CheckoutPriceCreate):
        return await product_of_price(app, actor, body.product_price_id)
    if isinstance(body, CheckoutProductCreate):
        loc: Location = ("body", "product_id")
        details = await available_products(app, actor, [body.product_id], [loc])
        return Wanted(details, details[0], loc)
    places: list[Location] = [("body", "products", index) for index in range(len(body.products))]
    details = await available_products(app, actor, body.products, places)
    return Wanted(details, details[0], places[0])


async def product_of_price(app: App, actor: Actor, id: UUID) -> Wanted:
    """The product of a live price that the actor may sell. Raises `Invalid` at `product_price_id`."""
    loc = ("body", "product_price_id")
    found = await find_price(app.database, actor, id)
    if found is None:
        raise Invalid(Fault(loc, "Price does not exist.", input=str(id)))
    price, detail = found
    if price.is_archived:
        raise Invalid(Fault(loc, "Price is archived.", input=str(id)))
    if detail.product.is_archived:
        raise Invalid(Fault(loc, "Product is archived.", input=str(id)))
    return Wanted((detail,), detail, loc, price)


async def available_products(
    app: App, actor: Actor, ids: Sequence[UUID], places: Sequence[Location]
) -> tuple[ProductDetail, ...]:
    """The products of `ids`, in order, all of one organization; `places` is where each stands in the request.

    Raises `Invalid` with a fault for each that the actor cannot sell.
    """
    found = await find_products(app.database, actor, ids)
    faults = []
    for id, place in zip(ids, places, strict=True):
        if id not in found:
            faults.append(Fault(place, "Product does not exist.", input=str(id)))
        elif found[id].product.is_archived:
            faults.append(Fault(place, "Product is archived.", input=str(id)))
    if not faults and len({found[id].product.organization_id for id in ids}) > 1:
        words = "Products must all belong to the same organization."
        faults.append(Fault(("body", "products"), words, input=[str(id) for id in ids]))
    if faults:
        raise Invalid(*faults)
    return tuple(found[id] for id in ids)


async def _ad_hoc_prices(app: App, wanted: Wanted, body: Body, *, now: datetime) -> tuple[Price, ...]:
    """The prices made for this session alone, not yet stored. Raises `Invalid` with every fault."""
    asked = (body.prices if isinstance(body, CheckoutProductsCreate) else None) or {}
    products = {detail.product.id: detail.product for detail in wanted.details}
    meter_ids = {id for creates in asked.values() for id in meter_ids_of(creates)}
    meters = await meter_names(app.database, wanted.selected.product.organization_id, meter_ids)
    faults: list[Fault] = []
    for product_id, creates in asked.items():
        loc = ("body", "prices", str(product_id))
        if product_id not in products:
            faults.append(Fault(loc, "Product is not set on that checkout.", input=str(product_id)))
        else:
            recurring = products[product_id].is_recurring
            faults += price_faults(creates, recurring=recurring, loc=loc, known_meter_ids=meters)
    if faults:
        raise Invalid(*faults)
    return tuple(
        new_price(item, product=products[product_id], source=PriceSource.AD_HOC, position=index, now=now, meters=meters)
        for product_id, creates in asked.items()
        for index, item in enumerate(creates)
    )


def _select(shelf: Shelf, wanted: Wanted, made: Sequence[Price], body: Body) -> tuple[Selection, str]:
    """What the session sells first, and in which currency; the address of a caller tells nothing about it here."""
    asked = None if isinstance(body, CheckoutPriceCreate) else body.currency
    candidates = [asked or shelf.organization["default_presentment_currency"]]
    chosen = shelf.choose(wanted.selected.product.id, [price.id for price in made], candidates)
    if chosen is None:
        raise Invalid(Fault(wanted.loc, "Product is not available in the specified currency.", input=asked))
    selection, currency = chosen
    return book.at_price(selection, wanted.price) if wanted.price else selection, currency


async def _discount(
    app: App,
    organization_id: UUID,
    body: Body,
    judge: Callable[[Discount | None], str | None],
    *,
    otherwise: Sequence[Discount],
) -> Discount | None:
    """The discount that the request names, else the first of the others that it can take; `judge` says why not.

    Raises `Invalid` if it cannot take the one that is named (catalog spec 4.4).
    """
    if body.discount_id is None:
        return next((discount for discount in otherwise if judge(discount) is None), None)
    found = await find_discount(app.database, organization_id=organization_id, id=body.discount_id)
    if refusal := judge(found):
        raise Invalid(Fault(("body", "discount_id"), refusal, input=str(body.discount_id)))
    return found


def _checked(body: Body, selection: Selection) -> dict[str, Any]:
    """Amount, seats, address and tax id of the session. Raises `Invalid` for the first that cannot be."""
    address = body.customer_billing_address.model_dump(mode="json") if body.customer_billing_address else None
    pair = tax_id(body.customer_tax_id, address)
    if refusal := book.refuse_seats(selection.price, body.seats):
        raise Invalid(fault(refusal, body.seats))
    seats = book.starting_seats(selection.price, body.seats)
    return {
        "amount": book.starting_amount(selection.price, amount=body.amount, seats=seats),
        "seats": seats,
        "customer_billing_address": address,
        "customer_tax_id": pair,
        "require_billing_address": body.require_billing_address or book.asks_for_full_address(address),
    }


async def _customer(app: App, organization_id: UUID, body: Body) -> Customer | None:
    """The customer that the request names, if known (catalog spec 6.5). Raises `Invalid` for an unknown id.

    A subscription to upgrade names its customer before all else.
    """
    if body.subscription_id is not None:
        customer_id = await _subscriber(app, organization_id, body.subscription_id)
        return await find_customer(app.database, organization_id=organization_id, id=customer_id)
    if body.customer_id is not None:
        customer = await find_customer(app.database, organization_id=organization_id, id=body.customer_id)
        if customer is None:
            raise Invalid(Fault(("body", "customer_id"), "Customer does not exist.", input=str(body.customer_id)))
        return customer
    if body.external_customer_id is not None:
        return await find_customer(app.database, organization_id=organization_id, external_id=body.external_customer_id)
    return None


async def _subscriber(app: App, organization_id: UUID, id: UUID) -> UUID:
    """Whose free subscription it is that is to be upgraded. Raises `Invalid`."""
    found = await find_upgradable(app.database, organization_id=organization_id, id=id)
    if found is not None and found.is_active and found.is_free:
        return found.customer_id
    message = "Only free subscriptions can be upgraded."
    if found is None:
        message = "Subscription does not exist."
    elif not found.is_active:
        message = "Subscription is not active."
    raise Invalid(Fault(("body", "subscription_id"), message, input=str(id)))


_AS_SENT = (
    "subscription_id",
    "success_url",
    "return_url",
    "embed_origin",
    "allow_discount_codes",
    "is_business_customer",
    "allow_trial",
    "trial_interval",
    "trial_interval_count",
    "external_customer_id",
    "customer_name",
    "customer_email",
    "customer_ip_address",
    "customer_billing_name",
)


def _blank(body: Body) -> dict[str, Any]:
    """What a new session takes from the request as it is, and what it has not yet."""
    return {
        "id": uuid.uuid4(),
        "modified_at": None,
        "status": CheckoutStatus.OPEN,
        "client_secret": new_token(SECRET_PREFIX),
        **{name: getattr(body, name) for name in _AS_SENT},
        "metadata": dict(body.metadata),
        "customer_metadata": dict(body.customer_metadata),
        "custom_field_data": {},
        "tax_amount": None,
        "taxability_reason": None,
        "tax_rate": None,
        "tax_calculation_id": None,
        "trial_end": None,
        "customer_id": None,
        "intent_id": None,
        "attempt_id": None,
    }


def _prefilled(checkout: Checkout, customer: Customer | None, *, business_was_sent: bool) -> Checkout:
    """The session with what is known of its customer; values of the request win (catalog spec 6.5)."""
    if customer is None:
        return checkout
    business = checkout.is_business_customer
    if not business_was_sent:
        business = bool(customer.billing_name) and book.has_street(customer.billing_address)
    return replace(
        checkout,
        customer_id=customer.id,
        external_customer_id=customer.external_id or checkout.external_customer_id,
        is_business_customer=business,
        customer_email=checkout.customer_email or customer.email,
        customer_name=checkout.customer_name or customer.name,
        customer_billing_name=checkout.customer_billing_name or customer.billing_name or customer.name,
        customer_billing_address=checkout.customer_billing_address or customer.billing_address,
        customer_tax_id=checkout.customer_tax_id or customer.tax_id,
    )
