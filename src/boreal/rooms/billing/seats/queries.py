"""Reading seats, and finding the container that a request means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.orders import OrderStatus
from boreal.core.seats import SeatStatus, available
from boreal.kit.auth import PORTAL, Actor, owned_by, visible_to
from boreal.kit.db import Connection, Record, Row, Runs
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.seats.tables import CustomerSeatRow
from boreal.rooms.billing.subscriptions.tables import SubscriptionRow
from boreal.rooms.catalog.public import ProductRow
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.platform.public import OrganizationRow

S, O, C = SubscriptionRow.c, OrderRow.c, CustomerSeatRow.c  # noqa: E741

_SUBSCRIPTIONS = sa.select(S.id, S.organization_id, S.seats)
_ORDERS = sa.select(O.id, O.organization_id, O.seats, O.status).where(O.subscription_id.is_(None))
_ID, _CHECKOUT = sa.bindparam("id", type_=PgUUID), sa.bindparam("checkout_id", type_=PgUUID)

_FOR_MERCHANT = {
    "subscription": _SUBSCRIPTIONS.where(S.id == _ID, visible_to(S.organization_id)),
    "order": _ORDERS.where(O.id == _ID, visible_to(O.organization_id)),
}
_FOR_BUYER = {
    "subscription": _SUBSCRIPTIONS.where(S.id == _ID, owned_by(S.customer_id)),
    "order": _ORDERS.where(O.id == _ID, owned_by(O.customer_id)),
}
_OF_CHECKOUT = {
    "subscription": _SUBSCRIPTIONS.where(S.checkout_id == _CHECKOUT),
    "order": _ORDERS.where(O.checkout_id == _CHECKOUT),
}

_SEATS = sa.select(CustomerSeatRow, CustomerRow.c.email.label("holder_email")).outerjoin_from(
    CustomerSeatRow, CustomerRow, CustomerRow.c.id == C.customer_id
)
BY_ID = _SEATS.where(C.id == sa.bindparam("id"))
FOR_MERCHANT = _SEATS.where(C.id == sa.bindparam("id"), visible_to(C.organization_id))
FOR_BUYER = (
    _SEATS.outerjoin(SubscriptionRow, S.id == C.subscription_id)
    .outerjoin(OrderRow, O.id == C.order_id)
    .where(C.id == sa.bindparam("id"), owned_by(sa.func.coalesce(S.customer_id, O.customer_id)))
)
BY_INVITATION = (
    _SEATS.add_columns(
        ProductRow.c.id.label("product_id"),
        ProductRow.c.name.label("product_name"),
        OrganizationRow.c.name.label("organization_name"),
        OrganizationRow.c.slug.label("organization_slug"),
    )
    .join(OrganizationRow, OrganizationRow.c.id == C.organization_id)
    .outerjoin(SubscriptionRow, S.id == C.subscription_id)
    .outerjoin(OrderRow, O.id == C.order_id)
    .join(ProductRow, ProductRow.c.id == sa.func.coalesce(S.product_id, O.product_id))
)
INVITED = BY_INVITATION.where(C.invitation_hash == sa.bindparam("invitation_hash"))
INVITATION = BY_INVITATION.where(C.id == sa.bindparam("id"))

_OF_CONTAINER = _SEATS.where(
    sa.or_(
        C.subscription_id == sa.bindparam("container_id", type_=PgUUID),
        C.order_id == sa.bindparam("container_id", type_=PgUUID),
    )
).order_by(C.created_at, C.id)
HELD_SUBSCRIPTIONS = sa.select(C.subscription_id).where(
    owned_by(C.customer_id), C.status == SeatStatus.CLAIMED.value, C.subscription_id.is_not(None)
)


@dataclass(frozen=True, slots=True)
class Container:
    """What has seats: a subscription, or an order of something bought once."""

    kind: str
    id: UUID
    organization_id: UUID
    seats: int
    is_paid: bool


async def container(
    runs: Runs, actor: Actor, *, subscription_id: UUID | None = None, order_id: UUID | None = None
) -> Container | None:
    """The container that a merchant, or its buyer, names; None if they see no such."""
    statements = _FOR_BUYER if actor.kind in PORTAL else _FOR_MERCHANT
    kind, id = ("subscription", subscription_id) if subscription_id else ("order", order_id)
    row = await runs.fetchrow(statements[kind], id=id, **actor.binds())
    return _container(kind, row) if row else None


async def container_of_checkout(runs: Runs, checkout_id: UUID) -> Container | None:
    """What a checkout sold, if that has seats."""
    for kind, statement in _OF_CHECKOUT.items():
        if row := await runs.fetchrow(statement, checkout_id=checkout_id):
            return _container(kind, row)
    return None


def _container(kind: str, row: Row) -> Container:
    paid = kind == "subscription" or row["status"] != OrderStatus.PENDING.value
    return Container(kind, row["id"], row["organization_id"], row["seats"] or 0, paid)


async def seats_of(runs: Runs, container_id: UUID) -> list[Record]:
    """All seats of a container, the oldest first."""
    return await runs.fetch(_OF_CONTAINER, container_id=container_id)


def is_taken(row: Row) -> bool:
    """Whether a seat occupies a place."""
    return bool(row["status"] != SeatStatus.REVOKED.value)


def render(row: Row) -> dict[str, Any]:
    """A seat as everybody sees it. Members are not there yet, so that its holder is a customer (orders spec 14.2)."""
    return {
        "created_at": row["created_at"],
        "modified_at": row["modified_at"],
        "id": row["id"],
        "subscription_id": row["subscription_id"],
        "order_id": row["order_id"],
        "status": row["status"],
        "customer_id": row["customer_id"],
        "member_id": None,
        "email": None,
        "customer_email": row["holder_email"],
        "invitation_token_expires_at": row["invitation_token_expires_at"],
        "claimed_at": row["claimed_at"],
        "revoked_at": row["revoked_at"],
        "seat_metadata": row["seat_metadata"],
    }


def render_list(found: Container, rows: Sequence[Row]) -> dict[str, Any]:
    """The seats of a container, and how many it has and has left."""
    return {
        "seats": [render(row) for row in rows],
        "available_seats": available(found.seats, taken=sum(is_taken(row) for row in rows)),
        "total_seats": found.seats,
    }


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the seat events."""
    row = await connection.fetchrow(BY_ID, id=id)
    assert row is not None
    return render(row)
