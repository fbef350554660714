"""What each change of a subscription means, or why it is refused (orders spec 6).

Every function here makes the decision that `execution` carries out or previews. It takes what was asked, already read
and well-formed, and answers with a function of the subscription's standing and the moment.
"""

import uuid
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from boreal.core import subscriptions as book
from boreal.core.checkouts import in_currency
from boreal.core.discounts import Discount, covers, is_redeemable
from boreal.core.orders import BillingReason
from boreal.core.plan_changes import (
    PlanChange,
    change_period_end,
    change_plan,
    change_seats,
    change_trial,
    end_trial,
)
from boreal.core.plans import Plan, discounted, new_plan, seat_limits
from boreal.core.prices import AmountType
from boreal.core.renewals import begin_period, revoked
from boreal.core.subscriptions import (
    ACTIVE,
    BILLABLE,
    REVOKED,
    CancellationReason,
    ProrationBehavior,
    Subscription,
    SubscriptionStatus,
)
from boreal.kit.problems import BadRequest, Fault, Invalid, ResourceUnavailable
from boreal.rooms.billing.changes.errors import (
    AboveMaximumSeats,
    AlreadyCanceledSubscription,
    BelowMinimumSeats,
    InactiveSubscription,
    NotASeatBasedSubscription,
    SeatsAlreadyAssigned,
    TrialingSubscription,
)
from boreal.rooms.billing.changes.execution import Decide, Decision
from boreal.rooms.billing.changes.renewal import next_period
from boreal.rooms.billing.changes.standing import Scheduled, Standing
from boreal.rooms.catalog.public import ProductDetail

NOT_APPLICABLE = "Discount does not exist, is not applicable to this product or is not redeemable."
ALREADY_APPLIED = "This discount is already applied to the subscription."


def product(detail: ProductDetail | None, product_id: UUID, behavior: ProrationBehavior | None) -> Decide:
    """Another product now, billed at once or with the next order; another interval always at once (spec 6.2, 10)."""

    def decide(standing: Standing, now: datetime) -> Decision:
        subscription = standing.subscription
        _refuse_leaving(subscription)
        if subscription.status is SubscriptionStatus.TRIALING:
            raise TrialingSubscription
        plan = wanted_plan(standing, detail, product_id)
        change = change_plan(subscription, standing.plan, plan, standing.discount, now=now)
        if change.restarts:
            return _restart(change, standing, now)
        return _bill(change, standing, behavior, scheduled=None)

    return decide


def wanted_plan(standing: Standing, detail: ProductDetail | None, product_id: UUID) -> Plan:
    """The plan of a product that the subscription can change to. Raises `Invalid` with the first rule that fails."""
    fault = _fault_of(standing, detail)
    if fault is None:
        assert detail is not None
        prices = in_currency(detail.prices, standing.subscription.currency)
        try:
            return new_plan(detail.product, prices, seats=standing.subscription.seats)
        except ValueError:
            fault = "This product has no price for the number of seats of the subscription."
    raise Invalid(Fault(("body", "product_id"), fault, input=product_id))


def _fault_of(standing: Standing, detail: ProductDetail | None) -> str | None:
    subscription = standing.subscription
    if detail is None or detail.product.organization_id != subscription.organization_id:
        return "Product does not exist."
    if detail.product.is_archived:
        return "Product is archived."
    if not detail.product.is_recurring:
        return "Product is not recurring."
    prices = in_currency(detail.prices, subscription.currency)
    if not prices:
        return "This product doesn't have a price for the subscription currency."
    if any(price.amount_type is AmountType.CUSTOM for price in prices):
        return "Can't update to a product with custom prices."
    return None


def seats(wanted: int, behavior: ProrationBehavior | None) -> Decide:
    """Another number of seats now (orders spec 6.5, 10.5)."""

    def decide(standing: Standing, now: datetime) -> Decision:
        subscription = standing.subscription
        _refuse_leaving(subscription)
        refuse_seats(standing, wanted)
        change = change_seats(subscription, standing.plan, wanted, standing.discount, now=now)
        waiting = standing.scheduled
        kept = waiting if waiting is not None and waiting.seats is None else None
        return _bill(change, standing, behavior, scheduled=kept)

    return decide


def refuse_seats(standing: Standing, wanted: int) -> None:
    """Raises what is wrong with a number of seats: no seats at all, too few, too many, fewer than are assigned."""
    limits = seat_limits(standing.plan)
    if limits is None:
        raise NotASeatBasedSubscription
    least, most = limits
    if wanted < least:
        raise BelowMinimumSeats(least)
    if most is not None and wanted > most:
        raise AboveMaximumSeats(most)
    if wanted < standing.assigned_seats:
        raise SeatsAlreadyAssigned(wanted, standing.assigned_seats)


def schedule(detail: ProductDetail | None, *, product_id: UUID | None, seat_count: int | None) -> Decide:
    """Another product or number of seats from the next period on; it replaces what was scheduled before."""

    def decide(standing: Standing, now: datetime) -> Decision:
        _refuse_leaving(standing.subscription)
        if product_id is not None:
            plan = wanted_plan(standing, detail, product_id)
        else:
            assert seat_count is not None
            refuse_seats(standing, seat_count)
            plan = standing.plan.with_seats(seat_count)
        waiting = Scheduled(uuid.uuid4(), product_id, seat_count, plan)
        return replace(_unbilled(standing, standing.subscription), scheduled=waiting)

    return decide


def unschedule(standing: Standing, now: datetime) -> Decision:
    """Nothing waits for the next period any more."""
    return replace(_unbilled(standing, standing.subscription), scheduled=None)


def discount(found: Discount | None, discount_id: UUID | None) -> Decide:
    """Another discount from the next period on, or none (orders spec 6.3)."""

    def decide(standing: Standing, now: datetime) -> Decision:
        subscription = standing.subscription
        if subscription.status in REVOKED:
            raise AlreadyCanceledSubscription
        if discount_id is not None:
            _refuse_discount(subscription, found, discount_id, now)
        after = replace(
            subscription,
            discount_id=discount_id,
            discount_applied_at=None,
            amount=discounted(standing.plan.base_amount, found),
            modified_at=now,
        )
        return replace(_unbilled(standing, after), discount=found, redeems=found is not None)

    return decide


def _refuse_discount(subscription: Subscription, found: Discount | None, discount_id: UUID, now: datetime) -> None:
    fault = None
    if discount_id == subscription.discount_id:
        fault = ALREADY_APPLIED
    elif (
        found is None
        or not covers(found, product_id=subscription.product_id, currency=subscription.currency)
        or not is_redeemable(found, now=now)
    ):
        fault = NOT_APPLICABLE
    if fault is not None:
        raise Invalid(Fault(("body", "discount_id"), fault, input=discount_id))


def trial(until: datetime | None) -> Decide:
    """A trial until then: longer, shorter, or a new one; without a time the trial is over now (orders spec 6.4)."""

    def decide(standing: Standing, now: datetime) -> Decision:
        subscription = standing.subscription
        if subscription.status not in ACTIVE:
            raise InactiveSubscription(subscription.id)
        is_on_trial = subscription.status is SubscriptionStatus.TRIALING
        place = ("body", "trial_end")
        if until is None:
            if not is_on_trial:
                raise Invalid(Fault(place, "The subscription is not currently trialing.", input="now"))
            return _end_trial(standing, now)
        if not is_on_trial and until <= subscription.current_period_end:
            raise Invalid(Fault(place, "Trial end must be after the current period end.", input=until))
        return _unbilled(standing, change_trial(subscription, until, now=now))

    return decide


def _end_trial(standing: Standing, now: datetime) -> Decision:
    over = end_trial(standing.subscription, now=now)
    decision = next_period(standing, over, now)
    return replace(decision, steps=(over, *decision.steps))


def period_end(until: datetime) -> Decide:
    """A later end of the present period (orders spec 6.6)."""

    def decide(standing: Standing, now: datetime) -> Decision:
        subscription = standing.subscription
        _refuse_leaving(subscription)
        if subscription.status not in ACTIVE:
            raise InactiveSubscription(subscription.id)
        if until < subscription.current_period_end:
            fault = "New period end is earlier than the current period end"
            raise Invalid(Fault(("body", "current_billing_period_end"), fault, input=until))
        return _unbilled(standing, change_period_end(subscription, until, now=now))

    return decide


def cancel(reason: CancellationReason | None, comment: str | None) -> Decide:
    """The end with the period (orders spec 6.7)."""

    def decide(standing: Standing, now: datetime) -> Decision:
        subscription = standing.subscription
        if subscription.status not in BILLABLE:
            raise AlreadyCanceledSubscription
        _refuse_leaving(subscription)
        return _unbilled(standing, book.canceled_at_period_end(subscription, reason=reason, comment=comment, now=now))

    return decide


def uncancel(standing: Standing, now: datetime) -> Decision:
    """No end with the period after all (orders spec 6.8)."""
    subscription = standing.subscription
    if subscription.ended_at is not None:
        raise ResourceUnavailable
    if subscription.status not in BILLABLE or not subscription.cancel_at_period_end:
        raise BadRequest
    return _unbilled(standing, book.uncanceled(subscription, now=now))


def revoke(reason: CancellationReason | None, comment: str | None) -> Decide:
    """The end now; what waits to be billed never is (orders spec 6.9)."""

    def decide(standing: Standing, now: datetime) -> Decision:
        subscription = standing.subscription
        if subscription.status not in BILLABLE:
            raise AlreadyCanceledSubscription
        over = revoked(book.with_reason(subscription, reason, comment), now=now)
        return replace(_unbilled(standing, over), scheduled=None)

    return decide


def _refuse_leaving(subscription: Subscription) -> None:
    if subscription.status in REVOKED or subscription.cancel_at_period_end:
        raise AlreadyCanceledSubscription


def _unbilled(standing: Standing, after: Subscription) -> Decision:
    """A change that costs nothing now."""
    return Decision(steps=(after,), plan=standing.plan, discount=standing.discount, scheduled=standing.scheduled)


def _bill(
    change: PlanChange, standing: Standing, behavior: ProrationBehavior | None, *, scheduled: Scheduled | None
) -> Decision:
    """The change with its entries, which are billed at once or wait, as was asked or else the organization wants it."""
    wanted = behavior or ProrationBehavior(standing.organization["subscription_settings"]["proration_behavior"])
    return Decision(
        steps=(change.after,),
        plan=change.plan,
        discount=standing.discount,
        scheduled=scheduled,
        entries=change.entries,
        bills=BillingReason.SUBSCRIPTION_UPDATE if wanted is ProrationBehavior.INVOICE else None,
        behavior=wanted,
    )


def _restart(change: PlanChange, standing: Standing, now: datetime) -> Decision:
    """The change to a period that begins now, and the bill of that period (orders spec 10.4)."""
    renewal = begin_period(change.after, change.plan, standing.discount, now=now)
    return Decision(
        steps=(change.after, renewal.after),
        plan=change.plan,
        discount=renewal.discount,
        scheduled=None,
        entries=(*change.entries, *renewal.entries),
        bills=BillingReason.SUBSCRIPTION_CYCLE,
        period_number=renewal.after.period_number,
        behavior=ProrationBehavior.INVOICE,
    )
