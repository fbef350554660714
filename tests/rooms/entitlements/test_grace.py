"""What customers keep while a payment is overdue, and for how long (orders spec 12.3)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.benefits import attach, make_benefit
from tests.support.catalog import fixed, make_product
from tests.support.checkout import good
from tests.support.organizations import set_subscription_settings
from tests.support.shop import Shop
from tests.support.subscribers import MONTHLY, forget_methods, restore_methods, subscribe, subscription


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def grant_for(shop: Shop, days: int) -> None:
    """The merchant lets customers keep what they have for so many days."""
    await set_subscription_settings(shop, benefit_revocation_grace_period=days)


async def overdue(shop: Shop, *, grace_days: int) -> dict[str, Any]:
    """A subscription whose renewal of 1 January 2025 could not be collected."""
    shop.clock.set(day("2024-12-01"))
    await grant_for(shop, grace_days)
    product = await attach(shop, await make_product(shop, fixed(1000), **MONTHLY), await make_benefit(shop))
    bought = await subscribe(shop, product)
    await forget_methods(shop)
    await until(shop, "2025-01-01")
    now = await subscription(shop, bought["id"])
    assert now["status"] == "past_due"
    return now


async def until(shop: Shop, moment: str) -> None:
    await shop.advance(seconds=(day(moment) - shop.clock.now()).total_seconds())


async def has_it(shop: Shop) -> bool:
    (grant,) = good(await shop.client.get("/v1/benefit-grants/"))["items"]
    return bool(grant["is_granted"])


async def news(shop: Shop) -> list[str]:
    return [name for name in await shop.facts() if name.startswith("benefit_grant")]


@pytest.mark.example("orders 18.48")
async def test_benefits_are_kept_for_the_days_of_grace(shop: Shop) -> None:
    await overdue(shop, grace_days=7)
    assert await has_it(shop)
    await until(shop, "2025-01-03")  # the first retry fails
    assert await has_it(shop)
    await until(shop, "2025-01-07T23:59")
    assert await has_it(shop)
    await until(shop, "2025-01-08T00:05")
    assert not await has_it(shop)
    assert await news(shop) == ["benefit_grant.created", "benefit_grant.revoked"]
    await restore_methods(shop)
    await until(shop, "2025-01-15")
    assert await has_it(shop)
    # The same grant, given again and cycled for the renewal that is paid now; so is the next one's.
    assert (await news(shop))[:2] == ["benefit_grant.created", "benefit_grant.cycled"]


async def test_without_grace_benefits_go_with_the_first_failure(shop: Shop) -> None:
    await overdue(shop, grace_days=0)
    assert not await has_it(shop)
    await restore_methods(shop)
    await until(shop, "2025-01-03")
    assert await has_it(shop)


async def test_a_retry_on_the_last_day_of_grace_comes_first(shop: Shop) -> None:
    bought = await overdue(shop, grace_days=7)
    await restore_methods(shop)
    await news(shop)
    await shop.app.database.pool.execute(
        "UPDATE orders SET next_payment_attempt_at = $1 WHERE status = 'pending'", day("2025-01-08")
    )
    await until(shop, "2025-01-09")
    assert (await subscription(shop, bought["id"]))["status"] == "active"
    assert await news(shop) == ["benefit_grant.cycled"]


async def test_the_merchant_may_change_the_grace_that_is_running(shop: Shop) -> None:
    await overdue(shop, grace_days=7)
    await grant_for(shop, 14)
    await until(shop, "2025-01-12")
    assert await has_it(shop)
    await grant_for(shop, 3)
    await until(shop, "2025-01-13T00:05")  # looked at every day
    assert not await has_it(shop)


async def test_the_end_of_the_subscription_is_the_end_of_grace(shop: Shop) -> None:
    bought = await overdue(shop, grace_days=60)
    await until(shop, "2025-01-21T23:59")
    assert await has_it(shop)
    await until(shop, "2025-01-22T00:05")
    assert (await subscription(shop, bought["id"]))["status"] == "canceled"
    assert not await has_it(shop)
