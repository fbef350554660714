"""From rows of the sandbox to the values of the port, and the replies that are kept under an idempotency key."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from boreal.kit.db import Record, Row
from boreal.providers.payments.sandbox.behaviours import BEHAVIOURS
from boreal.providers.payments.sandbox.tables import (
    SandboxDisputeRow,
    SandboxIntentRow,
    SandboxMethodRow,
    SandboxRefundRow,
)
from boreal.providers.ports import (
    Canceled,
    CardDetails,
    Charge,
    CustomerDetails,
    Declined,
    Dispute,
    Method,
    Outcome,
    Payment,
    PaymentRequest,
    Processing,
    Refund,
    RefundRequest,
    RequiresAction,
    Setup,
    SetupRequest,
    Succeeded,
)

PAYMENT = TypeAdapter(Payment)
SETUP = TypeAdapter(Setup)
REFUND = TypeAdapter(Refund)
CUSTOMER_ID = TypeAdapter(str)
NOTHING = TypeAdapter(None)

_METHOD_PREFIX = "method_"

SELECT_INTENTS = sa.select(
    SandboxIntentRow,
    *(column.label(_METHOD_PREFIX + column.name) for column in SandboxMethodRow.c if column.name != "id"),
).join_from(SandboxIntentRow, SandboxMethodRow, SandboxIntentRow.c.method_id == SandboxMethodRow.c.id)
"""Intents with their methods; the basis of every statement whose rows `load_intent` reads."""

SELECT_REFUNDS = sa.select(SandboxRefundRow, SandboxIntentRow.c.charge_id, SandboxIntentRow.c.currency).join_from(
    SandboxRefundRow, SandboxIntentRow, SandboxRefundRow.c.intent_id == SandboxIntentRow.c.id
)
"""Refunds with what they need of their payments; the basis of what `load_refund` reads."""

SELECT_DISPUTES = sa.select(SandboxDisputeRow, SandboxIntentRow.c.charge_id, SandboxIntentRow.c.currency).join_from(
    SandboxDisputeRow, SandboxIntentRow, SandboxDisputeRow.c.intent_id == SandboxIntentRow.c.id
)
"""Disputes with what they need of their payments; the basis of what `load_dispute` reads."""


def with_method(intent: Record, method: Record) -> Row:
    """A row as those of `SELECT_INTENTS`, made of an intent's and its method's."""
    return {**dict(intent), **{_METHOD_PREFIX + name: value for name, value in method.items() if name != "id"}}


def load_intent(row: Row) -> Payment | Setup:
    """The payment or setup of a row of `SELECT_INTENTS`."""
    common: dict[str, Any] = {
        "id": row["id"],
        "client_secret": row["client_secret"],
        "customer": row["customer_id"],
        "outcome": _outcome(row),
        "method": _method(row, row["method_id"], _METHOD_PREFIX),
        "metadata": row["metadata"],
        "created_at": row["created_at"],
    }
    if row["kind"] == "setup":
        return Setup(**common)
    return Payment(amount=row["amount"], currency=row["currency"], charge=_charge(row), **common)


def load_method(row: Record) -> Method:
    """The method of a row of `sandbox_methods`."""
    return _method(row, row["id"], "")


def load_refund(row: Record) -> Refund:
    """The refund of a row of `SELECT_REFUNDS`."""
    return Refund(
        id=row["id"],
        payment=row["intent_id"],
        charge=row["charge_id"],
        amount=row["amount"],
        currency=row["currency"],
        status=row["status"],
        reason=row["reason"],
        failure_reason=row["failure_reason"],
        metadata=row["metadata"],
        created_at=row["created_at"],
    )


def load_dispute(row: Record) -> Dispute:
    """The dispute of a row of `SELECT_DISPUTES`."""
    return Dispute(
        id=row["id"],
        payment=row["intent_id"],
        charge=row["charge_id"],
        amount=row["amount"],
        currency=row["currency"],
        status=row["status"],
        reason=row["reason"],
        fee=row["fee"],
        fee_currency="usd",
        created_at=row["created_at"],
    )


def request_fingerprint(
    operation: str, request: CustomerDetails | PaymentRequest | SetupRequest | RefundRequest | str
) -> str:
    """Equal for equal requests of one operation; what tells a repeated key from a misused one."""
    told = request if isinstance(request, str) else asdict(request)
    return hashlib.sha256(json.dumps([operation, told], sort_keys=True).encode()).hexdigest()


def _method(row: Row, id: str, prefix: str) -> Method:
    return Method(
        id=id,
        type="card",
        customer=row[prefix + "customer_id"] if row[prefix + "detached_at"] is None else None,
        card=CardDetails(
            brand=row[prefix + "brand"],
            last4=row[prefix + "last4"],
            exp_month=row[prefix + "exp_month"],
            exp_year=row[prefix + "exp_year"],
            fingerprint=row[prefix + "fingerprint"],
            country=row[prefix + "country"],
            funding=row[prefix + "funding"],
        ),
        created_at=row[prefix + "created_at"],
    )


def _outcome(row: Row) -> Outcome:
    match row["status"]:
        case "succeeded":
            return Succeeded()
        case "processing":
            return Processing()
        case "requires_action":
            return RequiresAction(row["client_secret"])
        case "declined":
            return Declined(row["failure_code"], row["failure_decline_code"], row["failure_message"])
        case _:
            return Canceled()


def _charge(row: Row) -> Charge | None:
    if row["charge_id"] is None:
        return None
    return Charge(
        id=row["charge_id"],
        status={"succeeded": "succeeded", "processing": "pending"}.get(row["status"], "failed"),  # type: ignore[arg-type]
        amount_refunded=row["amount_refunded"],
        risk=BEHAVIOURS[row[_METHOD_PREFIX + "behaviour"]].risk,
    )
