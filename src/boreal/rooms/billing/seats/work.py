"""What follows from seats and from what they belong to: invitations, and the end of seats (orders spec 14)."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from boreal.core import dunning
from boreal.core.seats import SeatStatus
from boreal.core.subscriptions import ACTIVE, Subscription, SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Kind, Later, Work
from boreal.rooms.billing.mails.notices import render_seat_mail
from boreal.rooms.billing.mails.sending import send
from boreal.rooms.billing.seats import queries
from boreal.rooms.billing.seats.commands import revoke_all
from boreal.rooms.billing.seats.tables import CustomerSeatRow
from boreal.rooms.platform.public import organization_by_id

C = CustomerSeatRow.c

_OF_SUBSCRIPTION = sa.select(C.id).where(C.subscription_id == sa.bindparam("id"), C.status != SeatStatus.REVOKED.value)
_OF_CUSTOMER = sa.select(C.id).where(C.customer_id == sa.bindparam("id"))


async def send_seat_invitation(app: App, work: Work) -> None:
    """Sends an invitation, unless it was claimed, revoked or replaced meanwhile."""
    invited = await app.database.fetchrow(queries.INVITATION, id=UUID(work.payload["subject_id"]))
    if invited is None or invited["status"] != SeatStatus.PENDING.value or invited["holder_email"] is None:
        return
    organization = await organization_by_id(app.database, invited["organization_id"])
    assert organization is not None
    token = app.keyring.decrypt(invited["sealed_invitation"])
    url = f"{app.settings.url}/{organization['slug']}/portal/claim?token={token}"
    rendered = render_seat_mail(merchant=organization["name"], product=invited["product_name"], url=url)
    key = f"seat-{work.payload.get('again') or invited['invitation_hash'][:32]}"
    await send(app, organization, to=invited["holder_email"], key=key, rendered=rendered)


async def end_seats_of_subscription(app: App, work: Work) -> None:
    """The seats of a subscription that was revoked, or is past due beyond its grace, are revoked too.

    They do not come back when it recovers (orders spec 12.3).
    """
    async with app.transaction(work.organization_id) as tx:
        subscription = await tx.load(Subscription, UUID(work.payload["subject_id"]))
        assert subscription is not None
        if subscription.status in ACTIVE:
            return
        grace_ends_at = await _grace_ends_at(tx, subscription)
        if grace_ends_at is not None and tx.now < grace_ends_at:
            raise Later(dunning.next_look(grace_ends_at, now=tx.now), counts=False)
        rows = await tx.fetch(_OF_SUBSCRIPTION, id=subscription.id)
        await revoke_all(tx, [row["id"] for row in rows])


async def _grace_ends_at(tx: Tx, subscription: Subscription) -> datetime | None:
    """Until when its seats are kept, if it is past due."""
    if subscription.status is not SubscriptionStatus.PAST_DUE or subscription.past_due_at is None:
        return None
    organization = await organization_by_id(tx.connection, subscription.organization_id)
    assert organization is not None
    days = organization["subscription_settings"].get("benefit_revocation_grace_period", 0)
    return dunning.grace_ends_at(subscription.past_due_at, days=days)


async def end_seats_of_customer(app: App, work: Work) -> None:
    """The seats that a deleted customer held are free again."""
    async with app.transaction(work.organization_id) as tx:
        rows = await tx.fetch(_OF_CUSTOMER, id=UUID(work.payload["subject_id"]))
        await revoke_all(tx, [row["id"] for row in rows])


KINDS = {
    "send_seat_invitation": Kind(send_seat_invitation, queue="mail"),
    "end_seats_of_subscription": Kind(end_seats_of_subscription),
    "end_seats_of_customer": Kind(end_seats_of_customer),
}
