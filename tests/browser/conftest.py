"""A running demo and a headless Chromium. Without Chromium the tests here are skipped, and bin/test says so."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.postgres import create_database, drop_database

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
START_TIMEOUT_S = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="Chromium is missing"))


@dataclass(frozen=True)
class Demo:
    """The running demo: where it is and a token that may do everything."""

    base_url: str
    access_token: str

    async def product(self, *prices: dict[str, Any], name: str = "Atlas", **fields: Any) -> str:
        """A new product and its id."""
        body = {"name": name, "prices": [price | {"price_currency": "usd"} for price in prices], **fields}
        return str((await self._post("/v1/products/", body))["id"])

    async def checkout(self, *product_ids: str, **fields: Any) -> str:
        """The path of a new checkout."""
        session = await self._post("/v1/checkouts/", {"products": product_ids, **fields})
        return str(session["url"]).removeprefix(self.base_url)

    async def discount(self, code: str, **fields: Any) -> str:
        """A new discount of a fifth and its id."""
        body = {"name": "Spring sale", "type": "percentage", "basis_points": 2000, "duration": "once", "code": code}
        return str((await self._post("/v1/discounts/", {**body, **fields}))["id"])

    async def custom_field(self, type: str, slug: str, **properties: Any) -> str:
        """A new custom field and its id."""
        body = {"type": type, "slug": slug, "name": slug.title(), "properties": properties}
        return str((await self._post("/v1/custom-fields/", body))["id"])

    async def link(self, *product_ids: str, **fields: Any) -> str:
        """The address of a new checkout link."""
        body = {"payment_processor": "stripe", "products": product_ids, **fields}
        return str((await self._post("/v1/checkout-links/", body))["url"])

    async def last_order(self) -> dict[str, Any]:
        """The newest order."""
        async with self._client() as client:
            order: dict[str, Any] = (await client.get("/v1/orders/?limit=1")).json()["items"][0]
            return order

    async def orders(self) -> int:
        """How many orders there are."""
        async with self._client() as client:
            return int((await client.get("/v1/orders/")).json()["pagination"]["total_count"])

    def _client(self) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {self.access_token}"}
        return httpx2.AsyncClient(base_url=self.base_url, headers=headers, trust_env=False)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._client() as client:
            reply = await client.post(path, json=body)
            assert reply.status_code == 201, reply.text
            return reply.json()


@pytest.fixture(scope="session")
async def demo() -> AsyncIterator[Demo]:
    """`boreal demo` on a database of its own, for the whole run."""
    name = f"boreal_browser_{os.getpid()}"
    dsn = await create_database(name)
    folder = Path(tempfile.mkdtemp(prefix="boreal-browser-"))
    ready = folder / "ready.json"
    command = ("-m", "boreal", "demo", "--port", "0", "--data-dir", str(folder), "--ready-file", str(ready))
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, env={**os.environ, "DATABASE_URL": dsn}, stdout=output, stderr=output
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not ready.exists():
                    assert process.returncode is None, (folder / "output").read_text()
                    await asyncio.sleep(0.05)
            data = json.loads(ready.read_text())
            yield Demo(data["base_url"], data["access_token"])
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
    await drop_database(name)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One headless Chromium for the whole run."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        await browser.close()


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_page(browser: Browser, demo: Demo) -> AsyncIterator[OpenPage]:
    """Opens a path in a fresh browser. Whatever a page complains about in its console fails the test.

    Not with `refusals=True`, for pages of others that the policy of ours has to refuse.
    """
    contexts, complaints = [], []

    async def open_page(
        path: str, *, width: int = 1280, height: int = 900, refusals: bool = False, **options: Any
    ) -> Page:
        size = {"width": width, "height": height}
        context = await browser.new_context(base_url=demo.base_url, viewport=size, locale="en-US", **options)
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if not refusals:
            page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message.text) else None)
        await page.goto(path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []


def _is_complaint(text: str) -> bool:
    """Violations of the page's policy and script errors; not the 4xx and lost connections that tests provoke."""
    return any(word in text for word in ("Content Security Policy", "Error:", "Uncaught", "Deprecated"))
