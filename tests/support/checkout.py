"""Checkout sessions for tests, as merchant and buyer meet them over HTTP."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx2

from boreal.core.money import round_half_away
from boreal.providers.payments.sandbox import SandboxProcessor
from boreal.providers.ports import PaymentProcessor, TaxQuote, TaxRate
from tests.support.shop import Shop, client_of

BUYER = {
    "customer_name": "Ada Lovelace",
    "customer_email": "ada@example.com",
    "customer_billing_address": {"country": "FR"},
}
VISA = "pm_card_visa"


@dataclass(frozen=True)
class Session:
    """A checkout session. `made` is the reply that created it; each method answers with the reply of a request."""

    shop: Shop
    made: dict[str, Any]
    buyer: httpx2.AsyncClient

    @property
    def id(self) -> str:
        """Its id, for merchants."""
        return str(self.made["id"])

    @property
    def url(self) -> str:
        """Where the buyer's operations are."""
        return f"/v1/checkouts/client/{self.made['client_secret']}"

    async def view(self) -> dict[str, Any]:
        """The session as its merchant sees it now."""
        return good(await self.shop.client.get(f"/v1/checkouts/{self.id}"))

    async def patch(self, **changes: Any) -> httpx2.Response:
        """Changes it as its merchant."""
        return await self.shop.client.patch(f"/v1/checkouts/{self.id}", json=changes)

    async def get(self) -> httpx2.Response:
        """Reads it as its buyer."""
        return await self.buyer.get(self.url)

    async def update(self, **changes: Any) -> httpx2.Response:
        """Changes it as its buyer."""
        return await self.buyer.patch(self.url, json=changes)

    async def confirm(self, token: str | None = VISA, **changes: Any) -> httpx2.Response:
        """Confirms it as Ada with a card that works, unless told otherwise; None leaves a value out."""
        body = {**BUYER, "confirmation_token_id": token, **changes}
        sent = {name: value for name, value in body.items() if value is not None}
        return await self.buyer.post(f"{self.url}/confirm", json=sent)

    async def pay(self, token: str | None = VISA, **changes: Any) -> dict[str, Any]:
        """Confirms it and does everything that follows; the session as it is then."""
        good(await self.confirm(token, **changes))
        await finish(self.shop)
        return await self.view()

    async def order(self) -> dict[str, Any]:
        """The one order that came of it."""
        (order,) = [item for item in await orders(self.shop) if item["checkout_id"] == self.id]
        return order


async def open_session(shop: Shop, *products: dict[str, Any], **body: Any) -> Session:
    """A session for these products through the API."""
    made = good(await create(shop, *products, **body), 201)
    return Session(shop, made, client_of(shop.boreal, None))


async def create(shop: Shop, *products: dict[str, Any], **body: Any) -> httpx2.Response:
    """The reply to a request for a session."""
    named = {"products": [product["id"] for product in products]} if products else {}
    return await shop.client.post("/v1/checkouts/", json={**named, **body})


def good(reply: httpx2.Response, status: int = 200) -> dict[str, Any]:
    """The body of a reply that has to be good."""
    assert reply.status_code == status, reply.text
    body: dict[str, Any] = reply.json()
    return body


def faults(reply: httpx2.Response) -> list[tuple[Any, ...]]:
    """Place, type and words of every fault of business validation."""
    assert reply.status_code == 422, reply.text
    body = reply.json()
    assert body["error"] == "PolarRequestValidationError", reply.text
    return [(*fault["loc"][1:], fault["type"], fault["msg"]) for fault in body["detail"]]


def malformed(reply: httpx2.Response) -> list[tuple[Any, ...]]:
    """Place, type and words of every fault of a body that its schema refuses."""
    assert reply.status_code == 422, reply.text
    body = reply.json()
    assert body["error"] == "RequestValidationError", reply.text
    return [(*fault["loc"][1:], fault["type"], fault["msg"]) for fault in body["detail"]]


def problem(reply: httpx2.Response) -> tuple[int, str, str]:
    """Status, name and words of a refusal."""
    body = reply.json()
    return reply.status_code, body["error"], body["detail"]


async def orders(shop: Shop) -> list[dict[str, Any]]:
    """All orders of the shop, newest first."""
    return list(good(await shop.client.get("/v1/orders/?limit=100"))["items"])


def processor_of(shop: Shop) -> SandboxProcessor:
    """The sandbox, whose faults a test may set."""
    processor = shop.app.get(PaymentProcessor)
    assert isinstance(processor, SandboxProcessor)
    return processor


async def finish(shop: Shop) -> None:
    """Lets the processor tell its events, and does everything that is due."""
    await processor_of(shop).drain()
    await shop.settle()


@dataclass
class FlatTax:
    """A tax source that taxes everybody at one rate, in basis points, and remembers what it was asked."""

    basis_points: int = 2000

    def __post_init__(self) -> None:
        self.asked: list[tuple[int, str]] = []

    async def quote(self, net_amount: int, *, currency: str, address: Any, tax_id: Any, now: Any) -> TaxQuote:
        """Half away from zero on the net amount (catalog spec 10.2)."""
        self.asked.append((net_amount, address.country))
        return TaxQuote(
            amount=round_half_away(Decimal(net_amount * self.basis_points) / 10_000),
            taxability_reason="standard_rated",
            rate=TaxRate(
                rate_type="percentage", display_name="VAT", basis_points=self.basis_points, country=address.country
            ),
            calculation_id=f"calc_{len(self.asked)}",
        )
