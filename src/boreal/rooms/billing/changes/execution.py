"""Carrying out a decision about a subscription: read, decide, ask for the tax, write; or all but the write.

A decision is a value: the states that the subscription goes through, what that costs, and whether it is billed at once.
It is made from a reading without locks. The write locks customer and subscription and looks whether they are still as
they were read; if not, everything starts over. A preview is the same without the write, so they cannot disagree.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from boreal.core.billing_run import Bill, Entry, Line, bill
from boreal.core.customers import Customer
from boreal.core.discounts import Discount, discount_amount
from boreal.core.orders import BillingReason, Order
from boreal.core.plans import Plan
from boreal.core.subscriptions import BILLABLE, Subscription
from boreal.core.system_events import seats_updated
from boreal.kit.app import App
from boreal.kit.problems import ResourceNotFound
from boreal.kit.tx import Tx
from boreal.rooms.billing.changes.errors import SubscriptionLocked
from boreal.rooms.billing.changes.metering import Metering, close_usage, due, usage_lines, write_usage
from boreal.rooms.billing.changes.standing import Scheduled, Standing, lock_standing, read_standing
from boreal.rooms.billing.mails.notices import Notice
from boreal.rooms.billing.orders.drafts import Draft, store
from boreal.rooms.billing.orders.labels import entry_label
from boreal.rooms.billing.orders.taxes import tax_basis, tax_on
from boreal.rooms.billing.subscriptions.commands import renew_later, replace_prices
from boreal.rooms.billing.subscriptions.tables import BillingEntryRow, ScheduledChangeRow
from boreal.rooms.billing.usage.reading import Usage
from boreal.rooms.catalog.public import link_redemption, redeem

ATTEMPTS = 10
"""How often a decision is made again because something changed meanwhile."""

_INSERT_ENTRY = BillingEntryRow.insert().values(
    {
        column.name: sa.bindparam(column.name, type_=column.type)
        for column in BillingEntryRow.columns
        if column.name != "position"
    }
)
_TAKE = (
    sa.update(BillingEntryRow)
    .where(BillingEntryRow.c.subscription_id == sa.bindparam("key"), BillingEntryRow.c.order_id.is_(None))
    .values(order_id=sa.bindparam("taken_by"))
)
_UNSCHEDULE = sa.delete(ScheduledChangeRow).where(ScheduledChangeRow.c.subscription_id == sa.bindparam("subscription"))
_SCHEDULE = ScheduledChangeRow.insert()
_TRY_LOCK = sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("id"), 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to become of a subscription.

    `steps` are the states that follow the present one, each told of on its own. `bills` says for which reason an order
    takes everything that waits now, `entries` included, and `period_number` which period it pays for. `scheduled` is
    what waits for the end of the period from now on. `redeems` takes a redemption of the new discount. `behavior` is
    when a difference in seats is billed.
    """

    steps: tuple[Subscription, ...]
    plan: Plan
    discount: Discount | None
    scheduled: Scheduled | None
    entries: tuple[Entry, ...] = ()
    bills: BillingReason | None = None
    period_number: int | None = None
    redeems: bool = False
    behavior: str = "next_period"

    @property
    def after(self) -> Subscription:
        """The subscription in the end."""
        return self.steps[-1]


Decide = Callable[[Standing, datetime], Decision]


@dataclass(frozen=True, slots=True)
class Planned:
    """A decision with what it was made from, and the order that follows."""

    standing: Standing
    decision: Decision
    usage: Usage
    draft: Draft | None


class Unredeemable(Exception):
    """Somebody else took the last redemption of the discount meanwhile."""


class _Changed(Exception):
    """Something is not as it was read."""


async def carry_out(
    app: App, organization_id: UUID, id: UUID, decide: Decide, *, alone: bool = False, renews: bool = True
) -> Decision:
    """Makes a decision true, with its facts, its order and the work that follows.

    Unless `renews` is false, which is for the renewal itself, another end of the period is waited for from now on. With
    `alone` nobody else may be changing the subscription through the API: `SubscriptionLocked` (orders spec 6).
    Raises `ResourceNotFound`, `Unredeemable`, and what `decide` raises.
    """
    for _ in range(ATTEMPTS):
        made = await plan(app, id, decide, closes=True)
        standing, decision = made.standing, made.decision
        try:
            async with app.transaction(organization_id) as tx:
                if alone and not await tx.fetchval(_TRY_LOCK, id=str(id)):
                    raise SubscriptionLocked
                await _write(app, tx, made)
                if renews:
                    _renew_later(tx, standing, decision)
            return decision
        except _Changed:
            continue
    raise SubscriptionLocked


async def plan(app: App, id: UUID, decide: Decide, *, closes: bool = False) -> Planned:
    """What would be done, down to the order and its tax. Raises what `decide` raises.

    Nothing is written, but that the usage which would be billed is closed if that is asked for.
    """
    standing = await read_standing(app, app.database, id)
    if standing is None:
        raise ResourceNotFound
    now = await app.times.now(standing.subscription.organization_id)
    decision = decide(standing, now)
    change = metering_of(standing, decision)
    place = await close_usage(app, change) if closes else None
    usage = await due(app, change, until=place)
    return Planned(standing, decision, usage, await draft_of(app, standing, decision, usage, now=now))


def metering_of(standing: Standing, decision: Decision) -> Metering:
    """What a decision means for usage."""
    return Metering(
        before=standing.subscription,
        after=decision.after,
        old_plan=standing.plan,
        plan=decision.plan,
        waits=standing.usage_waits,
        bills=decision.bills,
    )


async def draft_of(app: App, standing: Standing, decision: Decision, usage: Usage, *, now: datetime) -> Draft | None:
    """The order that the decision asks for; None if it asks for none, or if there is nothing to bill."""
    if decision.bills is None:
        return None
    run = bill_of(standing, decision, usage)
    if not run.lines:
        return None
    currency = standing.subscription.currency
    tax = await tax_on(app, run.net_amount, currency=currency, customer=standing.customer, now=now)
    return Draft(run, tax, decision.discount, decision.bills, decision.period_number)


def bill_of(standing: Standing, decision: Decision, usage: Usage) -> Bill:
    """The bill of everything that waits, with what the decision adds and the usage (orders spec 9.2)."""
    lines = [_line(entry) for entry in (*standing.pending, *decision.entries)]
    discount = decision.discount
    return bill(
        (*lines, *usage_lines(usage.lines)),
        partial(discount_amount, discount) if discount is not None else None,
    )


def _line(entry: Entry) -> Line:
    return Line(
        label=entry_label(entry),
        amount=entry.amount,
        product_price_id=entry.product_price_id,
        proration=entry.type == "proration",
        discountable=entry.is_discountable,
    )


async def _write(app: App, tx: Tx, planned: Planned) -> None:
    standing, decision, draft = planned.standing, planned.decision, planned.draft
    seen = standing.subscription
    if decision.redeems and decision.discount is not None:
        holder = uuid.uuid4()
        if not await redeem(tx, decision.discount, holder):
            raise Unredeemable
        await link_redemption(tx, holder, seen.id)
    customer = await tx.lock(Customer, seen.customer_id)
    assert customer is not None
    if not await lock_standing(app, tx, standing):
        raise _Changed
    if draft is not None and tax_basis(customer) != tax_basis(standing.customer):
        raise _Changed
    before = seen
    for step in decision.steps:
        if step != before:
            await tx.flush()  # each step is told of as it was
            await tx.save(before, step)
            tx.note(*seats_updated(before, step, behavior=decision.behavior))
        before = step
    await _write_around(tx, standing, decision)
    if draft is None and decision.after.product_id != seen.product_id:
        tx.enqueue("send_subscription_mail", payload={"subject_id": str(seen.id), "notice": Notice.UPDATED})
    order = None
    if draft is not None:
        order = await store(
            app,
            tx,
            draft,
            subscription=decision.after,
            customer=customer,
            organization=standing.organization,
            method=standing.method,
        )
    await _write_entries(tx, standing, decision, order)
    if not await write_usage(tx, metering_of(standing, decision), planned.usage, order):
        raise _Changed


def _renew_later(tx: Tx, standing: Standing, decision: Decision) -> None:
    after = decision.after
    if after.status in BILLABLE and after.current_period_end != standing.subscription.current_period_end:
        renew_later(tx, after)


async def _write_around(tx: Tx, standing: Standing, decision: Decision) -> None:
    """What belongs to the subscription and is no part of its record: its prices and a scheduled change."""
    after = decision.after
    if decision.plan != standing.plan:
        await replace_prices(tx, after, decision.plan.prices)
    if decision.scheduled != standing.scheduled:
        await tx.execute(_UNSCHEDULE, subscription=after.id)
        if decision.scheduled is not None:
            await tx.execute(
                _SCHEDULE,
                id=decision.scheduled.id,
                created_at=tx.now,
                organization_id=tx.organization_id,
                subscription_id=after.id,
                product_id=decision.scheduled.product_id,
                seats=decision.scheduled.seats,
            )


async def _write_entries(tx: Tx, standing: Standing, decision: Decision, order: Order | None) -> None:
    """What is to be billed from now on; an order takes it at once, with everything that has waited."""
    if order is not None and standing.pending:
        await tx.execute(_TAKE, key=order.subscription_id, taken_by=order.id)
    if decision.entries:
        order_id = order.id if order is not None else None
        rows = [_row(tx, decision.after, entry, order_id) for entry in decision.entries]
        await tx.execute_many(_INSERT_ENTRY, rows)


def _row(tx: Tx, subscription: Subscription, entry: Entry, order_id: UUID | None) -> dict[str, object]:
    return {
        "id": uuid.uuid4(),
        "created_at": tx.now,
        "organization_id": tx.organization_id,
        "subscription_id": subscription.id,
        "period_number": subscription.period_number,
        "order_id": order_id,
        "type": entry.type,
        "amount": entry.amount,
        "discount_amount": entry.discount_amount,
        "product_price_id": entry.product_price_id,
        "product_name": entry.product_name,
        "starts_at": entry.starts_at,
        "ends_at": entry.ends_at,
    }
