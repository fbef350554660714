"""Everything that a buyer needs works without JavaScript."""

from playwright.async_api import Page, expect

from tests.browser.buyer import ASKING, POOR, VISA, pay_button, thanked

FIXED = {"amount_type": "fixed", "price_amount": 2400}
SEATS = {
    "amount_type": "seat_based",
    "seat_tiers": {"tiers": [{"min_seats": 1, "max_seats": None, "price_per_seat": 1000}]},
}


async def _card(page: Page, number: str) -> None:
    await page.get_by_label("Card number").fill(number)
    await page.get_by_label("Expiry date").fill("04/31")
    await page.get_by_label("Security code").fill("123")


async def test_a_purchase_with_every_turn(demo, open_page):
    ids = [await demo.product(FIXED, name="One"), await demo.product(SEATS, name="Team", recurring_interval="month")]
    page = await open_page(f"{await demo.checkout(*ids)}?theme=dark", java_script_enabled=False)
    await page.get_by_label("Team").check()
    await page.get_by_role("button", name="Update totals").first.click()
    await page.get_by_role("button", name="One seat more").click()
    assert await page.get_by_label("Seats", exact=True).input_value() == "2"
    await page.get_by_label("E-mail address").fill("noscript@example.com")
    await page.get_by_label("Full name").fill("Ada Lovelace")
    await page.get_by_label("Country").select_option("US")
    await page.get_by_role("button", name="Update totals").last.click()
    assert await page.get_by_label("Full name").input_value() == "Ada Lovelace"
    for label, text in (("Street address", "1 Main St"), ("City", "Albany"), ("ZIP code", "12207")):
        await page.get_by_label(label).fill(text)
    await page.get_by_label("State").select_option("US-NY")
    await _card(page, POOR)
    await pay_button(page).click()
    await expect(page.locator("#alert")).to_contain_text("insufficient funds")
    assert await page.get_by_label("Card number").input_value() == "", "a card is never written into a page"
    assert await page.get_by_label("City").input_value() == "Albany"
    await _card(page, ASKING)
    await pay_button(page).click()
    await page.get_by_role("button", name="Refuse payment").click()
    await expect(page.locator("#alert")).to_contain_text("not completed")
    await _card(page, VISA)
    await page.get_by_label("Security code").press("Enter")
    await thanked(page)
    assert "theme=dark" in page.url


async def test_the_merchants_own_page_is_reached(demo, open_page):
    target = f"{demo.base_url.replace('127.0.0.1', 'localhost')}/healthz"
    path = await demo.checkout(await demo.product(FIXED), success_url=target)
    page = await open_page(path, java_script_enabled=False)
    await page.get_by_label("E-mail address").fill("noscript@example.com")
    await page.get_by_label("Full name").fill("Ada Lovelace")
    await page.get_by_label("Country").select_option("SE")
    await _card(page, VISA)
    await pay_button(page).click()
    await page.wait_for_url("**/healthz?customer_session_token=*")


async def test_the_order_details_unfold_on_a_phone(demo, open_page):
    path = await demo.checkout(await demo.product(FIXED, description="What it is"))
    page = await open_page(path, java_script_enabled=False, width=390)
    await expect(page.get_by_text("What it is")).to_be_hidden()
    await page.get_by_text("Order details").click()
    await expect(page.get_by_text("What it is")).to_be_visible()
