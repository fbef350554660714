"""3-D Secure: accepted, refused, cancelled, closed, and left by a reload."""

import pytest
from playwright.async_api import expect

from tests.browser.buyer import ASKING, VISA, fill, pay_button, thanked, warned

PRICE = {"amount_type": "fixed", "price_amount": 2400}


@pytest.fixture
async def asked(demo, open_page):
    """A page on which the issuer asks."""
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    await fill(page, card=ASKING)
    await pay_button(page).click()
    await expect(page.frame_locator("dialog iframe").get_by_role("heading", name="Confirm it is you")).to_be_visible()
    return page


async def test_accepted(asked):
    await asked.frame_locator("dialog iframe").get_by_role("button", name="Confirm payment").click()
    await thanked(asked)


@pytest.mark.parametrize("way", ["Refuse payment", "Cancel", "closed", "Escape"])
async def test_not_accepted_loses_nothing(asked, demo, way):
    before = await demo.orders()
    if way == "closed":
        await asked.locator("dialog > button").click()
    elif way == "Escape":
        await asked.locator("dialog > button").focus()
        await asked.keyboard.press("Escape")
    else:
        await asked.frame_locator("dialog iframe").get_by_role("button", name=way).click()
    await warned(asked, "You have not been charged")
    await expect(asked.locator("dialog")).to_be_hidden()
    assert await asked.get_by_label("Card number").input_value() == "4000 0000 0000 3220"
    assert await demo.orders() == before
    await asked.get_by_label("Card number").fill(VISA)
    await pay_button(asked).click()
    await thanked(asked)
    assert await demo.orders() == before + 1


async def test_left_by_a_reload(asked):
    await asked.reload()
    await expect(asked.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    await asked.get_by_role("button", name="Refuse payment").click()
    await expect(asked.locator("#alert")).to_contain_text("not completed")
    await expect(pay_button(asked)).to_contain_text("Pay $24.00")
