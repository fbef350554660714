"""Redemptions of discounts, and what else the room above gets through the door (catalog spec 4.4, 4.5)."""

import asyncio
import uuid
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from boreal.core.discounts import Discount
from boreal.main import broken_invariants
from boreal.rooms.catalog import public
from boreal.rooms.catalog.discounts.tables import DiscountRedemptionRow, DiscountRow
from tests.support.catalog import make_product
from tests.support.shop import Shop

SHARE = {"type": "percentage", "duration": "forever", "basis_points": 1000}


async def make(shop: Shop, **body: Any) -> Discount:
    reply = await shop.client.post("/v1/discounts/", json={"name": "Sale", **SHARE, **body})
    assert reply.status_code == 201, reply.text
    return await read(shop, UUID(reply.json()["id"]))


async def read(shop: Shop, id: UUID) -> Discount:
    return (await public.read_discounts(shop.app.database, [id]))[id]


async def redeem(shop: Shop, discount: Discount, session_id: UUID) -> bool:
    async with shop.app.transaction(shop.organization_id) as tx:
        return await public.redeem(tx, discount, session_id)


async def release(shop: Shop, session_id: UUID) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        await public.release_redemption(tx, session_id)


async def count(shop: Shop, discount: Discount) -> int:
    return (await read(shop, discount.id)).redemptions_count


async def test_a_hundred_want_the_last_one_and_one_gets_it(shop: Shop) -> None:
    discount = await make(shop, code="LAST", max_redemptions=1)
    got = await asyncio.gather(*(redeem(shop, discount, uuid.uuid4()) for _ in range(100)))
    assert sum(got) == 1
    assert await count(shop, discount) == 1


async def test_many_redeem_and_give_back_and_the_count_is_right(shop: Shop) -> None:
    discount = await make(shop, max_redemptions=10)
    sessions = [uuid.uuid4() for _ in range(30)]
    got = await asyncio.gather(*(redeem(shop, discount, session) for session in sessions))
    assert (sum(got), await count(shop, discount)) == (10, 10)
    await asyncio.gather(*(release(shop, session) for session in sessions))
    assert await count(shop, discount) == 0


async def test_a_redemption_given_back_can_be_taken_by_another(shop: Shop) -> None:
    discount = await make(shop, max_redemptions=1)
    first, second = uuid.uuid4(), uuid.uuid4()
    assert await redeem(shop, discount, first)
    assert not await redeem(shop, discount, second)
    await release(shop, first)
    await release(shop, first)
    assert await count(shop, discount) == 0
    assert await redeem(shop, discount, second)
    assert await count(shop, discount) == 1


async def test_a_session_redeems_once(shop: Shop) -> None:
    discount, other = await make(shop, max_redemptions=1), await make(shop)
    session = uuid.uuid4()
    assert [await redeem(shop, discount, session) for _ in range(3)] == [True, True, True]
    assert await count(shop, discount) == 1
    with pytest.raises(asyncpg.UniqueViolationError):
        await redeem(shop, other, session)
    assert (await count(shop, discount), await count(shop, other)) == (1, 0)


async def test_what_is_not_redeemable_any_more_is_refused_whatever_was_read_before(shop: Shop) -> None:
    ending = await make(shop, ends_at="2026-01-15T13:00:00Z")
    limited = await make(shop, max_redemptions=5)
    await shop.client.patch(f"/v1/discounts/{limited.id}", json={"max_redemptions": 1})
    assert await redeem(shop, limited, uuid.uuid4())
    assert not await redeem(shop, limited, uuid.uuid4())
    assert await redeem(shop, ending, uuid.uuid4())
    await shop.advance(hours=2)
    assert not await redeem(shop, ending, uuid.uuid4())
    assert (await count(shop, ending), await count(shop, limited)) == (1, 1)


async def test_who_holds_a_deleted_discount_keeps_it(shop: Shop) -> None:
    discount = await make(shop, code="GONE")
    await shop.client.delete(f"/v1/discounts/{discount.id}")
    find = {"organization_id": shop.organization_id}
    assert await public.find_discount(shop.app.database, **find, id=discount.id) is None
    assert await public.find_discount(shop.app.database, **find, code="GONE") is None
    session = uuid.uuid4()
    assert await redeem(shop, await read(shop, discount.id), session)
    async with shop.app.transaction(shop.organization_id) as tx:
        assert (await public.lock_discount(tx, discount.id)).redemptions_count == 1


async def test_a_transaction_that_is_undone_has_redeemed_nothing(shop: Shop) -> None:
    discount = await make(shop, max_redemptions=1)
    with pytest.raises(RuntimeError, match="declined"):
        async with shop.app.transaction(shop.organization_id) as tx:
            assert await public.redeem(tx, discount, uuid.uuid4())
            raise RuntimeError("declined")
    assert await count(shop, discount) == 0


async def test_a_redemption_knows_its_subscription(shop: Shop) -> None:
    discount, session, subscription = await make(shop), uuid.uuid4(), uuid.uuid4()
    assert await redeem(shop, discount, session)
    async with shop.app.transaction(shop.organization_id) as tx:
        await public.link_redemption(tx, session, subscription)
        await public.link_redemption(tx, uuid.uuid4(), subscription)
    rows = await shop.app.database.fetch(sa.select(DiscountRedemptionRow))
    assert [(row["checkout_id"], row["subscription_id"]) for row in rows] == [(session, subscription)]
    assert await count(shop, discount) == 1


async def test_the_invariants_find_a_wrong_count_and_a_foreign_product(shop: Shop, other_shop: Shop) -> None:
    discount, theirs = await make(shop), await make_product(other_shop)
    await shop.check()
    write = sa.update(DiscountRow).where(DiscountRow.c.id == discount.id)
    await shop.app.database.execute(write.values(redemptions_count=1, product_ids=[UUID(theirs["id"])]))
    assert sorted(await broken_invariants(shop.app.database)) == [
        "catalog: a discount counts its redemptions",
        "catalog: a discount is limited to products of its organization",
    ]
    await shop.app.database.execute(write.values(redemptions_count=0, product_ids=[]))


async def test_found_by_id_and_by_code_in_any_case(shop: Shop, other_shop: Shop) -> None:
    discount = await make(shop, code="Größe20")
    database, find = shop.app.database, {"organization_id": shop.organization_id}
    assert await public.find_discount(database, **find, id=discount.id) == discount
    for code in ("Größe20", "GRÖSSE20", " größe20 "):
        assert await public.find_discount(database, **find, code=code) == discount
    assert await public.find_discount(database, **find, code="Grosse20") is None
    assert await public.find_discount(database, **find, id=uuid.uuid4()) is None
    assert await public.find_discount(database, organization_id=other_shop.organization_id, id=discount.id) is None
    assert await public.find_discount(database, organization_id=other_shop.organization_id, code="Größe20") is None
    assert await public.read_discounts(database, []) == {}
    assert await public.read_discounts(database, [discount.id, uuid.uuid4()]) == {discount.id: discount}


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (SHARE, SHARE),
        ({"type": "fixed", "duration": "once", "amount": 5, "basis_points": None}, {"amount": 5, "currency": "usd"}),
        ({**SHARE, "duration": "repeating", "duration_in_months": 3}, {"duration_in_months": 3, "basis_points": 1000}),
    ],
)
async def test_shown_to_buyers_and_on_orders(shop: Shop, kind: dict[str, Any], shown: dict[str, Any]) -> None:
    product = await make_product(shop)
    discount = await make(shop, **kind, code="ABC", products=[product["id"]], metadata={"secret": 1})
    shown = {**shown, "type": kind["type"], "duration": kind["duration"]}
    buyer = {**shown, "id": discount.id, "name": "Sale", "code": "ABC"}
    assert public.render_checkout_discount(discount) == buyer
    assert public.render_discount_minimal(discount) == {
        **buyer,
        "created_at": discount.created_at,
        "modified_at": None,
        "metadata": {"secret": 1},
        "starts_at": None,
        "ends_at": None,
        "max_redemptions": None,
        "redemptions_count": 0,
        "organization_id": shop.organization_id,
    }
