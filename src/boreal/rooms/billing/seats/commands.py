"""Giving seats to people, and taking them back (orders spec 14).

Whoever assigns locks the holder, as customers are locked before anything else, and then the subscription or the order,
so that no two assignments take the same place.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from boreal.core import seats as book
from boreal.core.customers import Customer, NewCustomer
from boreal.core.orders import Order
from boreal.core.seats import CustomerSeat, Invitation, SeatStatus
from boreal.core.subscriptions import Subscription
from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor
from boreal.kit.db import Record, Row
from boreal.kit.problems import BadRequest, ResourceNotFound
from boreal.kit.secrets import new_token
from boreal.kit.tx import Tx
from boreal.rooms.billing.seats import queries
from boreal.rooms.billing.seats.errors import (
    CustomerNotFound,
    FeatureNotEnabled,
    InvalidInvitationToken,
    SeatAlreadyAssigned,
    SeatNotAvailable,
    SeatNotPending,
)
from boreal.rooms.billing.seats.queries import Container
from boreal.rooms.billing.seats.schemas import SeatAssign
from boreal.rooms.billing.usage.attachment import attach
from boreal.rooms.customers.public import create_session, find, lock_or_create
from boreal.rooms.platform.public import organization_by_id

PREFIX = "polar_sit_"
_RECORDS: dict[str, type[Any]] = {"subscription": Subscription, "order": Order}


async def require_feature(app: App, organization_id: UUID) -> None:
    """Raises `FeatureNotEnabled` where an organization does not sell seats."""
    organization = await organization_by_id(app.database, organization_id)
    if organization is None or not organization["feature_settings"].get("seat_based_pricing_enabled"):
        raise FeatureNotEnabled


async def found_container(app: App, actor: Actor, *, subscription_id: UUID | None, order_id: UUID | None) -> Container:
    """The container that is named. Raises `BadRequest` and `ResourceNotFound`."""
    if subscription_id is None and order_id is None:
        raise BadRequest("Either subscription_id or order_id must be provided")
    container = await queries.container(app.database, actor, subscription_id=subscription_id, order_id=order_id)
    if container is None:
        raise ResourceNotFound("Subscription not found" if subscription_id else "Order not found")
    return container


async def seats_of(app: App, actor: Actor, *, subscription_id: UUID | None, order_id: UUID | None) -> dict[str, Any]:
    """The seats of a container as the API lists them. Raises as `found_container`, and `FeatureNotEnabled`."""
    container = await found_container(app, actor, subscription_id=subscription_id, order_id=order_id)
    await require_feature(app, container.organization_id)
    return queries.render_list(container, await queries.seats_of(app.database, container.id))


async def assign(app: App, container: Container, body: SeatAssign, *, immediate_claim: bool) -> dict[str, Any]:
    """The seat given to somebody: claimed at once, or pending with an invitation on its way.

    Raises `FeatureNotEnabled`, `SeatNotAvailable`, `SeatAlreadyAssigned` and `CustomerNotFound`.
    """
    await require_feature(app, container.organization_id)
    if not container.is_paid:
        raise SeatNotAvailable("Order must be paid before assigning seats")
    async with app.transaction(container.organization_id) as tx:
        holder, named = await _holder(tx, body)
        locked = await tx.lock(_RECORDS[container.kind], container.id)
        assert locked is not None
        rows = await queries.seats_of(tx.connection, container.id)
        taken = [row for row in rows if queries.is_taken(row)]
        if not book.available(locked.seats or 0, taken=len(taken)):
            raise SeatNotAvailable(f"No available seats for {container.id}")
        if holder is None:
            raise CustomerNotFound(named)
        if holder.id in {row["customer_id"] for row in taken}:
            raise SeatAlreadyAssigned(named)
        free = next((row for row in rows if not queries.is_taken(row)), None)
        before = await tx.lock(CustomerSeat, free["id"]) if free else None
        invitation = None if immediate_claim else _invitation(app, now=tx.now)
        after = book.assigned(
            before or _blank(container, now=tx.now),
            customer_id=holder.id,
            metadata=body.metadata,
            invitation=invitation,
            now=tx.now,
        )
        await tx.save(before, after)
        if after.status is SeatStatus.CLAIMED:
            await attach(tx, [holder.id])
        return queries.render(await _read(tx, after.id))


async def resend(app: App, seat: Row) -> dict[str, Any]:
    """The invitation of a pending seat is sent again; one that is over is replaced. Raises `SeatNotPending`."""
    await require_feature(app, seat["organization_id"])
    async with app.transaction(seat["organization_id"]) as tx:
        before = await _lock(tx, seat["id"])
        if before.status is not SeatStatus.PENDING:
            raise SeatNotPending
        if not book.is_claimable(before, now=tx.now):
            await tx.save(before, book.invited_again(before, _invitation(app, now=tx.now), now=tx.now))
        tx.enqueue("send_seat_invitation", payload={"subject_id": str(before.id), "again": str(uuid.uuid4())})
        return queries.render(await _read(tx, before.id))


async def revoke(app: App, seat: Row) -> dict[str, Any]:
    """The seat is free again, and its holder forgotten; no money moves. Twice is once."""
    await require_feature(app, seat["organization_id"])
    async with app.transaction(seat["organization_id"]) as tx:
        await _revoke(tx, seat["id"])
        return queries.render(await _read(tx, seat["id"]))


async def revoke_all(tx: Tx, seat_ids: list[UUID]) -> None:
    """Seats of a container that ended, or of a holder who is gone."""
    for id in seat_ids:
        await _revoke(tx, id)


async def claim(app: App, token: str) -> dict[str, Any]:
    """The seat is its holder's, who gets a session in the portal. Raises `InvalidInvitationToken`."""
    invited = await invitation(app, token)
    if invited is None:
        raise InvalidInvitationToken
    await require_feature(app, invited["organization_id"])
    async with app.transaction(invited["organization_id"]) as tx:
        before = await _lock(tx, invited["id"])
        if before.invitation_hash != invited["invitation_hash"] or not book.is_claimable(before, now=tx.now):
            raise InvalidInvitationToken
        after = await tx.save(before, book.claimed(before, now=tx.now))
        assert after.customer_id is not None
        await attach(tx, [after.customer_id])
        session, _ = await create_session(
            tx, keyring=app.keyring, customer_id=after.customer_id, organization_id=after.organization_id
        )
        return {"seat": queries.render(await _read(tx, after.id)), "customer_session_token": session}


async def invitation(app: App, token: str) -> Record | None:
    """The seat that a token invites to, with what it is for; None once it cannot be claimed."""
    row = await app.database.fetchrow(queries.INVITED, invitation_hash=app.keyring.hash_token(token))
    if row is None:
        return None
    now = await app.times.now(row["organization_id"])
    return row if now < row["invitation_token_expires_at"] else None


async def claim_info(app: App, token: str) -> dict[str, Any] | None:
    """What an invitation is for (contract `SeatClaimInfo`); None once it cannot be claimed. Changes nothing."""
    invited = await invitation(app, token)
    if invited is None:
        return None
    await require_feature(app, invited["organization_id"])
    return {
        "product_name": invited["product_name"],
        "product_id": invited["product_id"],
        "organization_name": invited["organization_name"],
        "organization_slug": invited["organization_slug"],
        "customer_email": invited["holder_email"],
        "can_claim": True,
    }


async def seat_for(app: App, actor: Actor, id: UUID) -> Record:
    """A seat as the merchant's, or as the buyer's of its container. Raises `ResourceNotFound`."""
    statement = queries.FOR_BUYER if actor.kind in PORTAL else queries.FOR_MERCHANT
    row = await app.database.fetchrow(statement, id=id, **actor.binds())
    if row is None:
        raise ResourceNotFound("Seat not found")
    return row


async def _holder(tx: Tx, body: SeatAssign) -> tuple[Customer | None, str]:
    """Who gets a seat, locked, and how the request named them. An unknown e-mail makes a customer, an id does not."""
    if body.email is not None:
        return await lock_or_create(tx, NewCustomer(email=body.email)), body.email
    named = str(body.customer_id or body.external_customer_id)
    found = await find(
        tx.connection,
        organization_id=tx.organization_id,
        id=body.customer_id,
        external_id=body.external_customer_id,
    )
    holder = await tx.lock(Customer, found.id) if found is not None else None
    return holder if holder is not None and holder.deleted_at is None else None, named


def _invitation(app: App, *, now: datetime) -> Invitation:
    token = new_token(PREFIX)
    return Invitation(app.keyring.hash_token(token), app.keyring.encrypt(token), now + book.INVITATION_LASTS)


def _blank(container: Container, *, now: datetime) -> CustomerSeat:
    nothing: Mapping[str, None] = dict.fromkeys(
        (
            "modified_at",
            "customer_id",
            "invitation_hash",
            "sealed_invitation",
            "invitation_token_expires_at",
            "claimed_at",
            "revoked_at",
            "seat_metadata",
        )
    )
    return CustomerSeat(
        id=uuid.uuid4(),
        created_at=now,
        organization_id=container.organization_id,
        subscription_id=container.id if container.kind == "subscription" else None,
        order_id=container.id if container.kind == "order" else None,
        status=SeatStatus.PENDING,
        **nothing,
    )


async def _revoke(tx: Tx, id: UUID) -> None:
    before = await _lock(tx, id)
    await tx.save(before, book.revoked(before, now=tx.now))
    if before.status is SeatStatus.CLAIMED:
        assert before.customer_id is not None
        await attach(tx, [before.customer_id])


async def _lock(tx: Tx, id: UUID) -> CustomerSeat:
    seat = await tx.lock(CustomerSeat, id)
    if seat is None:
        raise ResourceNotFound("Seat not found")
    return seat


async def _read(tx: Tx, id: UUID) -> Record:
    row = await tx.fetchrow(queries.BY_ID, id=id)
    assert row is not None
    return row
