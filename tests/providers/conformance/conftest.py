"""Both processors behind one counter, so that a test cannot tell which of them it meets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from boreal.kit.clock import ManualClock
from boreal.kit.db import Database
from boreal.providers.payments.sandbox import SandboxProcessor
from boreal.providers.payments.stripe import StripeApi, StripeProcessor
from boreal.providers.ports import (
    CardEntry,
    CustomerDetails,
    DisputeStatus,
    NewMethod,
    Payment,
    PaymentProcessor,
    PaymentRequest,
    Setup,
    SetupRequest,
)
from tests.providers.conftest import PEPPER, START
from tests.support.stripe_server import Fault, open_stripe

RETURN_URL = "https://shop.example/checkout/1/confirmation"


@dataclass
class Counter:
    """A processor, a customer of it, and what tests have to do in place of buyers, banks and networks."""

    name: str
    processor: PaymentProcessor
    clock: ManualClock
    token: Callable[[str], Awaitable[str]]
    answer: Callable[[str, bool], Awaitable[None]]
    move_dispute: Callable[[str, DisputeStatus], Awaitable[None]]
    settle_refunds: Callable[[], Awaitable[None]]
    lose: Callable[[str], None]
    """From now on requests (`lost_before`) or replies (`lost_after`) are lost; "" ends it."""
    approve_slowly: Callable[[], Awaitable[Callable[[], Awaitable[None]]]]
    """From now on approved payments are processing; what is returned lets them succeed."""
    customer: str = ""
    _keys: int = 0

    def key(self) -> str:
        """A fresh idempotency key."""
        self._keys += 1
        return f"{self.name}-key-{self._keys}"

    def request(self, source: Any = None, **changes: Any) -> PaymentRequest:
        """A payment of 10 dollars."""
        asked: dict[str, Any] = {
            "amount": 1000,
            "currency": "usd",
            "customer": self.customer,
            "source": source or NewMethod("pm_card_visa"),
            "return_url": RETURN_URL,
            **changes,
        }
        return PaymentRequest(**asked)

    async def pay(self, card: str = "pm_card_visa", *, source: Any = None, **changes: Any) -> Payment:
        """Pays with a card, as somebody who typed it."""
        source = source or NewMethod(await self.token(card))
        return await self.processor.create_payment(self.request(source, **changes), idempotency_key=self.key())

    async def set_up(self, card: str = "pm_card_visa") -> Setup:
        """Keeps a card, as somebody who typed it."""
        request = SetupRequest(customer=self.customer, source=NewMethod(await self.token(card)), return_url=RETURN_URL)
        return await self.processor.create_setup(request, idempotency_key=self.key())


@pytest.fixture(params=["sandbox", "stripe"])
def database_of_sandbox(request: pytest.FixtureRequest) -> str | None:
    """Where the sandbox keeps its books; None in the run of Stripe."""
    return str(request.getfixturevalue("dsn")) if request.param == "sandbox" else None


@pytest.fixture
async def counter(database_of_sandbox: str | None) -> AsyncIterator[Counter]:
    clock = ManualClock(START)
    if database_of_sandbox is not None:
        database = await Database.connect(database_of_sandbox, pool_size=6)
        processor = SandboxProcessor(database, clock=clock, pepper=PEPPER)
        opened = _sandbox(processor, clock)
        await _greet(opened)
        yield opened
        await processor.close()
        await database.close()
        return
    async with open_stripe(now=clock.now) as server:
        api = StripeApi(server.secret_key, url=server.url, call_s=5.0)
        opened = _stripe(server, StripeProcessor(api, publishable_key=server.publishable_key), clock)
        await _greet(opened)
        yield opened
        await api.close()


async def _greet(counter: Counter) -> None:
    details = CustomerDetails(reference="c0ffee", email="ada@example.com", name="Ada")
    counter.customer = await counter.processor.ensure_customer(details, idempotency_key="customer")


def _sandbox(processor: SandboxProcessor, clock: ManualClock) -> Counter:
    async def token(card: str) -> str:
        if card.startswith("pm_card_"):
            return card
        return await processor.tokenize(CardEntry(number=card, exp_month="7", exp_year="31", cvc="123"))

    async def answer(client_secret: str, accepted: bool) -> None:
        await processor.answer_challenge(client_secret, "accept" if accepted else "refuse")

    async def move_dispute(dispute: str, status: DisputeStatus) -> None:
        await processor.move_dispute(dispute, status)

    async def settle() -> None:
        clock.set(clock.now().replace(year=clock.now().year + 1))
        await processor.settle()

    def lose(what: str) -> None:
        processor.faults.lost_before = 1.0 if what == "lost_before" else 0.0
        processor.faults.lost_after = 1.0 if what == "lost_after" else 0.0

    async def approve_slowly() -> Callable[[], Awaitable[None]]:
        processor.faults.processing = 1.0
        return settle

    return Counter("sandbox", processor, clock, token, answer, move_dispute, settle, lose, approve_slowly)


def _stripe(server: Any, processor: StripeProcessor, clock: ManualClock) -> Counter:
    books = server.books

    async def token(card: str) -> str:
        return str(server.confirmation_token(card))

    async def answer(client_secret: str, accepted: bool) -> None:
        server.answer(client_secret, accepted=accepted)

    async def move_dispute(dispute: str, status: DisputeStatus) -> None:
        books.move_dispute(dispute, status)

    async def settle_refunds() -> None:
        for refund in books.of("refund"):
            failing = books.behaviours[books.things[refund["charge"]]["payment_method"]] == "refund_fails"
            books.settle_refund(refund["id"], "failed" if failing else "succeeded")

    def lose(what: str) -> None:
        kind = {"lost_before": "lost_request", "lost_after": "lost_reply"}.get(what)
        server.faults = [Fault(kind, where="/v1/", times=10_000)] if kind else []

    async def approve_slowly() -> Callable[[], Awaitable[None]]:
        books.slow = True

        async def settle() -> None:
            for intent in books.of("payment_intent"):
                if intent["status"] == "processing":
                    books.settle(intent["id"])

        return settle

    return Counter("stripe", processor, clock, token, answer, move_dispute, settle_refunds, lose, approve_slowly)
