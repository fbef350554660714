"""A wave of renewals delays nobody else: neither the buyers of the same organization nor the renewals of another.

Held by the order in which things happened, never by how long they took.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from tests.support.catalog import fixed, make_product
from tests.support.checkout import good, open_session
from tests.support.clones import clone
from tests.support.shop import Shop
from tests.support.subscribers import MONTHLY, subscribe

WAVE = 60
"""How many renewals are due at once: several times what a worker takes on at a time."""

_LEFT = sa.text(
    "SELECT count(*) FROM work WHERE (due_at <= :now OR claimed_at IS NOT NULL) AND kind IN "
    "('renew_subscription', 'collect_order', 'complete_checkout')"
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_PAID = sa.text("SELECT count(*) FROM orders WHERE period_number = 2 AND status = 'paid'")
_BEFORE = sa.text(
    """
    SELECT count(*) FROM facts JOIN orders ON orders.id = facts.subject_id
    WHERE facts.name = 'order.paid' AND orders.organization_id = :organization_id
    AND orders.billing_reason = 'subscription_cycle' AND facts.id < (
        SELECT min(facts.id) FROM facts JOIN orders ON orders.id = facts.subject_id
        WHERE facts.name = 'order.paid' AND orders.id = :order_id)
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.UUID(as_uuid=True)), sa.bindparam("order_id", type_=sa.UUID(as_uuid=True))
)


async def newest_order(shop: Shop) -> UUID:
    return UUID(good(await shop.client.get("/v1/orders/?sorting=-created_at&limit=1"))["items"][0]["id"])


async def test_a_wave_delays_neither_buyers_nor_others(shop: Shop, other_shop: Shop, dsn: str) -> None:
    bought = await subscribe(shop, await make_product(shop, fixed(1000), **MONTHLY))
    connection = await asyncpg.connect(dsn)
    await clone(connection, UUID(bought["id"]), count=WAVE - 1)
    await connection.close()
    shop.clock.advance(timedelta(hours=1))
    await subscribe(other_shop, await make_product(other_shop, fixed(2000), **MONTHLY))  # due last of all
    await shop.settle()
    shop.clock.advance(timedelta(days=31))
    session = await open_session(shop, await make_product(shop, fixed(4900)))
    good(await session.confirm(customer_email="late@example.com"))
    database = shop.app.database
    worker = asyncio.create_task(shop.boreal.work())
    while await database.fetchval(_LEFT, now=shop.clock.now()):
        await asyncio.sleep(0.05)
    worker.cancel()
    await asyncio.wait([worker])
    await shop.settle()
    for id in (UUID((await session.order())["id"]), await newest_order(other_shop)):
        before = await database.fetchval(_BEFORE, organization_id=shop.organization_id, order_id=id)
        assert before < WAVE / 2, f"{before} of {WAVE} renewals were paid first"
    paid = await database.fetchval(_PAID)
    assert paid == WAVE + 1
