"""Somebody who buys: fills in the form and waits for what must come."""

from uuid import uuid4

from playwright.async_api import Frame, Locator, Page, expect

VISA, POOR, ASKING = "4242424242424242", "4000000000009995", "4000000000003220"
THANKS = "Thank you"

expect.set_options(timeout=10_000)


async def fill(page: Page | Frame, *, card: str = VISA, country: str | None = "SE", email: str | None = None) -> None:
    """Types everything that a purchase needs, as a person would."""
    await page.get_by_label("E-mail address").fill(email or f"buyer-{uuid4()}@example.com")
    await page.get_by_label("Full name").fill("Ada Lovelace")
    if country:
        await page.get_by_label("Country").select_option(country)
    await page.get_by_label("Card number").press_sequentially(card)
    await page.get_by_label("Expiry date").press_sequentially("0431")
    await page.get_by_label("Security code").press_sequentially("123")


def pay_button(page: Page | Frame) -> Locator:
    """The one button."""
    return page.locator("#pay")


async def thanked(page: Page | Frame) -> None:
    """Waits for the page that says that all is done."""
    await expect(page.get_by_role("heading", name=THANKS)).to_be_visible()


async def warned(page: Page, words: str) -> None:
    """Waits for a notice, which must have the focus."""
    await expect(page.locator("#alert")).to_contain_text(words)
    await expect(page.locator("#alert")).to_be_focused()
