"""What all requests to the payment processor have in common: those of sessions, orders, methods and refunds."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from boreal.core.payments import PaymentMethod
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Later, Work
from boreal.providers.ports import CustomerDetails, Method, PaymentProcessor, PostalAddress, ProcessorUnavailable
from boreal.rooms.billing.payments.commands import save_payment_method

_log = structlog.get_logger("boreal.billing")

KEYS_LAST = timedelta(hours=20)
"""For how long a request may be repeated: processors forget their keys after a day, and would pay a second time."""
_SHOWN_OF_CARD = ("brand", "last4", "exp_month", "exp_year", "wallet")


def customer_details(
    organization_id: UUID,
    *,
    email: str,
    name: str | None,
    address: Mapping[str, Any] | None,
    tax_id: Sequence[str] | None,
) -> dict[str, Any]:
    """A customer as the processor keeps them, as JSON.

    A new buyer has no id here yet, so everybody is referred to by a name made of organization and e-mail address: the
    same one for all first purchases of a buyer that happen at once.
    """
    told = {part: value for part, value in (address or {}).items() if value}
    return {
        "reference": str(uuid.uuid5(organization_id, email.lower())),
        "email": email,
        "name": name,
        "address": told if "country" in told else None,
        "tax_id": tax_id[0] if tax_id else None,
    }


async def ensure_customer(app: App, details: Mapping[str, Any], *, known_id: str | None, idempotency_key: str) -> str:
    """The customer at the processor, brought up to date; `details` are those of `customer_details`."""
    address = details["address"]
    return await app.get(PaymentProcessor).ensure_customer(
        CustomerDetails(**{**details, "address": PostalAddress(**address) if address else None}),
        known_id=known_id,
        idempotency_key=idempotency_key,
    )


async def keep_method(app: App, tx: Tx, customer_id: UUID, used: Method) -> PaymentMethod:
    """Remembers a method that the processor has kept, and of its card what may be shown."""
    card = asdict(used.card) if used.card else {}
    return await save_payment_method(
        tx,
        customer_id=customer_id,
        processor=app.get(PaymentProcessor).name,
        processor_id=used.id,
        type=used.type,
        method_metadata={name: card[name] for name in _SHOWN_OF_CARD if card},
    )


def after_silence(app: App, work: Work, silence: ProcessorUnavailable, *, now: datetime) -> Later:
    """The same work again when the processor may answer: after 1, 2, 4, … seconds, at most an hour, for ever.

    That a network fails is no defect, so nothing is counted out and no trace is printed. `now` is the time by which the
    work is due.
    """
    _log.warning("processor_silent", kind=work.kind, key=work.unique_key, attempts=work.attempts, reason=str(silence))
    return Later(now + app.kinds[work.kind].backoff(work.attempts), unless_asked=True)


def next_look(now: datetime, *, waited: timedelta, first: timedelta, longest: timedelta) -> Later:
    """Another look at what is not decided yet: after `first`, then ever less often; nothing has failed."""
    return Later(now + min(max(first, waited / 4), longest), counts=False, unless_asked=True)
