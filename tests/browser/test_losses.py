"""The connection breaks while somebody pays: nothing is lost and nothing is paid twice."""

import pytest
from playwright.async_api import Route, expect

from tests.browser.buyer import THANKS, fill, pay_button, thanked, warned

PRICE = {"amount_type": "fixed", "price_amount": 2400}


@pytest.mark.parametrize("arrives", [False, True])
async def test_the_confirmation_or_its_reply_is_lost(demo, open_page, arrives):
    before = await demo.orders()
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    lost = []

    async def lose(route: Route) -> None:
        if "action=confirm" not in (route.request.post_data or "") or lost:
            await route.continue_()
            return
        lost.append(route)
        if arrives:
            await route.fetch(max_redirects=0)
        await route.abort()

    await page.route("**/checkout/**", lose)
    await fill(page)
    await pay_button(page).click()
    if not arrives:
        await warned(page, "you cannot be charged twice")
        assert await page.get_by_label("Card number").input_value() == "4242 4242 4242 4242"
        await pay_button(page).click()
    await thanked(page)
    assert len(lost) == 1
    assert await demo.orders() == before + 1


async def test_a_reload_in_the_middle_finds_the_outcome(demo, open_page):
    before = await demo.orders()
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    await fill(page)
    async with page.expect_request(lambda request: "action=confirm" in (request.post_data or "")):
        await pay_button(page).click()
    await page.reload()
    for _ in range(20):
        if await page.get_by_role("heading", name=THANKS).count():
            break
        await page.wait_for_timeout(250)
        await page.reload()
    await thanked(page)
    assert await demo.orders() == before + 1


async def test_without_a_connection_everything_stays(demo, open_page):
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    await fill(page)
    await expect(page.locator("[data-region=totals]")).not_to_contain_text("Calculated")
    await page.context.set_offline(True)
    await pay_button(page).click()
    await warned(page, "Check your connection")
    assert await page.get_by_label("Full name").input_value() == "Ada Lovelace"
    await page.context.set_offline(False)
    await pay_button(page).click()
    await thanked(page)
