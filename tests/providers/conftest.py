"""A sandbox on a database of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from boreal.kit.clock import ManualClock
from boreal.kit.db import Database
from boreal.providers.payments.sandbox import SandboxProcessor
from boreal.providers.ports import (
    CustomerDetails,
    NewMethod,
    Payment,
    PaymentRequest,
    ProcessorEvent,
    Setup,
    SetupRequest,
)

PEPPER = b"pepper of the tests"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Bank:
    """The processor, its clock and database, a customer, and everything that its listener heard."""

    processor: SandboxProcessor
    database: Database
    clock: ManualClock
    customer: str
    heard: list[ProcessorEvent] = field(default_factory=list)
    _keys: int = 0

    def key(self) -> str:
        """A fresh idempotency key."""
        self._keys += 1
        return f"key-{self._keys}"

    def request(self, token: str = "pm_card_visa", **changes: Any) -> PaymentRequest:
        """A payment of 10 dollars."""
        asked: dict[str, Any] = {
            "amount": 1000,
            "currency": "usd",
            "customer": self.customer,
            "source": NewMethod(token),
        }
        return PaymentRequest(**{**asked, **changes})

    async def pay(self, token: str = "pm_card_visa", **changes: Any) -> Payment:
        """Pays, under a fresh key."""
        return await self.processor.create_payment(self.request(token, **changes), idempotency_key=self.key())

    async def set_up(self, token: str = "pm_card_visa") -> Setup:
        """Keeps a card, under a fresh key."""
        request = SetupRequest(customer=self.customer, source=NewMethod(token))
        return await self.processor.create_setup(request, idempotency_key=self.key())


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    opened = await Database.connect(dsn, pool_size=10)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def bank(database: Database, clock: ManualClock) -> AsyncIterator[Bank]:
    heard: list[ProcessorEvent] = []

    async def listen(event: ProcessorEvent) -> None:
        heard.append(event)

    processor = SandboxProcessor(database, clock=clock, pepper=PEPPER, listeners=[listen])
    details = CustomerDetails(reference="c0ffee", email="ada@example.com", name="Ada")
    customer = await processor.ensure_customer(details, idempotency_key="customer")
    yield Bank(processor, database, clock, customer, heard)
    await processor.close()
