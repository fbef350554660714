"""What merchants add to a purchase: discount codes, questions, words in Markdown, links that know the visitor."""

from urllib.parse import urlencode

from playwright.async_api import expect

from tests.browser.buyer import VISA, fill, pay_button, thanked

PRICE = {"amount_type": "fixed", "price_amount": 2400}


async def questions(demo, prefix):
    """A product that asks one question of each type; the first and the last two must be answered."""
    options = [{"value": "m", "label": "Matte"}, {"value": "g", "label": "Glossy"}]
    fields = [
        await demo.custom_field("text", f"{prefix}-project", min_length=3, form_help_text="As in our *handbook*"),
        await demo.custom_field("number", f"{prefix}-age", le=200, form_label="Age of the boat"),
        await demo.custom_field("date", f"{prefix}-delivery", form_label="Delivery"),
        await demo.custom_field("select", f"{prefix}-paper", options=options, form_label="Paper"),
        await demo.custom_field("checkbox", f"{prefix}-terms", form_label="I accept the [terms](https://shop.example)"),
    ]
    attached = [{"custom_field_id": id, "required": place in (0, 3, 4)} for place, id in enumerate(fields)]
    return await demo.product(PRICE, description="Forty **maps**", attached_custom_fields=attached)


async def test_a_discount_code(demo, open_page):
    await demo.discount("SPRING20")
    page = await open_page(await demo.checkout(await demo.product(PRICE)))
    await page.get_by_text("Add a discount code").click()
    code, totals = page.get_by_label("Discount code"), page.locator("[data-region=totals]")
    await code.fill("NOTHING")
    await code.press("Enter")
    await expect(page.locator("#discount_code-error")).to_contain_text("Discount does not exist")
    assert await code.input_value() == "NOTHING"
    await code.fill(" spring20 ")
    await page.get_by_role("button", name="Apply").click()
    await expect(totals).to_contain_text("Spring sale")
    await expect(pay_button(page)).to_contain_text("Pay $19.20")
    await page.get_by_role("button", name="Remove discount code SPRING20").click()
    await expect(pay_button(page)).to_contain_text("Pay $24.00")
    await page.get_by_text("Add a discount code").click()
    await code.fill("SPRING20")
    await code.press("Enter")
    await fill(page)
    await expect(pay_button(page)).to_contain_text("Pay $19.20")
    await pay_button(page).click()
    await thanked(page)
    order = await demo.last_order()
    assert (order["subtotal_amount"], order["discount_amount"], order["total_amount"]) == (2400, 480, 1920)


async def test_questions_of_every_type(demo, open_page):
    page = await open_page(await demo.checkout(await questions(demo, "q")))
    await expect(page.get_by_text("Forty maps").locator("strong")).to_have_text("maps")
    terms = page.get_by_role("link", name="terms")
    assert (await terms.get_attribute("target"), await terms.get_attribute("rel")) == ("_blank", "noopener")
    await fill(page)
    await page.get_by_label("Age of the boat").fill("201")
    await page.get_by_label("Delivery").fill("2026-05-01")
    await expect(page.get_by_text("Enter 200 or less.")).to_be_visible()
    await pay_button(page).click()
    await expect(page.locator("#errors li")).to_have_count(3)
    await page.get_by_label("Q-Project").fill("ab")
    await page.get_by_label("Paper").select_option("Glossy")
    await page.get_by_label("I accept").check()
    await expect(page.get_by_text("Enter at least 3 characters.")).to_be_visible()
    await page.get_by_label("Q-Project").fill("Northern light")
    await page.get_by_label("Age of the boat").fill("7")
    await pay_button(page).click()
    await thanked(page)
    answers = {"project": "Northern light", "age": 7, "delivery": "2026-05-01T00:00:00", "paper": "g", "terms": True}
    assert (await demo.last_order())["custom_field_data"] == {f"q-{slug}": value for slug, value in answers.items()}


async def test_a_link_that_knows_the_visitor_without_scripts(demo, open_page):
    await demo.discount("WELCOME20")
    link = await demo.link(await questions(demo, "w"))
    known = {
        "customer_email": "known@example.com",
        "customer_name": "Ada Lovelace",
        "discount_code": "welcome20",
        "custom_field_data.w-project": "Northern light",
        "custom_field_data.w-paper": "m",
    }
    page = await open_page(f"{link}?{urlencode(known)}", java_script_enabled=False)
    assert "known" not in page.url
    await expect(page.get_by_label("E-mail address")).to_have_value("known@example.com")
    await expect(page.get_by_label("Paper")).to_have_value("m")
    await expect(page.get_by_text("WELCOME20")).to_be_visible()
    await page.get_by_role("button", name="Remove discount code").click()
    await page.get_by_text("Add a discount code").click()
    await page.get_by_label("Discount code").fill("WRONG")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator("#discount_code-error")).to_contain_text("Discount does not exist")
    await page.get_by_label("Country").select_option("SE")
    await page.get_by_label("I accept").check()
    await page.get_by_label("Card number").fill(VISA)
    await page.get_by_label("Expiry date").fill("04/31")
    await page.get_by_label("Security code").fill("123")
    await pay_button(page).click()
    await thanked(page)
    order = await demo.last_order()
    assert (order["discount_amount"], order["custom_field_data"]["w-project"]) == (0, "Northern light")
