"""Redemptions: who uses a discount, counted exactly (catalog spec 4.5).

Each checkout session holds at most one. It is taken when the session is confirmed, given back when the payment fails
after all, and linked to the subscription that comes of it. Whoever calls this holds the lock of the session, which is
what keeps the calls of one session apart; the lock of the discount keeps its sessions apart. Locking order: checkout,
discount, customer.
"""

from dataclasses import replace
from uuid import UUID

import sqlalchemy as sa

from boreal.core.discounts import Discount, is_redeemable
from boreal.kit.tx import Tx
from boreal.rooms.catalog.discounts.tables import DiscountRedemptionRow

R = DiscountRedemptionRow.c

_HELD = sa.select(R.discount_id).where(R.checkout_id == sa.bindparam("checkout_id"))
_TAKE = DiscountRedemptionRow.insert().values(
    {name: sa.bindparam(name) for name in ("checkout_id", "created_at", "discount_id")}
)
_GIVE_BACK = (
    sa.delete(DiscountRedemptionRow).where(R.checkout_id == sa.bindparam("checkout_id")).returning(R.discount_id)
)
_LINK = (
    sa.update(DiscountRedemptionRow)
    .where(R.checkout_id == sa.bindparam("session_id"))
    .values(subscription_id=sa.bindparam("subscription_id"))
)


async def lock_discount(tx: Tx, id: UUID) -> Discount:
    """A discount that exists, also a deleted one, locked until the end of the transaction; waits for the lock."""
    discount = await tx.lock(Discount, id)
    assert discount is not None
    return discount


async def redeem(tx: Tx, discount: Discount, checkout_id: UUID) -> bool:
    """Takes one redemption for a session; False, and nothing is changed, if the discount is not redeemable any more.

    Locks the discount itself, so that whatever the caller read before is not believed. A session that holds a
    redemption of this discount already keeps it. It must not hold one of another: release that first.
    """
    current = await lock_discount(tx, discount.id)
    if await tx.fetchval(_HELD, checkout_id=checkout_id) == discount.id:
        return True
    if not is_redeemable(current, now=tx.now):
        return False
    await tx.execute(_TAKE, checkout_id=checkout_id, created_at=tx.now, discount_id=discount.id)
    await tx.save(current, replace(current, redemptions_count=current.redemptions_count + 1))
    return True


async def release_redemption(tx: Tx, checkout_id: UUID) -> None:
    """Gives back what a session holds, if it holds anything."""
    discount_id = await tx.fetchval(_GIVE_BACK, checkout_id=checkout_id)
    if discount_id is not None:
        current = await lock_discount(tx, discount_id)
        await tx.save(current, replace(current, redemptions_count=current.redemptions_count - 1))


async def link_redemption(tx: Tx, checkout_id: UUID, subscription_id: UUID) -> None:
    """Notes which subscription came of a session that holds a redemption; nothing else changes."""
    await tx.execute(_LINK, session_id=checkout_id, subscription_id=subscription_id)
