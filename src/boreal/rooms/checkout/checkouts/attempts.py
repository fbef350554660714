"""Attempts to confirm: what is asked of the payment processor, written down before it is asked (design, section 4).

An attempt holds the session as it will be (`candidate`) and the request to the processor, whose idempotency key is the
attempt's id. Whatever dies in between, the same request with the same key gives the same answer.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from boreal.core.checkouts import Checkout
from boreal.kit.app import App
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.providers.ports import (
    CustomerDetails,
    NewMethod,
    Payment,
    PaymentProcessor,
    PaymentRequest,
    PostalAddress,
    Setup,
    SetupRequest,
)
from boreal.rooms.checkout.checkouts.tables import CheckoutAttemptRow

A = CheckoutAttemptRow.c

_CHECKOUT: TypeAdapter[Checkout] = TypeAdapter(Checkout)
_INSERT = CheckoutAttemptRow.insert()
_BY_ID = sa.select(CheckoutAttemptRow).where(A.id == sa.bindparam("id"))
_CLOSE = (
    sa.update(CheckoutAttemptRow)
    .where(A.id == sa.bindparam("key"), A.state == "started")
    .values(
        state=sa.bindparam("new_state"),
        settled_at=sa.bindparam("now"),
        # A token is good for one payment, but it stood for a card: it need not stay.
        request=A.request.op("-")(sa.literal("token", sa.Text)),
    )
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as it was written down."""

    id: UUID
    organization_id: UUID
    checkout_id: UUID
    state: str
    candidate: Checkout
    request: Mapping[str, Any]


async def begin(tx: Tx, candidate: Checkout, request: Mapping[str, Any]) -> Attempt:
    """Writes an attempt down. The database refuses a second one for the session while this one is open."""
    attempt = Attempt(uuid.uuid4(), tx.organization_id, candidate.id, "started", candidate, request)
    await tx.execute(
        _INSERT,
        id=attempt.id,
        created_at=tx.now,
        organization_id=attempt.organization_id,
        checkout_id=attempt.checkout_id,
        state=attempt.state,
        settled_at=None,
        candidate=_CHECKOUT.dump_python(candidate, mode="json"),
        request=dict(request),
    )
    return attempt


async def read(runs: Runs, id: UUID) -> Attempt:
    """The attempt as it is now."""
    row = await runs.fetchrow(_BY_ID, id=id)
    assert row is not None
    candidate = _CHECKOUT.validate_python(row["candidate"])
    return Attempt(row["id"], row["organization_id"], row["checkout_id"], row["state"], candidate, row["request"])


async def close(tx: Tx, id: UUID, state: str) -> bool:
    """Ends an attempt as `applied` or `discarded`; False if it had ended before."""
    return await tx.execute(_CLOSE, key=id, new_state=state, now=tx.now) == "UPDATE 1"


async def perform(app: App, attempt: Attempt) -> Payment | Setup:
    """Asks the processor; asking again changes nothing. Raises what the port raises."""
    processor = app.get(PaymentProcessor)
    asked = attempt.request
    details = dict(asked["customer"])
    address = details.pop("address")
    customer = await processor.ensure_customer(
        CustomerDetails(**details, address=PostalAddress(**address) if address else None),
        known_id=asked["known_customer"],
        idempotency_key=f"{attempt.id}-customer",
    )
    source = NewMethod(asked["token"])
    key = str(attempt.id)
    if asked["kind"] == "setup":
        setup = SetupRequest(
            customer=customer,
            source=source,
            description=asked["description"],
            return_url=asked["return_url"],
            metadata=asked["metadata"],
        )
        return await processor.create_setup(setup, idempotency_key=key)
    payment = PaymentRequest(
        amount=asked["amount"],
        currency=asked["currency"],
        customer=customer,
        source=source,
        save_for_later=asked["save_for_later"],
        description=asked["description"],
        statement_suffix=asked["statement_suffix"],
        return_url=asked["return_url"],
        metadata=asked["metadata"],
    )
    return await processor.create_payment(payment, idempotency_key=key)
