"""Making checkout sessions (catalog spec 6.3 to 6.9).

Everything is looked up and decided before the one transaction that stores the session and the prices made for it.
The order of the checks is the specification's: products, ad-hoc prices, currency, amount, discount, tax id, seats,
subscription and customer, custom fields.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, CheckoutStatus, Selection
from boreal.core.customers import Customer
from boreal.core.prices import Price, PriceSource
from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.problems import Fault, Invalid, Location
from boreal.kit.secrets import new_token
from boreal.rooms.catalog.public import (
    ProductDetail,
    find_price,
    find_products,
    insert_prices,
    new_price,
    price_faults,
    read_products,
)
from boreal.rooms.checkout.checkouts.changes import tax_id
from boreal.rooms.checkout.checkouts.errors import fault
from boreal.rooms.checkout.checkouts.schemas import (
    CheckoutPriceCreate,
    CheckoutProductCreate,
    CheckoutProductsCreate,
)
from boreal.rooms.checkout.checkouts.shelf import Shelf
from boreal.rooms.checkout.checkouts.taxes import with_tax
from boreal.rooms.customers.public import find as find_customer
from boreal.rooms.platform.public import read_organizations

SECRET_PREFIX = "polar_c_"

Body = CheckoutProductsCreate | CheckoutProductCreate | CheckoutPriceCreate


@dataclass(frozen=True, slots=True)
class Wanted:
    """The products of a new session in order, where they stood in the request, and the price if one was named."""

    details: tuple[ProductDetail, ...]
    loc: Location
    price: Price | None = None


async def create(app: App, actor: Actor, body: Body) -> tuple[Checkout, Shelf]:
    """A new open session. Raises `Invalid`, all faults of the products together, else the first failure."""
    wanted = await _products(app, actor, body)
    return await open_session(app, wanted, body)


async def open_session(app: App, wanted: Wanted, body: Body) -> tuple[Checkout, Shelf]:
    """A new open session for products that were found already."""
    product = wanted.details[0].product
    made = _ad_hoc_prices(app, wanted, body)
    organizations = await read_organizations(app.database, [product.organization_id])
    shelf = Shelf(
        organizations[product.organization_id],
        {detail.product.id: detail for detail in wanted.details},
        {price.id: price for price in made},
    )
    selection, currency = _select(shelf, wanted, made, body)
    if refusal := book.refuse_amount(selection.price, body.amount):
        raise Invalid(fault(refusal, body.amount))
    if body.discount_id is not None:
        raise Invalid(Fault(("body", "discount_id"), "Discount does not exist.", input=str(body.discount_id)))
    address = body.customer_billing_address.model_dump(mode="json") if body.customer_billing_address else None
    pair = tax_id(body.customer_tax_id, address)
    seats = book.starting_seats(selection.price, body.seats)
    if refusal := book.refuse_seats(selection.price, body.seats):
        raise Invalid(fault(refusal, body.seats))
    if body.subscription_id is not None:
        raise Invalid(
            Fault(("body", "subscription_id"), "Subscription does not exist.", input=str(body.subscription_id))
        )
    customer = await _customer(app, product.organization_id, body)
    amount = book.starting_amount(selection.price, amount=body.amount, seats=seats)
    checkout = _new(app, wanted, made, body, selection)
    checkout = replace(
        checkout,
        currency=currency,
        amount=amount,
        seats=seats,
        customer_billing_address=address,
        customer_tax_id=pair,
        require_billing_address=body.require_billing_address or book.is_detailed(address),
    )
    checkout = _prefilled(checkout, customer, business_was_sent="is_business_customer" in body.model_fields_set)
    checkout, _ = await with_tax(app, checkout, selection)
    async with app.transaction(checkout.organization_id) as tx:
        await insert_prices(tx, made)
        await tx.save(None, checkout)
    return checkout, shelf


async def _products(app: App, actor: Actor, body: Body) -> Wanted:
    if isinstance(body, CheckoutPriceCreate):
        loc: Location = ("body", "product_price_id")
        found = await find_price(app.database, actor, body.product_price_id)
        if found is None:
            raise Invalid(Fault(loc, "Price does not exist.", input=str(body.product_price_id)))
        price, detail = found
        if price.is_archived:
            raise Invalid(Fault(loc, "Price is archived.", input=str(body.product_price_id)))
        if detail.product.is_archived:
            raise Invalid(Fault(loc, "Product is archived.", input=str(body.product_price_id)))
        return Wanted((detail,), loc, price)
    if isinstance(body, CheckoutProductCreate):
        details = await _available(app, actor, [body.product_id], [("body", "product_id")])
        return Wanted(details, ("body", "product_id"))
    places: list[Location] = [("body", "products", index) for index in range(len(body.products))]
    return Wanted(await _available(app, actor, body.products, places), places[0])


async def _available(
    app: App, actor: Actor, ids: Sequence[UUID], places: Sequence[Location]
) -> tuple[ProductDetail, ...]:
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


def _ad_hoc_prices(app: App, wanted: Wanted, body: Body) -> tuple[Price, ...]:
    """The prices made for this session alone, not yet stored. Raises `Invalid` with every fault."""
    asked = body.prices if isinstance(body, CheckoutProductsCreate) else None
    products = {detail.product.id: detail.product for detail in wanted.details}
    faults: list[Fault] = []
    made: list[Price] = []
    for product_id, creates in (asked or {}).items():
        loc = ("body", "prices", str(product_id))
        product = products.get(product_id)
        if product is None:
            faults.append(Fault(loc, "Product is not set on that checkout.", input=str(product_id)))
            continue
        faults += price_faults(creates, recurring=product.is_recurring, loc=loc)
        if not faults:
            made += [
                new_price(item, product=product, source=PriceSource.AD_HOC, position=index, now=app.clock.now())
                for index, item in enumerate(creates)
            ]
    if faults:
        raise Invalid(*faults)
    return tuple(made)


def _select(shelf: Shelf, wanted: Wanted, made: Sequence[Price], body: Body) -> tuple[Selection, str]:
    product_id = wanted.details[0].product.id
    ids = [price.id for price in made]
    default: str = shelf.organization["default_presentment_currency"]
    asked = None if isinstance(body, CheckoutPriceCreate) else body.currency
    # The address of a caller says nothing about their country here: there is no offline source for it.
    currency = book.choose_currency(shelf.prices(product_id, ids), [asked] if asked else [default])
    selection = shelf.choose(product_id, ids, currency) if currency else None
    if selection is None or currency is None:
        raise Invalid(Fault(wanted.loc, "Product is not available in the specified currency.", input=asked))
    if wanted.price is not None:
        selection = replace(selection, price=wanted.price)
    return selection, currency


async def _customer(app: App, organization_id: UUID, body: Body) -> Customer | None:
    """The customer that the request names, if known (catalog spec 6.5). Raises `Invalid` for an unknown id."""
    if body.customer_id is not None:
        customer = await find_customer(app.database, organization_id=organization_id, id=body.customer_id)
        if customer is None:
            raise Invalid(Fault(("body", "customer_id"), "Customer does not exist.", input=str(body.customer_id)))
        return customer
    if body.external_customer_id is not None:
        return await find_customer(app.database, organization_id=organization_id, external_id=body.external_customer_id)
    return None


def _new(app: App, wanted: Wanted, made: Sequence[Price], body: Body, selection: Selection) -> Checkout:
    """The session without what depends on its price, its customer and its tax."""
    now = app.clock.now()
    product = selection.product
    trial = book.active_trial(
        product, allow_trial=body.allow_trial, interval=body.trial_interval, count=body.trial_interval_count
    )
    return Checkout(
        id=uuid.uuid4(),
        created_at=now,
        modified_at=None,
        organization_id=product.organization_id,
        status=CheckoutStatus.OPEN,
        client_secret=new_token(SECRET_PREFIX),
        expires_at=now + book.LIFETIME,
        success_url=body.success_url,
        return_url=body.return_url,
        embed_origin=body.embed_origin,
        product_ids=[detail.product.id for detail in wanted.details],
        ad_hoc_price_ids=[price.id for price in made],
        product_id=product.id,
        product_price_id=selection.price.id,
        currency="",
        amount=0,
        seats=None,
        tax_amount=None,
        taxability_reason=None,
        tax_rate=None,
        tax_calculation_id=None,
        discount_id=None,
        allow_discount_codes=body.allow_discount_codes,
        require_billing_address=body.require_billing_address,
        is_business_customer=body.is_business_customer,
        allow_trial=body.allow_trial,
        trial_interval=body.trial_interval,
        trial_interval_count=body.trial_interval_count,
        trial_end=book.trial_end(product, trial, now=now),
        customer_id=None,
        external_customer_id=body.external_customer_id,
        customer_name=body.customer_name,
        customer_email=body.customer_email,
        customer_ip_address=str(body.customer_ip_address) if body.customer_ip_address else None,
        customer_billing_name=body.customer_billing_name,
        customer_billing_address=None,
        customer_tax_id=None,
        customer_metadata=dict(body.customer_metadata),
        metadata=dict(body.metadata),
        custom_field_data={},
        subscription_id=None,
        payment_processor_metadata={},
        intent_id=None,
        attempt_id=None,
    )


def _prefilled(checkout: Checkout, customer: Customer | None, *, business_was_sent: bool) -> Checkout:
    """The session with what is known of its customer; values of the request win (catalog spec 6.5)."""
    if customer is None:
        return checkout
    address: Mapping[str, Any] = customer.billing_address or {}
    business = checkout.is_business_customer
    if not business_was_sent:
        detailed = any(address.get(name) for name in ("line1", "line2", "city", "postal_code"))
        business = bool(customer.billing_name) and detailed
    return replace(
        checkout,
        customer_id=customer.id,
        external_customer_id=checkout.external_customer_id or customer.external_id,
        is_business_customer=business,
        customer_email=checkout.customer_email or customer.email,
        customer_name=checkout.customer_name or customer.name,
        customer_billing_name=checkout.customer_billing_name or customer.billing_name or customer.name,
        customer_billing_address=checkout.customer_billing_address or customer.billing_address,
        customer_tax_id=checkout.customer_tax_id or customer.tax_id,
    )


async def wanted_products(app: App, ids: Sequence[UUID], *, loc: Location) -> Wanted | None:
    """The products of a link that can still be sold, in order; None if there is none."""
    found = await read_products(app.database, ids)
    details = tuple(found[id] for id in ids if id in found and not found[id].product.is_archived)
    return Wanted(details, loc) if details else None
