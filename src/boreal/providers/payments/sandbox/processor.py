"""The sandbox: a payment processor without a network.

It keeps its own books in tables of its own, in transactions of its own that never share a caller's, just as a company
elsewhere would. So a process that is killed anywhere can ask again by the same idempotency key and gets the same
answer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from boreal.kit.clock import Clock
from boreal.kit.db import Database, Record
from boreal.providers.payments.sandbox import disputes, form, intents, records, refunds, vault
from boreal.providers.payments.sandbox.events import Announcer, events_after, newest
from boreal.providers.payments.sandbox.faults import Faults
from boreal.providers.payments.sandbox.identity import Identity
from boreal.providers.payments.sandbox.step import Step
from boreal.providers.payments.sandbox.tables import SandboxCustomerRow, SandboxRequestRow
from boreal.providers.ports import (
    CardEntry,
    ChallengeAnswer,
    CustomerDetails,
    Dispute,
    DisputeStatus,
    EventPage,
    IdempotencyMismatch,
    Listener,
    Method,
    Payment,
    PaymentRequest,
    ProcessorRefused,
    Refund,
    RefundRequest,
    Setup,
    SetupRequest,
)

T = TypeVar("T")

_CLAIM_KEY = sa.text(
    """
    INSERT INTO sandbox_requests (idempotency_key, fingerprint, created_at) VALUES (:key, :fingerprint, :now)
    ON CONFLICT DO NOTHING RETURNING idempotency_key
    """
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_SELECT_REPLY = sa.select(SandboxRequestRow).where(SandboxRequestRow.c.idempotency_key == sa.bindparam("key"))
_STORE_REPLY = (
    sa.update(SandboxRequestRow)
    .where(SandboxRequestRow.c.idempotency_key == sa.bindparam("key"))
    .values(reply=sa.bindparam("new_reply", type_=SandboxRequestRow.c.reply.type))
)
_ENSURE_CUSTOMER = sa.text(
    """
    INSERT INTO sandbox_customers (id, reference, email, name, address, tax_id, metadata, created_at, modified_at)
    VALUES (:id, coalesce((SELECT reference FROM sandbox_customers WHERE id = :known_id), :reference), :email, :name,
        :address, :tax_id, :metadata, :now, :now)
    ON CONFLICT (reference) DO UPDATE SET email = excluded.email, name = excluded.name, address = excluded.address,
        tax_id = excluded.tax_id, metadata = excluded.metadata, modified_at = excluded.modified_at
    RETURNING id
    """
).bindparams(
    sa.bindparam("reference", type_=sa.Text),
    sa.bindparam("known_id", type_=sa.Text),
    sa.bindparam("address", type_=SandboxCustomerRow.c.address.type),
    sa.bindparam("metadata", type_=SandboxCustomerRow.c.metadata.type),
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
)


class SandboxProcessor:
    """Both the processor and its card form. `faults` can be changed at any time; `pepper` must stay for ever."""

    name = "sandbox"

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        pepper: bytes,
        listeners: Sequence[Listener] = (),
        faults: Faults | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._identity = Identity(pepper)
        self._announcer = Announcer(listeners, faults or Faults())

    @property
    def faults(self) -> Faults:
        """What goes wrong between here and Boreal from now on."""
        return self._announcer.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._announcer.faults = faults

    @property
    def public_details(self) -> Mapping[str, str]:
        """As the port says: the card form of the sandbox is our own."""
        return {}

    def listen(self, listener: Listener) -> None:
        """From now on the listener is called after each change."""
        self._announcer.listeners.append(listener)

    async def drain(self) -> None:
        """Returns when the listeners have heard of everything that happened so far."""
        await self._announcer.drain()

    async def close(self) -> None:
        """Ends the calls of listeners that still wait."""
        await self._announcer.close()

    async def ensure_customer(
        self, details: CustomerDetails, *, known_id: str | None = None, idempotency_key: str
    ) -> str:
        """As the port says; the customer is found by its known id, else by its reference."""
        return await self._once(
            "ensure_customer",
            details,
            idempotency_key,
            records.CUSTOMER_ID,
            lambda step: step.connection.fetchval(
                _ENSURE_CUSTOMER,
                id=step.identity.new_id("cus", details.reference),
                known_id=known_id,
                now=step.now,
                **asdict(details),
            ),
        )

    async def create_payment(self, request: PaymentRequest, *, idempotency_key: str) -> Payment:
        """As the port says."""
        processing = self.faults.happens("processing", idempotency_key, self.faults.processing)
        return await self._once(
            "create_payment",
            request,
            idempotency_key,
            records.PAYMENT,
            lambda step: intents.pay(step, request, key=idempotency_key, processing=processing),
        )

    async def create_setup(self, request: SetupRequest, *, idempotency_key: str) -> Setup:
        """As the port says."""
        return await self._once(
            "create_setup",
            request,
            idempotency_key,
            records.SETUP,
            lambda step: intents.set_up(step, request, key=idempotency_key),
        )

    async def get_payment(self, payment: str) -> Payment | None:
        """As the port says."""
        found = await self._find(intents.BY_ID, payment, id=payment)
        return found if isinstance(found, Payment) else None

    async def get_setup(self, setup: str) -> Setup | None:
        """As the port says."""
        found = await self._find(intents.BY_ID, setup, id=setup)
        return found if isinstance(found, Setup) else None

    async def find_by_idempotency_key(self, idempotency_key: str, *, customer: str) -> Payment | Setup | None:
        """As the port says."""
        return await self._find(intents.BY_KEY, idempotency_key, key=idempotency_key, customer=customer)

    async def cancel_payment(self, payment: str, *, idempotency_key: str) -> Payment:
        """As the port says."""
        return await self._once(
            "cancel_payment",
            payment,
            idempotency_key,
            records.PAYMENT,
            lambda step: intents.cancel_payment(step, payment),
        )

    async def cancel_setup(self, setup: str, *, idempotency_key: str) -> Setup:
        """As the port says."""
        return await self._once(
            "cancel_setup", setup, idempotency_key, records.SETUP, lambda step: intents.cancel_setup(step, setup)
        )

    async def refund(self, request: RefundRequest, *, idempotency_key: str) -> Refund:
        """As the port says."""
        return await self._once(
            "refund",
            request,
            idempotency_key,
            records.REFUND,
            lambda step: refunds.give_back(step, request, key=idempotency_key),
        )

    async def get_refund(self, refund: str) -> Refund | None:
        """As the port says."""
        async with self.faults.call(refund):
            row = await self._fetch_settled(refunds.BY_ID, id=refund)
            return None if row is None else records.load_refund(row)

    async def get_dispute(self, dispute: str) -> Dispute | None:
        """As the port says."""
        async with self.faults.call(dispute):
            row = await self._database.fetchrow(disputes.BY_ID, id=dispute)
            return None if row is None else records.load_dispute(row)

    async def move_dispute(self, dispute: str, status: DisputeStatus) -> Dispute:
        """What the customer's bank decides: the dispute in its next status. Raises as `disputes.move`."""
        async with self._step() as step:
            return await disputes.move(step, dispute, status)

    async def list_methods(self, customer: str) -> Sequence[Method]:
        """As the port says."""
        async with self.faults.call(customer):
            return [records.load_method(row) for row in await self._database.fetch(vault.LIST_KEPT, customer=customer)]

    async def detach_method(self, method: str, *, idempotency_key: str) -> None:
        """As the port says."""
        await self._once(
            "detach_method", method, idempotency_key, records.NOTHING, lambda step: vault.detach(step, method)
        )

    async def newest_cursor(self) -> str | None:
        """As the port says."""
        async with self.faults.call("events"), self._database.transaction() as connection:
            return await newest(connection)

    async def events_since(self, cursor: str | None, *, limit: int = 100) -> EventPage:
        """As the port says; what is due to settle does so first."""
        await self.settle()
        async with self.faults.call("events"), self._database.transaction() as connection:
            return await events_after(connection, cursor, limit=limit)

    async def settle(self) -> None:
        """Processing payments, pending refunds and refunds that will be returned end, if their time has come."""
        async with self._step() as step:
            await intents.settle_due(step)
            await refunds.settle_due(step)

    async def tokenize(self, card: CardEntry) -> str:
        """As the port `CardForm` says."""
        checked = form.check(card, now=self._clock.now())
        async with self._step() as step:
            return await vault.store_token(step, checked)

    async def challenge(self, client_secret: str) -> Payment | Setup | None:
        """As the port `CardForm` says."""
        row = await self._fetch_settled(intents.BY_SECRET, client_secret=client_secret)
        return None if row is None else records.load_intent(row)

    async def answer_challenge(self, client_secret: str, answer: ChallengeAnswer) -> Payment | Setup:
        """As the port `CardForm` says."""
        processing = self.faults.happens("processing", client_secret, self.faults.processing)
        async with self._step() as step:
            answered = await intents.answer(step, client_secret, answer, processing=processing)
        if answered is None:
            raise ProcessorRefused("resource_missing", "There is nothing to confirm here.")
        if step.calls:
            await asyncio.wait(step.calls)
        return answered

    async def _once(
        self,
        operation: str,
        request: CustomerDetails | PaymentRequest | SetupRequest | RefundRequest | str,
        key: str,
        reply: TypeAdapter[T],
        act: Callable[[Step], Awaitable[T]],
    ) -> T:
        """Acts under the key if nobody has, in one transaction; otherwise answers as then."""
        fingerprint = records.request_fingerprint(operation, request)
        async with self.faults.call(key), self._step() as step:
            claimed = await step.connection.fetchval(_CLAIM_KEY, key=key, fingerprint=fingerprint, now=step.now)
            if claimed is None:
                known = await step.connection.fetchrow(_SELECT_REPLY, key=key)
                if known is None or known["fingerprint"] != fingerprint:
                    raise IdempotencyMismatch()
                return reply.validate_python(known["reply"])
            done = await act(step)
            await step.connection.execute(_STORE_REPLY, key=key, new_reply=reply.dump_python(done, mode="json"))
            return done

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[Step]:
        settles_after = timedelta(seconds=self.faults.settles_after_s)
        async with self._database.transaction() as connection:
            step = Step(connection, now=self._clock.now(), identity=self._identity, settles_after=settles_after)
            yield step
        step.calls = self._announcer.announce(step.events)

    async def _find(self, statement: sa.Select, subject: str, **binds: Any) -> Payment | Setup | None:
        async with self.faults.call(subject):
            row = await self._fetch_settled(statement, **binds)
            return None if row is None else records.load_intent(row)

    async def _fetch_settled(self, statement: sa.Select, **binds: Any) -> Record | None:
        """The row, after it has settled if it was due to."""
        row = await self._database.fetchrow(statement, **binds)
        if row is None or row["settles_at"] is None or row["settles_at"] > self._clock.now():
            return row
        await self.settle()
        return await self._database.fetchrow(statement, **binds)
