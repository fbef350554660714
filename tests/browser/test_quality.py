"""What a page may weigh, that it does not jump or overflow, and what axe says about it."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.buyer import pay_button

PRICE = {"amount_type": "fixed", "price_amount": 2400}
LONG = "Collection of topographic, nautical and aeronautical charts for expeditions of " + "W" * 41
WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifted += entry.value; })
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
async def paths(demo):
    """The pages to look at."""
    fixed = await demo.product(PRICE, name=LONG, recurring_interval="month")
    gift = await demo.product({"amount_type": "custom", "minimum_amount": 500}, name="Gift", description=LONG)
    free = await demo.product({"amount_type": "free"}, name="Free")
    address = {"country": "US"}
    unique = uuid4().hex
    field = await demo.custom_field("checkbox", unique, form_label="I accept **[all](https://shop.example)**")
    asking = await demo.product(
        PRICE,
        description="- one\n- **two**",
        attached_custom_fields=[{"custom_field_id": field, "required": True}],
    )
    discount = await demo.discount(unique)
    return [
        await demo.checkout(fixed, gift, free, return_url="https://shop.example/"),
        await demo.checkout(fixed, customer_billing_address=address, is_business_customer=True),
        await demo.checkout(asking, discount_id=discount, embed_origin="https://shop.example") + "?embed=true",
        await demo.checkout(gift),
        await demo.checkout(free),
        "/checkout/unknown",
        "/",
        "/mail",
        "/northwind/portal",
    ]


async def test_the_first_view_is_light_and_stands_still(paths, open_page):
    page = await open_page("about:blank", width=390)
    loaded = []
    page.on("response", lambda response: loaded.append(response))
    await page.add_init_script(WATCH_SHIFTS)
    await page.goto(paths[0])
    await page.wait_for_timeout(500)
    assert [response.url.rsplit("/", 1)[1][:5] for response in loaded[1:]] in ([], ["icon."])
    assert int(loaded[0].headers["content-length"]) < 20_000
    assert loaded[0].headers["content-encoding"] == "gzip"
    assert await page.evaluate("window.shifted") == 0


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_nothing_overflows(paths, open_page, width):
    page = await open_page("about:blank", width=width)
    for path in paths:
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing(paths, open_page, width, theme):
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    axe = (Path(package.__file__).parent / "axe.min.js").read_text()
    page = await open_page("about:blank", width=width, bypass_csp=True)
    for path, is_refused in (*((path, False) for path in paths), (paths[0], True)):
        await page.goto(f"{path}{'&' if '?' in path else '?'}theme={theme}")
        if is_refused:
            await pay_button(page).click()
        await page.evaluate(axe)
        found = await page.evaluate("axe.run(document, { iframes: false })")
        assert len(found["passes"]) > 10
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found["violations"]] == [], path
