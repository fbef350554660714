"""The usage of a subscription in its bill: what of it is due, that an order takes it, and the new period behind it.

Whoever bills first closes the usage at a place in the order of events. What was used before is fixed from then on,
however long the tax takes, and what comes behind it is the next bill's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from boreal.core.billing_run import Line
from boreal.core.orders import BillingReason, Order
from boreal.core.plans import Plan
from boreal.core.subscriptions import BILLABLE, Subscription
from boreal.core.usage_lines import UsageLine
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.rooms.billing.orders.labels import usage_label
from boreal.rooms.billing.usage.attachment import attach, attach_users, forgo, take, users
from boreal.rooms.billing.usage.reading import Usage, read_usage
from boreal.rooms.usage.public import close, reset


@dataclass(frozen=True, slots=True)
class Metering:
    """What a change of a subscription means for its usage: the subscription and its plan, before and after it.

    `waits` says that there are spans which no order has taken, `bills` for which reason an order is to take them.
    """

    before: Subscription
    after: Subscription
    old_plan: Plan
    plan: Plan
    waits: bool
    bills: BillingReason | None

    @property
    def concerns_usage(self) -> bool:
        """Whether meters are involved at all."""
        return self.waits or bool(meters_of(self.plan))

    @property
    def billed_plan(self) -> Plan:
        """By which prices a quantity is billed that exists for whole periods only.

        Those of now, unless they begin with the period behind the one that is billed (orders spec 13.3).
        """
        is_next = self.after.current_period_start == self.before.current_period_end
        return self.old_plan if is_next else self.plan


def meters_of(plan: Plan) -> frozenset[UUID]:
    """The meters that a plan has prices on."""
    return frozenset(billed.price.meter_id for billed in plan.prices if billed.price.meter_id is not None)


async def due(app: App, change: Metering, *, until: int | None = None) -> Usage:
    """What is due for usage up to a place, or up to now."""
    if not change.waits:
        return Usage(place=until)
    prices = {change.before.id: [billed.price for billed in change.billed_plan.prices]}
    return (await read_usage(app.database, prices, until=until))[change.before.id]


async def close_usage(app: App, change: Metering) -> int | None:
    """Fixes what was used so far, for a bill; the place where it ends, or None if no meter is involved."""
    if change.bills is None or not change.concerns_usage:
        return None
    async with app.transaction(change.before.organization_id) as tx:
        meter_ids = meters_of(change.plan) | meters_of(change.old_plan)
        return await close(tx, customer_ids=await users(tx, change.before.id), meter_ids=meter_ids)


async def write_usage(tx: Tx, change: Metering, usage: Usage, order: Order | None) -> bool:
    """The order takes the usage it bills; a new period begins, and spans go on as the plan says now.

    False if other usage waits now than what the order bills.
    """
    if not change.concerns_usage:
        return True
    id = change.after.id
    if order is not None and change.waits:
        assert usage.place is not None
        if not await take(tx, id, order_id=order.id, usage=usage, at=usage.place):
            return False
    if change.after.status not in BILLABLE:
        await forgo(tx, id)
    elif change.bills is BillingReason.SUBSCRIPTION_CYCLE:
        await _begin_anew(tx, change, usage)
    if usage.place is not None:
        await attach(tx, {*usage.customer_ids, *await users(tx, id)}, at=usage.place)
    elif change.plan != change.old_plan:
        await attach_users(tx, id)
    return True


async def _begin_anew(tx: Tx, change: Metering, usage: Usage) -> None:
    """The windows of those whose usage was billed, and of meters that are new to the subscription (spec 13.5)."""
    meter_ids = meters_of(change.plan)
    for customer_id in sorted({*usage.customer_ids, change.after.customer_id}):
        known = meter_ids & usage.meter_ids if customer_id in usage.customer_ids else frozenset()
        new = meter_ids - usage.meter_ids if customer_id == change.after.customer_id else frozenset()
        if known or new:
            await reset(tx, customer_id=customer_id, meter_ids=known | new, at=usage.place)


def usage_lines(lines: Iterable[UsageLine]) -> tuple[Line, ...]:
    """The lines of an order for what is due for usage."""
    return tuple(_line(line) for line in lines)


def _line(line: UsageLine) -> Line:
    price = line.price
    assert price.meter_name is not None
    return Line(
        label=usage_label(price.meter_name, price, line.share),
        amount=line.amount,
        product_price_id=price.id,
        discountable=True,
    )
