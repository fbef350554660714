"""What a buyer can choose: product, price, seats, country, business; the amounts follow."""

from playwright.async_api import expect

from tests.browser.buyer import fill, pay_button, thanked

FIXED = {"amount_type": "fixed", "price_amount": 2400}
GIFT = {"amount_type": "custom", "minimum_amount": 500, "preset_amount": 1500}
SEATS = {
    "amount_type": "seat_based",
    "seat_tiers": {
        "tiers": [
            {"min_seats": 2, "max_seats": 4, "price_per_seat": 1000},
            {"min_seats": 5, "max_seats": 9, "price_per_seat": 800},
        ]
    },
}
FREE = {"amount_type": "free"}


async def test_products_can_be_switched_and_the_card_stays(demo, open_page):
    ids = [
        await demo.product(FIXED, name="Plan", recurring_interval="month"),
        await demo.product(GIFT, name="Gift"),
        await demo.product(SEATS, name="Team", recurring_interval="year"),
        await demo.product(FREE, name="Nothing"),
    ]
    page = await open_page(await demo.checkout(*ids))
    await expect(pay_button(page)).to_contain_text("Subscribe")
    await page.get_by_label("Card number").press_sequentially("4242")
    await page.get_by_label("Nothing").check()
    await expect(pay_button(page)).to_contain_text("Get it for free")
    await expect(page.get_by_label("Card number")).to_be_hidden()
    await page.get_by_label("Gift").check()
    await expect(pay_button(page)).to_contain_text("Pay $15.00")
    assert await page.get_by_label("Card number").input_value() == "4242"
    await page.get_by_label("Your price").fill("3")
    await expect(page.locator("#amount-error")).to_contain_text("at least $5.00")
    await page.get_by_label("Your price").fill("42.5")
    await expect(pay_button(page)).to_contain_text("Pay $42.50")
    await page.get_by_label("Team").check()
    await expect(page.get_by_label("Seats", exact=True)).to_have_value("2")
    for _ in range(3):
        await page.get_by_role("button", name="One seat more").click()
    await expect(page.locator("[data-region=totals]")).to_contain_text("5 seats × $8.00")
    await page.get_by_label("Seats", exact=True).fill("10")
    await expect(page.locator("#seats-error")).to_contain_text("Maximum 9 seats")


async def test_a_free_product_needs_an_address_only(demo, open_page):
    page = await open_page(await demo.checkout(await demo.product(FREE)))
    assert await page.get_by_label("Full name").count() == 0
    await page.get_by_label("E-mail address").fill("free@example.com")
    await pay_button(page).click()
    await thanked(page)


async def test_a_trial_says_when_it_ends_and_starts(demo, open_page):
    trial = {"trial_interval": "day", "trial_interval_count": 14}
    product = await demo.product(FIXED, recurring_interval="month", **trial)
    page = await open_page(await demo.checkout(product))
    await expect(page.get_by_text("14 days free")).to_be_visible()
    await expect(page.locator("[data-region=totals]")).to_contain_text("Due today\n$0.00", use_inner_text=True)
    await fill(page)
    await expect(pay_button(page)).to_contain_text("Start 14-day trial")
    await pay_button(page).click()
    await expect(page.get_by_role("heading", name="Your trial has started")).to_be_visible()


async def test_the_address_follows_country_and_business(demo, open_page):
    page = await open_page(await demo.checkout(await demo.product(FIXED)))
    country = page.get_by_label("Country")
    await country.focus()
    await country.select_option("US")
    await page.get_by_label("ZIP code").fill("12207")
    await page.get_by_label("State").select_option("US-NY")
    await country.select_option("CA")
    await expect(page.get_by_label("Province")).to_have_value("")
    await country.select_option("FR")
    await expect(page.get_by_label("Postal code")).to_have_count(0)
    await page.get_by_label("I am buying for a business").check()
    await page.get_by_label("Business name").fill("Analytical Engines")
    await page.get_by_label("Tax ID").fill("XX 1")
    await page.get_by_label("City").focus()
    await expect(page.locator("#customer_tax_id-error")).to_contain_text("not a valid tax ID")
    await page.reload()
    assert await page.get_by_label("Business name").input_value() == "Analytical Engines", "survives a reload"


async def test_blocked_countries_cannot_be_chosen(demo, open_page):
    page = await open_page(await demo.checkout(await demo.product(FIXED)))
    codes = await page.locator("#country option").evaluate_all("options => options.map(option => option.value)")
    assert len(codes) > 230
    assert set(codes).isdisjoint({"CU", "IR", "KP", "SY", "RU"})
