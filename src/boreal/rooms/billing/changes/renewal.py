"""Renewing subscriptions when their periods end (orders spec 8).

`renew_subscription` is one row of work per subscription, due at the end of its period. It moves the subscription on by
one period, bills that, and puts itself off until the next end. Who was late is looked at again at once, so that what
was missed is caught up period by period, each with its own order.
"""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.customers import Customer
from boreal.core.orders import BillingReason
from boreal.core.renewals import is_due, switched
from boreal.core.renewals import renew as renewal_of
from boreal.core.subscriptions import ACTIVE, Subscription, SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.problems import ServiceUnavailable
from boreal.kit.work import Later, Work
from boreal.rooms.billing.changes.execution import Decision, carry_out
from boreal.rooms.billing.changes.standing import Standing
from boreal.rooms.billing.subscriptions.commands import end_now
from boreal.rooms.billing.subscriptions.tables import SubscriptionRow

_log = structlog.get_logger("boreal.billing")

POLL = timedelta(seconds=30)
"""How soon a renewal first looks again whether the charge for the period before has ended; its end tells it sooner."""
LONGEST_POLL = timedelta(hours=1)
TAX_PAUSE = timedelta(minutes=5)
"""How long a renewal is put off whose tax the source cannot tell at the moment."""

_OF_CUSTOMER = sa.select(SubscriptionRow.c.id).where(
    SubscriptionRow.c.customer_id == sa.bindparam("customer_id", type_=PgUUID),
    sa.or_(*(SubscriptionRow.c.status == status.value for status in sorted(ACTIVE))),
)


class _NotDue(Exception):
    """There is nothing to renew now; `subscription` is as it is."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(subscription.id)
        self.subscription = subscription


class _Waits(Exception):
    """It is due, and has to wait."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__()
        self.pause = pause


async def renew(app: App, work: Work) -> None:
    """Kind of work `renew_subscription`: one period, or the end. Safe to run again; `Later` until the next end."""
    id = UUID(work.payload["subscription_id"])
    try:
        after = (await carry_out(app, work.organization_id, id, decide, renews=False)).after
    except _NotDue as found:
        after = found.subscription
    except ServiceUnavailable:
        now = await app.times.now(work.organization_id)
        raise Later(now + TAX_PAUSE, counts=False, unless_asked=True) from None
    except _Waits as waits:
        now = await app.times.now(work.organization_id)
        raise Later(now + waits.pause, counts=False, unless_asked=True) from None
    if after.status in ACTIVE:
        raise Later(after.current_period_end, counts=False, unless_asked=True)


def decide(standing: Standing, now: datetime) -> Decision:
    """The next period of a subscription and its bill, or its end with what is left to bill (orders spec 8.3)."""
    subscription = standing.subscription
    if not is_due(subscription, now=now):
        raise _NotDue(subscription)
    organization = standing.organization
    if organization["blocked_at"] is not None or organization["deleted_at"] is not None:
        raise _Waits(LONGEST_POLL)
    if standing.is_undecided:
        late = now - subscription.current_period_end
        raise _Waits(min(max(POLL, late / 4), LONGEST_POLL))
    return next_period(standing, subscription, now)


def next_period(standing: Standing, subscription: Subscription, now: datetime) -> Decision:
    """What follows a period that is over: the next one, on the plan that waited for it, or the end (spec 8.3).

    `subscription` is that of the standing, but for the dates of a period that somebody ends now.
    """
    plan = standing.plan
    if standing.scheduled is not None and not subscription.cancel_at_period_end:
        if standing.scheduled.plan is not None:
            plan = standing.scheduled.plan
            seats = standing.scheduled.seats or subscription.seats
            subscription = switched(subscription, plan, seats=seats)
        else:
            _log.warning("scheduled_change_impossible", subscription_id=str(subscription.id))
    renewal = renewal_of(subscription, plan, standing.discount, now=now)
    has_ended = renewal.after.status is SubscriptionStatus.CANCELED
    return Decision(
        steps=(renewal.after,),
        plan=plan,
        discount=renewal.discount,
        scheduled=None,
        entries=renewal.entries,
        bills=BillingReason.SUBSCRIPTION_CYCLE,
        period_number=renewal.after.period_number + (1 if has_ended else 0),
    )


async def end_of_customer(app: App, work: Work) -> None:
    """Kind of work `end_subscriptions`: those of a deleted customer that count as active end at once (spec 5.3)."""
    customer_id = UUID(work.payload["subject_id"])
    async with app.transaction(work.organization_id) as tx:
        await tx.lock(Customer, customer_id)
        for row in await tx.fetch(_OF_CUSTOMER, customer_id=customer_id):
            await end_now(tx, row["id"])
