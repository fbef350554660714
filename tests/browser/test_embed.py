"""The checkout in a frame over a merchant's page, which has another origin (catalog spec 9)."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from playwright.async_api import Frame, Page, Route, expect

from tests.browser.buyer import ASKING, fill, pay_button, thanked
from tests.browser.conftest import Demo, OpenPage

PRICE = {"amount_type": "fixed", "price_amount": 2400}
EVENTS = "['loaded', 'close', 'confirmed', 'success']"
LISTEN = f"""
window.heard = [];
window.buy = async (url, options) => {{
  window.checkout = await EmbedCheckout.create(url, {{ ...options, onLoaded: () => window.heard.push("loaded") }});
  for (const name of {EVENTS}) window.checkout.addEventListener(name, (event) => {{
    window.heard.push(name + ("redirect" in event.detail ? " " + event.detail.redirect : ""));
    if (window.stubborn) event.preventDefault();
  }});
}};
"""
HOSTED = "https://sandbox.polar.sh"
"""An origin from which the official package takes messages; a browser of the tests finds the demo there."""


@dataclass
class Shop:
    """A merchant's website: its pages by path."""

    origin: str = ""
    pages: dict[str, str] = field(default_factory=dict)

    def page(self, body: str) -> str:
        """The address of a new page."""
        path = f"/{len(self.pages)}"
        self.pages[path] = f"<!doctype html><title>Shop</title><body><h1>Shop</h1>{body}</body>"
        return self.origin + path


@pytest.fixture
async def website() -> AsyncIterator[Shop]:
    """A merchant's website at a port of its own."""
    shop = Shop()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=shop.pages.get(request.path, "Thanks"), content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield shop
    await runner.cleanup()


def trigger(demo: Demo, link: str) -> str:
    return (
        f'<a id="buy" href="{link}" data-polar-checkout data-polar-checkout-theme="dark">Buy</a>'
        f'<script defer data-auto-init src="{demo.base_url}/embed.js"></script>'
        f"<script type=module>const {{ EmbedCheckout }} = window.Polar; {LISTEN}</script>"
    )


async def frame_of(page: Page) -> Frame:
    """The checkout in its frame, once it is there."""
    frame = await (await page.wait_for_selector("iframe")).content_frame()
    assert frame is not None
    await frame.wait_for_selector("#pay")
    return frame


async def heard(page: Page, *events: str) -> None:
    for _ in range(100):
        if (told := await page.evaluate("window.heard")) == list(events):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(told)


async def test_a_link_opens_over_the_page(demo: Demo, open_page: OpenPage, website: Shop) -> None:
    link = await demo.link(await demo.product(PRICE))
    page = await open_page(website.page(trigger(demo, link)))
    await page.get_by_role("link", name="Buy").click()
    frame = await frame_of(page)
    assert "embed=true&theme=dark" in frame.url
    assert "embed_origin" not in frame.url
    await expect(page.locator("body")).to_have_class("polar-no-scroll")
    await frame.get_by_role("button", name="Close").click()
    await expect(page.locator("iframe")).to_have_count(0)
    await expect(page.locator("body")).to_have_class("")
    await expect(page.get_by_role("link", name="Buy")).to_be_focused()
    await page.keyboard.press("Enter")
    frame = await frame_of(page)
    await frame.locator("#customer_email").press("Escape")
    await expect(page.locator("iframe")).to_have_count(0)


async def test_a_purchase_within_the_frame(demo: Demo, open_page: OpenPage, website: Shop) -> None:
    link = await demo.link(await demo.product(PRICE))
    page = await open_page(website.page(trigger(demo, link)))
    opened = asyncio.create_task(page.evaluate(f"buy('{link}')"))
    frame = await frame_of(page)
    await opened
    await heard(page, "loaded")
    await fill(frame, card=ASKING)
    await pay_button(frame).click()
    challenge = frame.frame_locator("#challenge iframe")
    await challenge.get_by_role("button", name="Confirm payment").click()
    await thanked(frame)
    await heard(page, "loaded", "confirmed", "success false")
    await page.keyboard.press("Escape")
    assert website.origin in page.url


async def test_the_merchant_takes_over_after_success(demo: Demo, open_page: OpenPage, website: Shop) -> None:
    link = await demo.link(await demo.product(PRICE), success_url=f"{website.origin}/thanks?id={{CHECKOUT_ID}}")
    page = await open_page(website.page(trigger(demo, link)))
    for stubborn in (True, False):
        opened = asyncio.create_task(page.evaluate(f"window.stubborn = {str(stubborn).lower()}; buy('{link}')"))
        frame = await frame_of(page)
        await opened
        await fill(frame)
        await pay_button(frame).click()
        if stubborn:
            await thanked(frame)
            await heard(page, "loaded", "confirmed", "success true")
            await page.evaluate("checkout.close()")
    await page.wait_for_url(f"{website.origin}/thanks?id=*&customer_session_token=polar_cst_*")


async def test_who_embeds_another_merchants_checkout_does_not_get_the_token(
    demo: Demo, open_page: OpenPage, website: Shop
) -> None:
    merchants = website.origin.replace("127.0.0.1", "localhost")
    link = await demo.link(await demo.product(PRICE), success_url=f"{merchants}/thanks?id={{CHECKOUT_ID}}")
    page = await open_page(website.page(trigger(demo, link)))
    opened = asyncio.create_task(page.evaluate(f"buy('{link}')"))
    frame = await frame_of(page)
    await opened
    await page.evaluate("addEventListener('message', (event) => document.cookie = 'told=' + event.data.successURL)")
    await fill(frame)
    await pay_button(frame).click()
    await page.wait_for_url(f"{merchants}/thanks?id=*")
    (told,) = [cookie["value"] for cookie in await page.context.cookies(website.origin) if cookie["name"] == "told"]
    assert told == page.url
    assert "customer_session_token" not in told


async def test_a_confirmed_checkout_cannot_be_closed(demo: Demo, open_page: OpenPage, website: Shop) -> None:
    page = await open_page(website.page(trigger(demo, await demo.link(await demo.product(PRICE)))))
    await page.get_by_role("link", name="Buy").click()
    frame = await frame_of(page)
    post = f"event => parent.postMessage({{ type: 'POLAR_CHECKOUT', event }}, '{website.origin}')"
    for event in ("confirmed", "close"):
        await frame.evaluate(post, event)
    await page.keyboard.press("Escape")
    await expect(page.locator("iframe")).to_have_count(1)
    await page.evaluate("postMessage({ type: 'POLAR_CHECKOUT', event: 'success' }, '*')")  # not from the frame
    await frame.evaluate(post, "close")
    await expect(page.locator("iframe")).to_have_count(1)
    await frame.evaluate(
        f"parent.postMessage({{ type: 'POLAR_CHECKOUT', event: 'success', redirect: false }}, '{website.origin}')"
    )
    await frame.evaluate(post, "close")
    await expect(page.locator("iframe")).to_have_count(0)


async def test_nobody_else_can_frame_a_session(demo: Demo, open_page: OpenPage, website: Shop) -> None:
    product = await demo.product(PRICE)
    mine = await demo.checkout(product, embed_origin=website.origin)
    others = await demo.checkout(product, embed_origin="https://other.example; default-src *")
    frames = "".join(
        f'<iframe id="{id}" src="{demo.base_url}{path}"></iframe>' for id, path in (("a", mine), ("b", others))
    )
    page = await open_page("about:blank", refusals=True)
    replies: dict[str, dict[str, str]] = {}
    page.on("response", lambda reply: replies.update({urlsplit(reply.url).path: reply.headers}))
    await page.goto(website.page(frames), wait_until="load")
    shown = await (await page.wait_for_selector("#a")).content_frame()
    assert shown is not None
    await expect(pay_button(shown)).to_be_visible()
    hidden = await (await page.wait_for_selector("#b")).content_frame()
    assert hidden is not None
    assert await hidden.locator("#pay").count() == 0
    assert f"frame-ancestors 'self' {website.origin}" in replies[mine]["content-security-policy"]


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The official package's script: what a file names, or what npm gives; without either its test is skipped."""
    named = os.environ.get("TEST_POLAR_EMBED")
    if named:
        return Path(named).read_text()
    if shutil.which("npm") is None:
        pytest.skip("SKIPPED: the official embed is not tested, as there is no npm and no TEST_POLAR_EMBED")
    folder = tmp_path_factory.mktemp("embed")
    command = ["npm", "install", "--silent", "--ignore-scripts", "--no-save", "--omit=peer", "@polar-sh/checkout"]
    if subprocess.run([*command], cwd=folder, timeout=60, check=False).returncode:
        pytest.skip("SKIPPED: the official embed is not tested, as npm cannot install it")
    return (folder / "node_modules/@polar-sh/checkout/dist/embed.global.js").read_text()


async def test_the_official_package(demo: Demo, open_page: OpenPage, website: Shop, official: str) -> None:
    path = await demo.checkout(await demo.product(PRICE), embed_origin=website.origin)
    link = f"{HOSTED}{path}"
    body = f'<a href="{link}" data-polar-checkout>Buy</a><script data-auto-init>{official}</script>'
    script = f"<script type=module>const {{ EmbedCheckout }} = window.Polar; {LISTEN}</script>"
    page = await open_page("about:blank")

    async def hosted(route: Route) -> None:
        await route.fulfill(response=await route.fetch(url=route.request.url.replace(HOSTED, demo.base_url)))

    await page.context.route(f"{HOSTED}/**", hosted)
    await page.goto(website.page(body + script))
    await page.get_by_role("link", name="Buy").click()
    frame = await frame_of(page)
    await expect(page.locator("body")).to_have_class("polar-no-scroll")
    await frame.get_by_role("button", name="Close").click()
    await expect(page.locator("iframe")).to_have_count(0)
    opened = asyncio.create_task(page.evaluate(f"buy('{link}', {{ theme: 'dark' }})"))
    frame = await frame_of(page)
    await opened
    await fill(frame)
    await pay_button(frame).click()
    await thanked(frame)
    await heard(page, "loaded", "confirmed", "success false")
