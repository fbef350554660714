"""The hour of a session, and what is left of it afterwards (catalog spec 6.1, 6.12)."""

from tests.support.catalog import make_product
from tests.support.checkout import Session, good, open_session, problem
from tests.support.shop import Shop

GONE = (410, "ExpiredCheckoutError", "This checkout session has expired.")
SWEEP = "expire_checkouts"


async def start_sweeping(shop: Shop) -> None:
    """As every process does when it starts."""
    async with shop.app.transaction(shop.organization_id) as tx:
        tx.enqueue(SWEEP, unique_key=SWEEP)
    await shop.settle()


async def assert_gone(session: Session) -> None:
    for reply in (await session.get(), await session.update(amount=100), await session.confirm()):
        assert problem(reply) == GONE


async def test_a_session_is_open_for_an_hour_and_not_longer(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    await shop.advance(minutes=59, seconds=59)
    assert good(await session.update(customer_name="Ada"))["expires_at"] == session.made["expires_at"]
    await shop.advance(seconds=1)
    await assert_gone(session)
    assert (await session.view())["status"] == "open"


async def test_the_sweep_marks_what_is_over_and_tells_nobody(shop: Shop) -> None:
    await start_sweeping(shop)
    product = await make_product(shop)
    old = await open_session(shop, product)
    paid = await open_session(shop, product)
    await paid.pay()
    await shop.advance(minutes=30)
    young = await open_session(shop, product)
    await shop.facts()
    await shop.advance(minutes=44)
    assert (await old.view())["status"] == "expired"
    assert (await young.view())["status"] == "open"
    assert (await paid.view())["status"] == "succeeded"
    await shop.saw()
    await shop.advance(minutes=31)
    assert (await young.view())["status"] == "expired"
    await assert_gone(old)
    await assert_gone(paid)
    refused = problem(await old.patch(metadata={"too": "late"}))
    assert refused == (403, "NotOpenCheckout", f"Checkout {old.id} is not open: expired")


async def test_a_merchant_may_write_once_more_before_the_sweep(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    await shop.advance(hours=1)
    await shop.facts()
    seen = good(await session.patch(metadata={"late": True}))
    assert (seen["status"], seen["metadata"]) == ("expired", {"late": True})
    await shop.saw("checkout.updated")
    assert problem(await session.patch(metadata={}))[1] == "NotOpenCheckout"


async def test_a_confirmed_session_does_not_expire(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    await shop.advance(minutes=59)
    good(await session.confirm())
    await start_sweeping(shop)
    await shop.advance(hours=3)
    assert (await session.view())["status"] == "succeeded"
