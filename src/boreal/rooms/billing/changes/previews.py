"""Previews: what a change would bill now and what the next invoice would be, from the code that does both."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from boreal.core.billing_run import apply_balance
from boreal.core.subscriptions import ACTIVE, SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.problems import ResourceNotFound
from boreal.rooms.billing.changes import renewal
from boreal.rooms.billing.changes.execution import Decide, Decision, draft_of, metering_of, plan
from boreal.rooms.billing.changes.metering import due
from boreal.rooms.billing.changes.standing import Standing, read_standing
from boreal.rooms.billing.orders.drafts import Draft, available_credit


async def preview(app: App, id: UUID, decide: Decide | None) -> dict[str, Any]:
    """The subscription after a change (None: as it is), the order of now if there is one, and that of the next period.

    Amounts are in minor units. Nothing is written. Raises what the change itself would.
    """
    if decide is None:
        standing = await _standing(app, id)
        decision, draft = None, None
    else:
        planned = await plan(app, id, decide)
        standing, decision, draft = planned.standing, planned.decision, planned.draft
    seen = standing.subscription
    credit = await available_credit(app.database, standing.customer.id, seen.currency)
    invoice = _invoice(draft, credit, at=await app.times.now(seen.organization_id))
    left = credit + apply_balance(draft.total_amount, credit).change if draft is not None else credit
    then = _after(standing, decision, billed=draft is not None)
    after = then.subscription
    return {
        "subscription": {
            "status": after.status,
            "product_id": after.product_id,
            "seats": after.seats,
            "amount": after.amount,
            "currency": after.currency,
            "recurring_interval": after.recurring_interval,
            "recurring_interval_count": after.recurring_interval_count,
            "current_period_start": after.current_period_start,
            "current_period_end": after.current_period_end,
            "trial_end": after.trial_end,
            "cancel_at_period_end": after.cancel_at_period_end,
            "ends_at": after.ends_at,
        },
        "invoice": invoice,
        "next_invoice": await _next_invoice(app, then, left),
    }


async def charge_preview(app: App, id: UUID) -> dict[str, Any]:
    """What the next period would cost, prorations and balance left out (orders spec 7.1).

    Raises `ResourceNotFound` unless the subscription is active or on trial.
    """
    standing = await _standing(app, id)
    subscription = standing.subscription
    if subscription.status not in ACTIVE:
        raise ResourceNotFound
    decision = renewal.decide(_settled(replace(standing, pending=())), subscription.current_period_end)
    usage = await due(app, metering_of(standing, decision))
    draft = await draft_of(app, replace(standing, pending=()), decision, usage, now=subscription.current_period_end)
    lines = draft.bill.lines if draft is not None else ()
    base = sum(entry.amount for entry in decision.entries)
    return {
        "base_amount": base,
        "metered_amount": sum(line.amount for line in lines) - base,
        "subtotal_amount": draft.bill.subtotal_amount if draft is not None else 0,
        "discount_amount": draft.bill.discount_amount if draft is not None else 0,
        "tax_amount": draft.tax.amount if draft is not None else 0,
        "total_amount": draft.total_amount if draft is not None else 0,
    }


async def _standing(app: App, id: UUID) -> Standing:
    standing = await read_standing(app, app.database, id)
    if standing is None:
        raise ResourceNotFound
    return standing


def _after(standing: Standing, decision: Decision | None, *, billed: bool) -> Standing:
    """The standing once the change is made and its order, if it has one, has taken what waited."""
    if decision is None:
        return _settled(standing)
    waiting = () if billed else (*standing.pending, *decision.entries)
    return _settled(
        replace(
            standing,
            subscription=decision.after,
            plan=decision.plan,
            discount=decision.discount,
            scheduled=decision.scheduled,
            pending=waiting,
            usage_waits=standing.usage_waits and not billed,
        )
    )


def _settled(standing: Standing) -> Standing:
    """As if every charge had been made: a preview waits for nothing, and a past due subscription recovers."""
    subscription = standing.subscription
    if subscription.status is SubscriptionStatus.PAST_DUE:
        subscription = replace(subscription, status=SubscriptionStatus.ACTIVE)
    return replace(standing, subscription=subscription, is_undecided=False)


async def _next_invoice(app: App, standing: Standing, credit: int) -> dict[str, Any] | None:
    subscription = standing.subscription
    if subscription.status not in ACTIVE:
        return None
    at = subscription.current_period_end
    decision = renewal.decide(standing, at)
    usage = await due(app, metering_of(standing, decision))
    draft = await draft_of(app, standing, decision, usage, now=at)
    return _invoice(draft, credit, at=at)


def _invoice(draft: Draft | None, credit: int, *, at: datetime) -> dict[str, Any] | None:
    if draft is None:
        return None
    applied = apply_balance(draft.total_amount, credit)
    return {
        "date": at,
        "billing_reason": draft.reason,
        "lines": _lines(draft),
        "subtotal_amount": draft.bill.subtotal_amount,
        "discount_amount": draft.bill.discount_amount,
        "net_amount": draft.bill.net_amount,
        "tax_amount": draft.tax.amount,
        "total_amount": draft.total_amount,
        "applied_balance_amount": applied.amount,
        "due_amount": max(0, draft.total_amount + applied.amount),
    }


def _lines(draft: Draft) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "label": line.label,
            "amount": line.amount,
            "proration": line.proration,
            "product_price_id": line.product_price_id,
        }
        for line in draft.bill.lines
    ]
