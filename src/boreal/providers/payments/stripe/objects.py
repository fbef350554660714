"""From Stripe's objects, as the SDK's dictionaries, to the values of the port."""

from datetime import UTC, datetime
from typing import Any

from boreal.providers.ports import (
    Canceled,
    CardDetails,
    Charge,
    Declined,
    Dispute,
    DisputeStatus,
    Method,
    Outcome,
    Payment,
    Processing,
    Refund,
    RequiresAction,
    Risk,
    Setup,
    Succeeded,
)

KEY = "boreal_key"
"""Under this name an intent's metadata remembers its idempotency key."""
REASON = "boreal_reason"
"""Under this name a refund's metadata remembers our reason: Stripe knows three only."""
_OURS = (KEY, REASON)
_REFUND_REASONS = {
    "duplicate": "duplicate",
    "fraudulent": "fraudulent",
    "requested_by_customer": "customer_request",
}
"""Stripe's reasons in our words, for refunds that were made at Stripe itself."""

EXPANDED = ("latest_charge", "payment_method")
"""What has to be expanded in a payment intent, and the second of it in a setup intent."""

_DECLINED = "Your card was declined."

_DISPUTE_STATUS: dict[str, DisputeStatus] = {
    "warning_needs_response": "needs_response",
    "warning_under_review": "under_review",
    "warning_closed": "prevented",
    "needs_response": "needs_response",
    "under_review": "under_review",
    "appeal_needs_response": "needs_response",
    "appeal_under_review": "under_review",
    "won": "won",
    "lost": "lost",
    "prevented": "prevented",
}
_SETTLED_WITHOUT_CHARGEBACK = ("resolution", "block")


def load_payment(intent: dict[str, Any]) -> Payment:
    """The payment of a payment intent."""
    charge = intent.get("latest_charge")
    error = intent.get("last_payment_error") or (_failure(charge) if isinstance(charge, dict) else None)
    return Payment(
        **_common(intent, error),
        amount=intent["amount"],
        currency=intent["currency"],
        charge=_charge(charge) if isinstance(charge, dict) else None,
    )


def load_setup(intent: dict[str, Any]) -> Setup:
    """The setup of a setup intent."""
    return Setup(**_common(intent, intent.get("last_setup_error")))


def load_refund(refund: dict[str, Any]) -> Refund:
    """The refund; one that waits for something of us is on its way as well."""
    status = refund.get("status")
    return Refund(
        id=refund["id"],
        payment=str(refund["payment_intent"]),
        charge=str(refund["charge"]),
        amount=refund["amount"],
        currency=refund["currency"],
        status=status if status in ("succeeded", "failed", "canceled") else "pending",
        reason=(refund.get("metadata") or {}).get(REASON) or _REFUND_REASONS.get(refund.get("reason") or ""),
        failure_reason=refund.get("failure_reason"),
        metadata=_metadata(refund),
        created_at=_time(refund["created"]),
    )


def load_dispute(dispute: dict[str, Any]) -> Dispute | None:
    """The dispute; None if it is about a charge that no payment intent of ours made.

    One that is lost because the money was given back by rapid resolution is prevented (orders spec 16).
    """
    if not dispute.get("payment_intent"):
        return None
    status: DisputeStatus = _DISPUTE_STATUS.get(dispute["status"], "under_review")
    card = (dispute.get("payment_method_details") or {}).get("card") or {}
    if status == "lost" and card.get("case_type") in _SETTLED_WITHOUT_CHARGEBACK:
        status = "prevented"
    moves = dispute.get("balance_transactions") or []
    return Dispute(
        id=dispute["id"],
        payment=str(dispute["payment_intent"]),
        charge=str(dispute["charge"]),
        amount=dispute["amount"],
        currency=dispute["currency"],
        status=status,
        reason=dispute["reason"],
        fee=sum(move["fee"] for move in moves),
        fee_currency=moves[0]["currency"] if moves else dispute["currency"],
        created_at=_time(dispute["created"]),
    )


def load_warning(warning: dict[str, Any]) -> Dispute | None:
    """An early fraud warning (with its charge expanded) as a dispute; None if it is about no payment of ours."""
    charge = warning["charge"]
    if not warning.get("payment_intent") or not isinstance(charge, dict):
        return None
    return Dispute(
        id=warning["id"],
        payment=str(warning["payment_intent"]),
        charge=charge["id"],
        amount=charge["amount"],
        currency=charge["currency"],
        status="prevented" if charge["refunded"] else "early_warning",
        reason=warning["fraud_type"],
        fee=0,
        fee_currency=charge["currency"],
        created_at=_time(warning["created"]),
    )


def load_method(method: dict[str, Any]) -> Method:
    """The payment method."""
    return Method(
        id=method["id"],
        type=method["type"],
        customer=method.get("customer"),
        card=_card(method["card"], method["id"]) if method.get("card") else None,
        created_at=_time(method["created"]),
    )


def can_still_be_paid(intent: dict[str, Any]) -> bool:
    """Whether whoever knows the intent's secret may try again after a refusal."""
    return intent["status"] == "requires_payment_method"


def _common(intent: dict[str, Any], error: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": intent["id"],
        "client_secret": intent["client_secret"],
        "customer": str(intent["customer"]),
        "outcome": _outcome(intent, error),
        "method": _method_of(intent, error),
        "metadata": _metadata(intent),
        "created_at": _time(intent["created"]),
    }


def _outcome(intent: dict[str, Any], error: dict[str, Any] | None) -> Outcome:
    match intent["status"]:
        case "succeeded":
            return Succeeded()
        case "requires_action" | "requires_confirmation":
            return RequiresAction(intent["client_secret"])
        case "requires_payment_method":
            return _declined(error or {})
        case "canceled":
            return _declined(error) if error else Canceled()
        case _:
            return Processing()


def _declined(error: dict[str, Any]) -> Declined:
    return Declined(error.get("code") or "card_declined", error.get("decline_code"), error.get("message") or _DECLINED)


def _method_of(intent: dict[str, Any], error: dict[str, Any] | None) -> Method:
    """The method of an intent: after a refusal it is in the error, and after a cancellation perhaps nowhere."""
    for method in (intent.get("payment_method"), (error or {}).get("payment_method")):
        if isinstance(method, dict):
            return load_method(method)
    types = intent.get("payment_method_types") or ["card"]
    return Method(id="", type=types[0], customer=None, card=None, created_at=_time(intent["created"]))


def _card(card: dict[str, Any], method: str) -> CardDetails:
    return CardDetails(
        brand=card["brand"],
        last4=card["last4"],
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
        # without one, a card is like no other
        fingerprint=card.get("fingerprint") or f"of {method}",
        country=card.get("country"),
        funding=card.get("funding"),
        wallet=(card.get("wallet") or {}).get("type"),
    )


def _charge(charge: dict[str, Any]) -> Charge:
    outcome = charge.get("outcome") or {}
    level = outcome.get("risk_level")
    return Charge(
        id=charge["id"],
        status=charge["status"],
        amount_refunded=charge["amount_refunded"],
        risk=Risk(level, outcome.get("risk_score")) if level else None,
    )


def _failure(charge: dict[str, Any]) -> dict[str, Any] | None:
    """Why a charge failed, as an intent would tell it."""
    if not charge.get("failure_code"):
        return None
    outcome = charge.get("outcome") or {}
    decline_code = outcome.get("reason") if charge["failure_code"] == "card_declined" else None
    return {"code": charge["failure_code"], "decline_code": decline_code, "message": charge.get("failure_message")}


def _metadata(thing: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in (thing.get("metadata") or {}).items() if name not in _OURS}


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
