"""Which subscription pays for the usage of a customer, kept true by whatever changes it (orders spec 13.1).

That is the customer's subscription that started first among those that can be billed and have a price on the meter;
without one, the subscription in which the customer holds a seat. What is used while there is none is never billed.

Locks come in this order: the customers' usage (an advisory lock each), spans, rows of the usage room.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.subscriptions import BILLABLE, Subscription
from boreal.kit.db import Record
from boreal.kit.tx import Tx
from boreal.rooms.billing.usage.reading import Usage
from boreal.rooms.billing.usage.tables import UsageSpanRow
from boreal.rooms.usage.public import close, reset

U = UsageSpanRow.c
_BILLABLE = ", ".join(f"'{status.value}'" for status in sorted(BILLABLE))
_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))
_OF_SUBSCRIPTION = sa.bindparam("subscription_id", type_=PgUUID)

_LOCK = sa.text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended('usage ' || id, 0))
    FROM (SELECT unnest(CAST(:ids AS uuid[]))::text AS id ORDER BY 1) AS sorted
    """
)
_HOLDERS = sa.text(
    """
    SELECT customer_id FROM subscriptions WHERE id = :subscription_id
    UNION SELECT customer_id FROM customer_seats WHERE subscription_id = :subscription_id AND status = 'claimed'
    UNION SELECT customer_id FROM usage_spans WHERE subscription_id = :subscription_id AND until_seq IS NULL
    """
).bindparams(_OF_SUBSCRIPTION)
_WANTED = sa.text(
    f"""
    WITH priced AS (
        SELECT subscription.id, subscription.customer_id, subscription.started_at, listed.position, price.meter_id,
            price.id AS product_price_id
        FROM subscriptions AS subscription
        JOIN subscription_prices AS listed ON listed.subscription_id = subscription.id
        JOIN product_prices AS price ON price.id = listed.product_price_id AND price.meter_id IS NOT NULL
        WHERE subscription.status IN ({_BILLABLE}) AND subscription.id IN (
            SELECT id FROM subscriptions WHERE customer_id = ANY(:ids)
            UNION SELECT subscription_id FROM customer_seats WHERE customer_id = ANY(:ids) AND status = 'claimed')
    ), payer AS (
        SELECT priced.*, customer_id AS user_id, 1 AS rank FROM priced WHERE customer_id = ANY(:ids)
        UNION ALL
        SELECT priced.*, seat.customer_id, 2 FROM priced
        JOIN customer_seats AS seat ON seat.subscription_id = priced.id AND seat.status = 'claimed'
        WHERE seat.customer_id = ANY(:ids)
    )
    SELECT DISTINCT ON (user_id, meter_id) user_id AS customer_id, meter_id, id AS subscription_id, product_price_id
    FROM payer ORDER BY user_id, meter_id, rank, started_at, id, position
    """  # noqa: S608  # made of constants
).bindparams(_IDS)
_OPEN = (
    sa.select(U.id, U.customer_id, U.meter_id, U.subscription_id, U.product_price_id)
    .where(U.customer_id == sa.func.any(_IDS), U.until_seq.is_(None))
    .order_by(U.id)
    .with_for_update()
)
_PENDING = (
    sa.select(U.id, U.customer_id, U.meter_id, U.until_seq)
    .where(U.subscription_id == _OF_SUBSCRIPTION, U.order_id.is_(None), ~U.is_forgone)
    .order_by(U.id)
)
_CLOSE = sa.text("UPDATE usage_spans SET until_seq = :place WHERE id = ANY(:ids)").bindparams(_IDS)
_FORGO = sa.text(
    "UPDATE usage_spans SET is_forgone = true, until_seq = coalesce(until_seq, :place) WHERE id = ANY(:ids)"
).bindparams(_IDS)
_TAKE = sa.text(
    """
    UPDATE usage_spans SET order_id = :order_id, until_seq = coalesce(until_seq, :place), covered_units = sent.covered
    FROM unnest(CAST(:ids AS uuid[]), CAST(:covered AS numeric[])) AS sent (id, covered)
    WHERE usage_spans.id = sent.id
    """
)
_INSERT = UsageSpanRow.insert()


class Attachment(NamedTuple):
    """Whose usage of which meter is billed to which subscription, by which price."""

    customer_id: UUID
    meter_id: UUID
    subscription_id: UUID
    product_price_id: UUID


async def begin_usage(tx: Tx, subscription: Subscription, meter_ids: Collection[UUID]) -> None:
    """A subscription with prices on some meters begins: their windows begin anew, and usage counts from here on.

    The subscriber is locked (usage spec 5.5).
    """
    if meter_ids:
        await _lock(tx, [subscription.customer_id])
        begun = await reset(tx, customer_id=subscription.customer_id, meter_ids=meter_ids)
        await _attach(tx, [subscription.customer_id], at=begun.place)


async def attach(tx: Tx, customer_ids: Collection[UUID], *, at: int | None = None) -> None:
    """From now on, or from a place at which all meters concerned were closed, the right subscriptions pay."""
    await _lock(tx, customer_ids)
    await _attach(tx, customer_ids, at=at)


async def attach_users(tx: Tx, subscription_id: UUID, *, at: int | None = None) -> None:
    """The same for everybody whose usage a subscription pays for, or might."""
    await attach(tx, await users(tx, subscription_id), at=at)


async def users(tx: Tx, subscription_id: UUID) -> list[UUID]:
    """The subscriber, whoever holds a seat, and everybody else whose usage the subscription pays for now."""
    return [row["customer_id"] for row in await tx.fetch(_HOLDERS, subscription_id=subscription_id)]


async def forgo(tx: Tx, subscription_id: UUID) -> None:
    """What waits of a subscription that ended at once is never billed; other subscriptions may pay from here on."""
    if not await tx.fetch(_PENDING, subscription_id=subscription_id):
        return
    await _lock(tx, await users(tx, subscription_id))
    pending = await tx.fetch(_PENDING.with_for_update(), subscription_id=subscription_id)
    going_on = [row for row in pending if row["until_seq"] is None]
    place = await _close(tx, going_on) if going_on else None
    await tx.execute(_FORGO, ids=[row["id"] for row in pending], place=place)
    await _attach(tx, {row["customer_id"] for row in going_on}, at=place)


async def take(tx: Tx, subscription_id: UUID, *, order_id: UUID, usage: Usage, at: int) -> bool:
    """An order bills what was read, until a place; whether that still is all that waits."""
    await _lock(tx, usage.customer_ids)
    pending = await tx.fetch(_PENDING.with_for_update(), subscription_id=subscription_id)
    if {row["id"] for row in pending} != usage.covered.keys():
        return False
    ids, covered = list(usage.covered), list(usage.covered.values())
    await tx.execute(_TAKE, order_id=order_id, place=at, ids=ids, covered=covered)
    return True


async def _lock(tx: Tx, customer_ids: Iterable[UUID]) -> None:
    await tx.execute(_LOCK, ids=list(set(customer_ids)))


async def _attach(tx: Tx, customer_ids: Collection[UUID], *, at: int | None) -> None:
    ids = list(customer_ids)
    wanted = {Attachment(*row) for row in await tx.fetch(_WANTED, ids=ids)}
    going_on = {_attachment(row): row for row in await tx.fetch(_OPEN, ids=ids)}
    over = [row for attachment, row in going_on.items() if attachment not in wanted]
    begun = wanted - going_on.keys()
    if not over and not begun:
        return
    place = at if at is not None else await _close(tx, [*over, *(attachment._asdict() for attachment in begun)])
    await tx.execute(_CLOSE, ids=[row["id"] for row in over], place=place)
    rows = [
        {
            "id": uuid.uuid4(),
            "created_at": tx.now,
            "organization_id": tx.organization_id,
            "from_seq": place,
            "until_seq": None,
            "order_id": None,
            "is_forgone": False,
            "covered_units": 0,
            **attachment._asdict(),
        }
        for attachment in sorted(begun)
    ]
    await tx.execute_many(_INSERT, rows)


async def _close(tx: Tx, rows: Sequence[Record | dict[str, UUID]]) -> int:
    return await close(
        tx,
        customer_ids={row["customer_id"] for row in rows},
        meter_ids={row["meter_id"] for row in rows},
    )


def _attachment(row: Record) -> Attachment:
    return Attachment(*(row[name] for name in Attachment._fields))
