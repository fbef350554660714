"""What who holds a seat has with it; the buyer of seats has nothing by the purchase itself (usage spec 9.4)."""

from typing import Any

import pytest
import sqlalchemy as sa

from boreal.kit.work import WorkRow
from tests.support.benefits import attach, make_benefit
from tests.support.catalog import fixed, make_product, seats
from tests.support.checkout import finish, good
from tests.support.organizations import set_subscription_settings
from tests.support.refunds import ask
from tests.support.seats import SEATS, buy_seats, invitation_to, invite
from tests.support.shop import Shop, client_of
from tests.support.subscribers import MONTHLY, changed, forget_methods, restore_methods

ONCE = pytest.mark.parametrize("once", [False, True], ids=["subscription", "order"])


async def sell(shop: Shop, count: int = 3, *, once: bool = False, **checkout: Any) -> dict[str, Any]:
    """The order of seats of a product with a benefit."""
    interval = {} if once else MONTHLY
    product = await make_product(shop, seats((1, None, 1000)), **interval)
    await attach(shop, product, await make_benefit(shop))
    order = await buy_seats(shop, count, of=product, **checkout)
    await shop.settle()
    await news(shop)
    return order


async def claim(shop: Shop, order: dict[str, Any], email: str) -> dict[str, Any]:
    seat = await invite(shop, order, email, immediate_claim=True)
    await shop.settle()
    return seat


async def has(shop: Shop) -> dict[str, bool]:
    """Who was ever given something, and whether they have it now."""
    grants = good(await shop.client.get("/v1/benefit-grants/", params={"limit": 100}))["items"]
    return {grant["customer"]["email"]: grant["is_granted"] for grant in grants}


async def news(shop: Shop) -> list[str]:
    return [name for name in await shop.facts() if name.partition(".")[0] in ("benefit_grant", "customer_seat")]


@ONCE
async def test_a_claimed_seat_gives_what_the_product_has(shop: Shop, once: bool) -> None:
    order = await sell(shop, once=once)
    assert await has(shop) == {}
    seat = await invite(shop, order, "bob@example.com")
    token = await invitation_to(shop, "bob@example.com")
    assert (await has(shop), await news(shop)) == ({}, ["customer_seat.assigned"])
    async with client_of(shop.boreal, None) as anybody:
        good(await anybody.post(f"{SEATS}/claim", json={"invitation_token": token}))
    await shop.settle()
    assert (await has(shop), await news(shop)) == (
        {"bob@example.com": True},
        ["customer_seat.claimed", "benefit_grant.created"],
    )
    (grant,) = good(await shop.client.get("/v1/benefit-grants/"))["items"]
    assert (grant["order_id"], grant["subscription_id"]) == (
        (order["id"], None) if once else (None, order["subscription_id"])
    )
    state = good(await shop.client.get(f"/v1/customers/{grant['customer_id']}/state"))
    assert [given["id"] for given in state["granted_benefits"]] == [grant["id"]]
    good(await shop.client.delete(f"{SEATS}/{seat['id']}"))
    await shop.settle()
    assert (await has(shop), await news(shop)) == (
        {"bob@example.com": False},
        ["customer_seat.revoked", "benefit_grant.revoked"],
    )
    again = await claim(shop, order, "bob@example.com")  # the same row of both
    assert again["id"] == seat["id"]
    assert (await has(shop), await news(shop)) == (
        {"bob@example.com": True},
        ["customer_seat.claimed", "benefit_grant.created"],
    )


async def test_the_buyer_has_what_their_own_seat_gives(shop: Shop) -> None:
    order = await sell(shop)
    buyer = order["customer"]["email"]
    await claim(shop, order, buyer)
    await claim(shop, order, "bob@example.com")
    assert await has(shop) == {buyer: True, "bob@example.com": True}


async def test_the_end_of_a_subscription_ends_everything_with_it(shop: Shop) -> None:
    order = await sell(shop)
    for name in ("bob", "eve"):
        await claim(shop, order, f"{name}@example.com")
    await news(shop)
    await changed(shop, order["subscription_id"], revoke=True)
    assert await has(shop) == {"bob@example.com": False, "eve@example.com": False}
    assert sorted(await news(shop)) == ["benefit_grant.revoked"] * 2 + ["customer_seat.revoked"] * 2


async def test_an_overdue_payment_takes_the_seats_and_recovery_does_not_restore_them(shop: Shop) -> None:
    order = await sell(shop)
    await claim(shop, order, "bob@example.com")
    await forget_methods(shop)
    await news(shop)
    await shop.advance(days=31)
    assert await has(shop) == {"bob@example.com": False}
    assert sorted(await news(shop)) == ["benefit_grant.revoked", "customer_seat.revoked"]
    await restore_methods(shop)
    await shop.advance(days=2)
    assert (await has(shop), await news(shop)) == ({"bob@example.com": False}, [])
    await claim(shop, order, "bob@example.com")
    assert await has(shop) == {"bob@example.com": True}


async def test_grace_keeps_the_seats(shop: Shop) -> None:
    await set_subscription_settings(shop, benefit_revocation_grace_period=3)
    order = await sell(shop)
    await claim(shop, order, "bob@example.com")
    await forget_methods(shop)
    await shop.advance(days=33)
    assert await has(shop) == {"bob@example.com": True}
    await news(shop)
    await shop.advance(days=1, minutes=5)
    assert sorted(await news(shop)) == ["benefit_grant.revoked", "customer_seat.revoked"]


async def test_a_renewal_cycles_what_every_holder_has(shop: Shop) -> None:
    order = await sell(shop)
    for name in ("bob", "eve", "joe"):
        await claim(shop, order, f"{name}@example.com")
    await news(shop)
    await shop.advance(days=31)
    assert await news(shop) == ["benefit_grant.cycled"] * 3
    await shop.advance(days=28)
    assert await news(shop) == ["benefit_grant.cycled"] * 3


async def test_holders_follow_the_benefits_of_the_product(shop: Shop) -> None:
    order = await sell(shop)
    for name in ("bob", "eve"):
        await claim(shop, order, f"{name}@example.com")
    await news(shop)
    await attach(shop, {"id": order["product_id"]}, await make_benefit(shop), await make_benefit(shop))
    await shop.settle()
    assert sorted(await news(shop)) == ["benefit_grant.created"] * 4 + ["benefit_grant.revoked"] * 2


async def test_another_plan_without_seats_is_the_buyers(shop: Shop) -> None:
    order = await sell(shop)
    await claim(shop, order, "bob@example.com")
    plain = await attach(shop, await make_product(shop, fixed(1000), **MONTHLY), await make_benefit(shop))
    await changed(shop, order["subscription_id"], product_id=plain["id"])
    assert await has(shop) == {"bob@example.com": False, order["customer"]["email"]: True}


async def test_a_refund_may_take_the_seats_of_an_order(shop: Shop) -> None:
    order = await sell(shop, once=True)
    for name in ("bob", "eve"):
        await claim(shop, order, f"{name}@example.com")
    good(await ask(shop, order, 100, revoke_benefits=True))
    await finish(shop)
    assert await has(shop) == {"bob@example.com": False, "eve@example.com": False}


async def test_a_deleted_holder_makes_room(shop: Shop) -> None:
    order = await sell(shop, 1)
    seat = await claim(shop, order, "bob@example.com")
    await news(shop)
    assert (await shop.client.delete(f"/v1/customers/{seat['customer_id']}")).status_code == 204
    await shop.settle()
    assert sorted(await news(shop)) == ["benefit_grant.revoked", "customer_seat.revoked"]
    await claim(shop, order, "eve@example.com")
    assert await news(shop) == ["customer_seat.claimed", "benefit_grant.created"]


async def test_settling_twice_changes_nothing(shop: Shop) -> None:
    order = await sell(shop)
    for name in ("bob", "eve"):
        await claim(shop, order, f"{name}@example.com")
    await news(shop)
    async with shop.app.transaction(shop.organization_id) as tx:
        tx.enqueue("settle_grants", payload={"subscription_id": order["subscription_id"]})
    await shop.settle()
    assert await news(shop) == []
    waiting = sa.select(sa.func.count()).select_from(WorkRow).where(WorkRow.c.kind == "settle_grants")
    assert await shop.app.database.fetchval(waiting) == 0
