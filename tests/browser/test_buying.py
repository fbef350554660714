"""Buying with a card, by mouse and by keyboard, on wide and narrow screens, in light and dark."""

import pytest
from playwright.async_api import expect

from tests.browser.buyer import POOR, VISA, fill, pay_button, thanked, warned

PRICE = {"amount_type": "fixed", "price_amount": 2400}


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_a_purchase(demo, open_page, width, theme):
    path = await demo.checkout(await demo.product(PRICE))
    before = await demo.orders()
    page = await open_page(f"{path}?theme={theme}", width=width)
    background = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (theme == "light")
    await fill(page)
    assert await page.get_by_label("Card number").input_value() == "4242 4242 4242 4242"
    assert await page.get_by_label("Expiry date").input_value() == "04 / 31"
    await expect(pay_button(page)).to_contain_text("Pay $24.00")
    await pay_button(page).click()
    await expect(pay_button(page)).to_have_attribute("aria-busy", "true", timeout=100)
    await thanked(page)
    assert f"theme={theme}" in page.url
    assert await demo.orders() == before + 1
    await page.reload()
    await thanked(page)
    await page.goto(path)
    await thanked(page)
    await page.get_by_role("heading", name="Atlas").wait_for()


async def test_the_buyer_finds_the_order_and_the_mail(demo, open_page):
    name = "Atlas for those who look"
    page = await open_page(await demo.checkout(await demo.product(PRICE, name=name)))
    await fill(page, email="looking@example.com")
    await pay_button(page).click()
    await page.get_by_role("link", name="See your orders").click()
    await expect(page.get_by_role("row", name=name)).to_contain_text("$24.00")
    assert "token" not in page.url
    await page.goto("/mail")
    await page.get_by_role("link", name=name).first.click()
    letter = page.frame_locator("iframe")
    await expect(letter.get_by_text("$24.00").first).to_be_visible()
    await page.get_by_role("link", name="Text").click()
    await expect(page.locator("pre")).to_contain_text(f"{name}: $24.00")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_decline_loses_nothing(demo, open_page, theme):
    before = await demo.orders()
    product = await demo.product(PRICE, recurring_interval="month")
    page = await open_page(f"{await demo.checkout(product)}?theme={theme}")
    await fill(page, card=POOR)
    await pay_button(page).click()
    await warned(page, "insufficient funds")
    assert await page.get_by_label("Card number").input_value() == "4000 0000 0000 9995"
    assert await page.get_by_label("Full name").input_value() == "Ada Lovelace"
    assert await demo.orders() == before
    await page.get_by_label("Card number").fill(VISA)
    await pay_button(page).click()
    await thanked(page)
    assert await demo.orders() == before + 1


async def test_the_card_goes_to_the_tokenizer_only(demo, open_page):
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    sent = []
    page.on("request", lambda request: sent.append((request.url, request.post_data or "")))
    await fill(page)
    await pay_button(page).click()
    await thanked(page)
    told = [url for url, body in sent if VISA in body.replace("+", "").replace(" ", "") or "cvc" in body]
    assert [url.removeprefix(demo.base_url) for url in told] == ["/sandbox/confirmation-tokens"]


async def test_keyboard_only(demo, open_page):
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    reached = []
    while "pay" not in reached and len(reached) < 30:
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none", f"{reached[-1]} shows its focus"
    fields = ["customer_email", "customer_name", "country", "is_business_customer"]
    assert [name for name in reached if name.islower()] == [*fields, "card_number", "card_expiry", "card_cvc", "pay"]
    await page.locator("#customer_email").focus()
    for text in ("keys@example.com", "Ada", "Sweden", "", VISA, "0431"):
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.keyboard.type("123")
    await page.keyboard.press("Enter")
    await thanked(page)


async def test_what_is_missing_is_said_beside_each_field(demo, open_page):
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    await pay_button(page).click()
    await expect(page.locator("#errors li")).to_have_count(6)
    await expect(page.locator("#customer_email")).to_be_focused()
    for name in ("customer_email", "country", "card_number", "card_cvc"):
        await expect(page.locator(f"#{name}-error")).to_be_visible()
    await page.locator("#errors").get_by_text("security code").click()
    await expect(page.locator("#card_cvc")).to_be_focused()
    await page.get_by_label("E-mail address").fill("not an address")
    await page.get_by_label("Full name").focus()
    await expect(page.locator("#customer_email-error")).to_contain_text("like name@example.com")


async def test_two_clicks_are_one_purchase(demo, open_page):
    before = await demo.orders()
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    await fill(page)
    await pay_button(page).evaluate("button => { button.click(); button.click(); button.click(); }")
    await thanked(page)
    assert await demo.orders() == before + 1


async def test_two_windows_are_one_purchase(demo, open_page):
    before = await demo.orders()
    path = await demo.checkout(await demo.product(PRICE))
    first, second = await open_page(path), await open_page(path)
    await fill(first, email="same@example.com")
    await fill(second, email="same@example.com")
    await pay_button(first).click()
    await pay_button(second).click()
    await thanked(first)
    await thanked(second)
    assert await demo.orders() == before + 1


async def test_the_success_url_of_the_merchant(demo, open_page):
    target = f"{demo.base_url.replace('127.0.0.1', 'localhost')}/healthz?session={{CHECKOUT_ID}}"
    page = await open_page(await demo.checkout(await demo.product(PRICE), success_url=target))
    await fill(page)
    await pay_button(page).click()
    await page.wait_for_url("**/healthz?session=*&customer_session_token=polar_cst_*")
