"""Attempts to confirm: what is asked of the payment processor, written down before it is asked (design, section 4).

An attempt holds the session as it will be (`candidate`) and the request to the processor, whose idempotency key is the
attempt's id. Whatever dies in between, the same request with the same key gives the same answer.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from boreal.core.checkouts import Checkout
from boreal.kit.app import App
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.providers.ports import (
    NewMethod,
    Payment,
    PaymentProcessor,
    PaymentRequest,
    Setup,
    SetupRequest,
)
from boreal.rooms.billing.public import KEYS_LAST, ensure_customer
from boreal.rooms.checkout.checkouts.tables import CheckoutAttemptRow

A = CheckoutAttemptRow.c

_CHECKOUT: TypeAdapter[Checkout] = TypeAdapter(Checkout)
_INSERT = CheckoutAttemptRow.insert()
_STARTED = sa.select(CheckoutAttemptRow).where(A.id == sa.bindparam("id"), A.state == "started")
_CLOSE = (
    sa.update(CheckoutAttemptRow)
    .where(A.id == sa.bindparam("key"), A.state == "started")
    # What was asked is not needed any more: it holds a token that stood for a card, and who the buyer said to be.
    .values(state=sa.bindparam("new_state"), settled_at=sa.bindparam("now"), candidate={}, request={})
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as it was written down."""

    id: UUID
    created_at: datetime
    organization_id: UUID
    checkout_id: UUID
    candidate: Checkout
    request: Mapping[str, Any]


async def begin(tx: Tx, candidate: Checkout, request: Mapping[str, Any]) -> Attempt:
    """Writes an attempt down. The database refuses a second one for the session while this one is open."""
    attempt = Attempt(uuid.uuid4(), tx.real_now, tx.organization_id, candidate.id, candidate, request)
    await tx.execute(
        _INSERT,
        id=attempt.id,
        created_at=attempt.created_at,
        organization_id=attempt.organization_id,
        checkout_id=attempt.checkout_id,
        state="started",
        settled_at=None,
        candidate=_CHECKOUT.dump_python(candidate, mode="json"),
        request=dict(request),
    )
    return attempt


async def read(runs: Runs, id: UUID) -> Attempt | None:
    """The attempt, if it is still under way."""
    row = await runs.fetchrow(_STARTED, id=id)
    if row is None:
        return None
    candidate = _CHECKOUT.validate_python(row["candidate"])
    return Attempt(row["id"], row["created_at"], row["organization_id"], row["checkout_id"], candidate, row["request"])


async def close(tx: Tx, id: UUID, state: str) -> bool:
    """Ends an attempt as `applied` or `discarded`, and forgets what it asked; False if it had ended before."""
    return await tx.execute(_CLOSE, key=id, new_state=state, now=tx.now) == "UPDATE 1"


async def perform(app: App, attempt: Attempt) -> Payment | Setup:
    """Asks the processor; asking again within `KEYS_LAST` changes nothing. Raises what the port raises."""
    processor = app.get(PaymentProcessor)
    customer = await _customer(app, attempt)
    asked, key = attempt.request, str(attempt.id)
    source = NewMethod(asked["token"])
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


async def repeat(app: App, attempt: Attempt) -> Payment | Setup | None:
    """What an attempt came to whose process is gone: asked for again, or only looked for when that is not safe.

    None if nothing came of an old attempt. Raises what the port raises.
    """
    if app.clock.now() - attempt.created_at < KEYS_LAST:
        return await perform(app, attempt)
    customer = await _customer(app, attempt)
    return await app.get(PaymentProcessor).find_by_idempotency_key(str(attempt.id), customer=customer)


async def _customer(app: App, attempt: Attempt) -> str:
    """The buyer at the processor, brought up to date."""
    asked = attempt.request
    return await ensure_customer(
        app, asked["customer"], known_id=asked["known_customer"], idempotency_key=f"{attempt.id}-customer"
    )
