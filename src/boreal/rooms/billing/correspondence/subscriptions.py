"""The mails about a subscription: another plan, cancellation and its withdrawal, overdue payments, the end."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import dunning
from boreal.core.orders import OrderStatus
from boreal.core.subscriptions import BILLABLE, SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.db import Row
from boreal.kit.work import Work
from boreal.rooms.billing.mails.notices import Notice, Overdue, render_notice
from boreal.rooms.billing.mails.sending import is_switched_on, portal_link, send
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.payments.tables import PaymentRow
from boreal.rooms.billing.subscriptions.tables import SubscriptionRow
from boreal.rooms.catalog.public import ProductRow
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.platform.public import organization_by_id

S, O, P = SubscriptionRow.c, OrderRow.c, PaymentRow.c  # noqa: E741

NOTICES = {
    "subscription.canceled": Notice.CANCELLATION,
    "subscription.uncanceled": Notice.UNCANCELED,
    "subscription.past_due": Notice.PAST_DUE,
    "subscription.revoked": Notice.REVOKED,
}

_ID = sa.bindparam("id", type_=PgUUID)
_SUBSCRIPTION = (
    sa.select(
        SubscriptionRow,
        ProductRow.c.name.label("product_name"),
        CustomerRow.c.email.label("email"),
        CustomerRow.c.deleted_at.label("customer_deleted_at"),
    )
    .join_from(SubscriptionRow, ProductRow, ProductRow.c.id == S.product_id)
    .join(CustomerRow, CustomerRow.c.id == S.customer_id)
    .where(S.id == _ID)
)
_UNPAID = (
    sa.select(
        O.due_amount,
        O.currency,
        O.invoice_number,
        O.first_failed_at,
        O.next_payment_attempt_at,
        sa.select(P.decline_message)
        .where(P.order_id == O.id)
        .order_by(P.created_at.desc(), P.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("reason"),
    )
    .where(O.subscription_id == _ID, O.status == OrderStatus.PENDING.value, O.first_failed_at.is_not(None))
    .order_by(O.created_at.desc(), O.id.desc())
    .limit(1)
)


async def send_subscription_mail(app: App, work: Work) -> None:
    """Sends the notice that a fact, or the payload's `notice`, asks for, if that is still how things stand.

    The row of work is the key, so that running twice makes one mail where the way out can tell.
    """
    asked = work.payload.get("notice")
    notice = Notice(asked) if asked is not None else NOTICES[work.payload["fact"]]
    subscription = await app.database.fetchrow(_SUBSCRIPTION, id=UUID(work.payload["subject_id"]))
    organization = await organization_by_id(app.database, work.organization_id)
    assert subscription is not None
    assert organization is not None
    if subscription["customer_deleted_at"] is not None or not is_switched_on(organization, notice.switch):
        return
    if not _is_so(notice, subscription):
        return
    overdue = await _overdue(app, subscription, organization) if notice is Notice.PAST_DUE else None
    if notice is Notice.PAST_DUE and overdue is None:
        return
    email = subscription["email"]
    rendered = render_notice(
        notice,
        merchant=organization["name"],
        product=subscription["product_name"],
        url=await portal_link(app, organization, customer_id=subscription["customer_id"], email=email),
        day=subscription["ended_at"] or subscription["ends_at"] or subscription["current_period_end"],
        overdue=overdue,
    )
    await send(app, organization, to=email, key=f"subscription-{work.id}", rendered=rendered)


def _is_so(notice: Notice, subscription: Row) -> bool:
    """Whether a notice is still true; a revocation says nothing of the cancellation in it."""
    status = SubscriptionStatus(subscription["status"])
    match notice:
        case Notice.CANCELLATION:
            return bool(subscription["cancel_at_period_end"]) and status in BILLABLE
        case Notice.PAST_DUE:
            return status is SubscriptionStatus.PAST_DUE
        case Notice.REVOKED:
            return status not in BILLABLE
    return status in BILLABLE and not subscription["cancel_at_period_end"]


async def _overdue(app: App, subscription: Row, organization: Row) -> Overdue | None:
    """What the customer has to pay; None once they have."""
    order = await app.database.fetchrow(_UNPAID, id=subscription["id"])
    if order is None:
        return None
    days = organization["subscription_settings"].get("benefit_revocation_grace_period", 0)
    access_ends_at = dunning.grace_ends_at(subscription["past_due_at"], days=days)
    given_up_at = order["first_failed_at"] + timedelta(days=max(app.settings.dunning_days, default=0))
    return Overdue(
        amount=order["due_amount"],
        currency=order["currency"],
        invoice_number=order["invoice_number"],
        reason=order["reason"],
        next_attempt_at=order["next_payment_attempt_at"],
        given_up_at=given_up_at,
        access_ends_at=min(access_ends_at, given_up_at) if days else None,
    )
