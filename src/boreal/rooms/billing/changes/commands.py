"""Changing subscriptions as somebody asks for it over the API."""

import uuid
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi.exceptions import RequestValidationError

from boreal.core import calendar
from boreal.core.checkouts import in_currency
from boreal.core.customers import Customer
from boreal.core.plans import new_plan
from boreal.core.prices import AmountType
from boreal.core.pricing import default_price
from boreal.core.subscriptions import CancellationReason, Subscription, SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible
from boreal.kit.db import Row
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.rooms.billing.changes import decisions, requests
from boreal.rooms.billing.changes.execution import Decide, Unredeemable, carry_out
from boreal.rooms.billing.changes.metering import meters_of
from boreal.rooms.billing.subscriptions import queries
from boreal.rooms.billing.subscriptions.commands import add_prices, renew_later
from boreal.rooms.billing.usage.attachment import begin_usage
from boreal.rooms.catalog.public import ProductDetail, find_discount, find_products
from boreal.rooms.customers.public import find as find_customer
from boreal.rooms.platform.public import organization_by_id, organization_of

FARTHEST = timedelta(days=36_525)
"""How far ahead a trial or a period may be made to end: a hundred years."""


async def owner(app: App, actor: Actor, id: UUID) -> UUID:
    """The organization of a subscription that the actor may see. Raises `ResourceNotFound`."""
    row = await read_visible(app.database, queries.GET, actor, id)
    organization_id: UUID = row["organization_id"]
    return organization_id


async def update(app: App, actor: Actor, id: UUID, body: requests.SubscriptionUpdate) -> None:
    """Makes the change that a body asks for. Raises what `decisions` refuses, and `SubscriptionLocked`."""
    organization_id = await owner(app, actor, id)
    decide = await decision_of(app, actor, organization_id, body)
    try:
        await carry_out(app, organization_id, id, decide, alone=True)
    except Unredeemable:
        raise Invalid(Fault(("body", "discount_id"), decisions.NOT_APPLICABLE)) from None


async def revoke(
    app: App, actor: Actor, id: UUID, *, reason: CancellationReason | None = None, comment: str | None = None
) -> None:
    """Ends a subscription now. Raises `AlreadyCanceledSubscription`, `SubscriptionLocked`, `ResourceNotFound`."""
    organization_id = await owner(app, actor, id)
    await carry_out(app, organization_id, id, decisions.revoke(reason, comment), alone=True)


async def decision_of(app: App, actor: Actor, organization_id: UUID, body: requests.SubscriptionUpdate) -> Decide:
    """How a body is to be decided; products and discounts that it names are read here."""
    match body:
        case requests.SubscriptionUpdateProduct():
            detail = await _product(app, actor, body.product_id)
            return decisions.product(detail, body.product_id, body.proration_behavior)
        case requests.SubscriptionUpdateDiscount():
            found = None
            if body.discount_id is not None:
                found = await find_discount(app.database, organization_id=organization_id, id=body.discount_id)
            return decisions.discount(found, body.discount_id)
        case requests.SubscriptionUpdateTrial():
            if isinstance(body.trial_end, str):
                return decisions.trial(None)
            now = await app.times.now(organization_id)
            return decisions.trial(_ahead(now, body.trial_end, "SubscriptionUpdateTrial", "trial_end"))
        case requests.SubscriptionUpdateSeats():
            return decisions.seats(body.seats, body.proration_behavior)
        case requests.SubscriptionUpdateBillingPeriod():
            name = "current_billing_period_end"
            now = await app.times.now(organization_id)
            end = _ahead(now, body.current_billing_period_end, "SubscriptionUpdateBillingPeriod", name)
            return decisions.period_end(end)
        case requests.SubscriptionCancel():
            if not body.cancel_at_period_end:
                return decisions.uncancel
            return decisions.cancel(body.customer_cancellation_reason, body.customer_cancellation_comment)
        case requests.SubscriptionRevoke():
            return decisions.revoke(body.customer_cancellation_reason, body.customer_cancellation_comment)


def _ahead(now: datetime, moment: datetime, shape: str, name: str) -> datetime:
    """The moment in UTC. Raises what pydantic would for one that is not in the future, or farther than makes sense."""
    fault = None
    if moment <= now:
        fault = {"type": "datetime_future", "msg": "Input should be in the future"}
    elif moment > now + FARTHEST:
        fault = {"type": "value_error", "msg": "Value error, Must be within a hundred years"}
    if fault is not None:
        raise RequestValidationError([{**fault, "loc": ("body", shape, name), "input": moment}])
    return moment.astimezone(now.tzinfo)


async def schedule(app: App, actor: Actor, id: UUID, body: requests.ScheduledChangeCreate) -> None:
    """Plans another product or number of seats for the next period, instead of what was planned before."""
    organization_id = await owner(app, actor, id)
    if isinstance(body, requests.ScheduledProduct):
        detail = await _product(app, actor, body.product_id)
        decide = decisions.schedule(detail, product_id=body.product_id, seat_count=None)
    else:
        decide = decisions.schedule(None, product_id=None, seat_count=body.seats)
    await carry_out(app, organization_id, id, decide, alone=True)


async def unschedule(app: App, actor: Actor, id: UUID) -> None:
    """Nothing is planned any more. Raises `ResourceNotFound`, also when nothing was."""
    organization_id = await owner(app, actor, id)
    if await scheduled_change(app, actor, id) is None:
        raise ResourceNotFound
    await carry_out(app, organization_id, id, decisions.unschedule, alone=True)


async def scheduled_change(app: App, actor: Actor, id: UUID) -> Row | None:
    """What is planned for the next period, if anything. Raises `ResourceNotFound`."""
    await owner(app, actor, id)
    return await app.database.fetchrow(queries.SCHEDULED, id=id)


async def _product(app: App, actor: Actor, id: UUID) -> ProductDetail | None:
    return (await find_products(app.database, actor, [id])).get(id)


async def create(app: App, actor: Actor, body: requests.SubscriptionCreate) -> UUID:
    """A subscription to a free product, active from now, without an order; its id (orders spec 6.1).

    Raises `Invalid` with what is wrong with the product and with the customer.
    """
    detail = await _product(app, actor, body.product_id)
    organization_id = detail.product.organization_id if detail else organization_of(actor, None)
    organization = await organization_by_id(app.database, organization_id)
    assert organization is not None
    currency = organization["default_presentment_currency"]
    customer, faults = await _customer(app, organization_id, body)
    fault = _fault_of_free(detail, currency)
    if fault is not None:
        faults = [Fault(("body", "product_id"), fault, input=body.product_id), *faults]
    if faults:
        raise Invalid(*faults)
    assert detail is not None
    assert customer is not None
    plan = new_plan(detail.product, in_currency(detail.prices, currency), seats=None)
    async with app.transaction(organization_id) as tx:
        await tx.lock(Customer, customer.id)
        subscription = await tx.save(None, _free(detail, customer, currency, body.metadata, now=tx.now))
        await add_prices(tx, subscription, plan.prices)
        await begin_usage(tx, subscription, meters_of(plan))
        renew_later(tx, subscription)
    return subscription.id


async def _customer(
    app: App, organization_id: UUID, body: requests.SubscriptionCreate
) -> tuple[Customer | None, list[Fault]]:
    id = body.customer_id if isinstance(body, requests.SubscriptionCreateCustomer) else None
    external_id = body.external_customer_id if isinstance(body, requests.SubscriptionCreateExternalCustomer) else None
    found = await find_customer(app.database, organization_id=organization_id, id=id, external_id=external_id)
    name = "customer_id" if id is not None else "external_customer_id"
    return found, [] if found else [Fault(("body", name), "Customer does not exist.", input=id or external_id)]


def _fault_of_free(detail: ProductDetail | None, currency: str) -> str | None:
    if detail is None:
        return "Product does not exist."
    if not detail.product.is_recurring:
        return "Product is not a recurring product."
    price = default_price(in_currency(detail.prices, currency))
    if price is None or price.amount_type is not AmountType.FREE:
        return "Product is not free. The customer should go through a checkout to create a paid subscription."
    return None


def _free(
    detail: ProductDetail, customer: Customer, currency: str, metadata: dict[str, Any], *, now: datetime
) -> Subscription:
    product = detail.product
    assert product.recurring_interval is not None
    assert product.recurring_interval_count is not None
    return Subscription(
        id=uuid.uuid4(),
        created_at=now,
        modified_at=None,
        organization_id=product.organization_id,
        customer_id=customer.id,
        product_id=product.id,
        discount_id=None,
        checkout_id=None,
        payment_method_id=None,
        status=SubscriptionStatus.ACTIVE,
        amount=0,
        currency=currency,
        seats=None,
        recurring_interval=product.recurring_interval,
        recurring_interval_count=product.recurring_interval_count,
        anchor_day=now.day,
        current_period_start=now,
        current_period_end=calendar.add(now, product.recurring_interval, product.recurring_interval_count),
        trial_start=None,
        trial_end=None,
        started_at=now,
        discount_applied_at=None,
        metadata=metadata,
        custom_field_data={},
    )
