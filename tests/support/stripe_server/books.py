"""What Stripe keeps: customers, methods, intents, charges, refunds, disputes, and the events that tell of them.

Which card does what is taken from the table of test cards that the sandbox has, too.
"""

import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from boreal.providers.payments.sandbox.amounts import check_amount
from boreal.providers.payments.sandbox.behaviours import (
    AUTHENTICATION_REQUIRED,
    BEHAVIOURS,
    PAYMENT_CHALLENGE_FAILED,
    SETUP_CHALLENGE_FAILED,
    Approve,
    Ask,
    Decline,
    Refuse,
    charge,
    keep,
)
from boreal.providers.payments.sandbox.cards import TestCard, card_by_name, card_by_number
from boreal.providers.ports import ProcessorRefused
from tests.support.stripe_server.wire import StripeProblem, flag, integer, invalid, missing

Thing = dict[str, Any]
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_TOKEN_USED = "The provided ConfirmationToken has already been used."


@dataclass
class Books:
    """Everything of one account. `slow` lets approved payments be `processing` until `settle`."""

    now: Callable[[], datetime]
    version: str
    slow: bool = False
    things: dict[str, Thing] = field(default_factory=dict)
    behaviours: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, TestCard | None] = field(default_factory=dict)
    events: list[Thing] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def of(self, kind: str) -> list[Thing]:
        """All objects of a kind, oldest first."""
        return [thing for thing in self.things.values() if thing["object"] == kind]

    def get(self, kind: str, id: str, *, param: str = "id") -> Thing:
        """One object; Stripe's error if there is none."""
        thing = self.things.get(id)
        if thing is None or thing["object"] != kind:
            raise missing(kind, id, param=param)
        return thing

    def new_token(self, card: str) -> str:
        """A confirmation token for a card, by number or by name: what the payment form makes."""
        found = card_by_name(card) or card_by_number(card)
        assert found is not None, card
        token = f"ctoken_{secrets.token_hex(12)}"
        self.tokens[token] = found
        return token

    # customers

    def create_customer(self, params: Mapping[str, Any]) -> Thing:
        return self.update_customer(self._new("cus", "customer", email=None, name=None, address=None)["id"], params)

    def update_customer(self, id: str, params: Mapping[str, Any]) -> Thing:
        customer = self.get("customer", id)
        for name, value in params.items():
            if name == "metadata":
                customer["metadata"] = _merged(customer["metadata"], value)
            else:
                customer[name] = value or None
        return customer

    def methods_of(self, customer: str) -> list[Thing]:
        self.get("customer", customer)
        return [method for method in self.of("payment_method") if method["customer"] == customer]

    def detach(self, id: str) -> Thing:
        method = self.get("payment_method", id)
        if method["customer"] is None:
            raise invalid(
                "The payment method you provided is not attached to a customer so detachment is impossible.",
                param="payment_method",
            )
        method["customer"] = None
        method["_detached"] = True
        self.tell("payment_method.detached", method)
        return method

    def create_customer_session(self, params: Mapping[str, Any]) -> Thing:
        customer = self.get("customer", params["customer"], param="customer")
        return {"object": "customer_session", "client_secret": f"cuss_secret_{customer['id']}"}

    # intents

    def create_payment(self, params: Mapping[str, Any]) -> Thing:
        amount = integer(params, "amount")
        if amount < 1:
            raise invalid(
                "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
            )
        try:
            check_amount(amount, params["currency"])
        except ProcessorRefused as refused:
            raise invalid(refused.message, code=refused.code, param="amount") from None
        self._check_confirmation(params)
        customer = self.get("customer", params["customer"], param="customer")["id"]
        method = self._method(params, customer)
        off_session = flag(params, "off_session")
        verdict = charge(
            BEHAVIOURS[self.behaviours[method["id"]]],
            off_session=off_session,
            set_up=method["customer"] is not None,
            authenticated=False,
        )
        intent = self._new(
            "pi",
            "payment_intent",
            amount=amount,
            currency=params["currency"],
            latest_charge=None,
            last_payment_error=None,
            setup_future_usage=params.get("setup_future_usage"),
            **_intent(params, customer, method),
        )
        self._secret(intent)
        self.tell("payment_intent.created", intent)
        return self._decide_payment(intent, method, verdict)

    def create_setup(self, params: Mapping[str, Any]) -> Thing:
        self._check_confirmation(params)
        customer = self.get("customer", params["customer"], param="customer")["id"]
        method = self._method(params, customer)
        verdict = keep(BEHAVIOURS[self.behaviours[method["id"]]], authenticated=False)
        intent = self._new(
            "seti", "setup_intent", last_setup_error=None, usage=params["usage"], **_intent(params, customer, method)
        )
        self._secret(intent)
        self.tell("setup_intent.created", intent)
        return self._decide_setup(intent, method, verdict)

    def answer(self, id: str, accepted: bool) -> Thing:
        """What the customer answers to the challenge of their bank. An intent that does not ask stays as it is."""
        intent = self.things[id]
        if intent["status"] != "requires_action":
            return intent
        method = self.things[intent["payment_method"]]
        behaviour = BEHAVIOURS[self.behaviours[method["id"]]]
        try:
            if intent["object"] == "setup_intent":
                verdict = keep(behaviour, authenticated=True) if accepted else Refuse(SETUP_CHALLENGE_FAILED)
                return self._decide_setup(intent, method, verdict)
            verdict = charge(behaviour, off_session=False, set_up=False, authenticated=True)
            return self._decide_payment(intent, method, verdict if accepted else Refuse(PAYMENT_CHALLENGE_FAILED))
        except StripeProblem:
            return intent

    def settle(self, id: str) -> Thing:
        """A payment that was processing succeeds."""
        intent = self.get("payment_intent", id)
        assert intent["status"] == "processing"
        return self._succeed(intent, self.things[intent["payment_method"]])

    def cancel(self, kind: str, id: str) -> Thing:
        intent = self.get(kind, id)
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise invalid(
                f"You cannot cancel this {kind} because it has a status of {intent['status']}.",
                code=f"{kind}_unexpected_state",
            )
        # the reason of an earlier failure does not outlast a change of the intent
        intent.update(status="canceled", last_payment_error=None, last_setup_error=None, next_action=None)
        self.tell(f"{kind}.canceled", intent)
        return intent

    # money on its way back

    def refund(self, params: Mapping[str, Any]) -> Thing:
        amount = integer(params, "amount")
        if amount < 1:
            raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
        if params.get("reason") not in (None, *_REASONS):
            raise invalid("Invalid reason", param="reason")
        intent = self.get("payment_intent", params["payment_intent"], param="payment_intent")
        if intent["status"] != "succeeded":
            raise invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        paid = self.things[intent["latest_charge"]]
        if any(dispute["_open"] for dispute in self.of("dispute") if dispute["charge"] == paid["id"]):
            raise invalid("Charge has been charged back.", code="charge_disputed")
        left = paid["amount"] - paid["amount_refunded"]
        if left == 0:
            raise invalid(f"Charge {paid['id']} has already been refunded.", code="charge_already_refunded")
        if amount > left:
            raise invalid("Refund amount is greater than unrefunded amount on charge.", param="amount")
        course = BEHAVIOURS[self.behaviours[paid["payment_method"]]].refunds
        refund = self._new(
            "re",
            "refund",
            amount=amount,
            currency=paid["currency"],
            charge=paid["id"],
            payment_intent=intent["id"],
            reason=params.get("reason"),
            status="pending" if course == "pending" else "succeeded",
            failure_reason=None,
        )
        refund["metadata"] = params.get("metadata", {})
        self._take(paid, amount)
        self.tell("refund.created", refund)
        return refund

    def settle_refund(self, id: str, status: str) -> Thing:
        """A refund ends as its card has it: one that failed gives the money back to us."""
        refund = self.get("refund", id)
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
            self._take(self.things[refund["charge"]], -refund["amount"])
        self.tell("refund.failed" if status == "failed" else "refund.updated", refund)
        return refund

    def move_dispute(self, id: str, status: str, *, case_type: str = "chargeback") -> Thing:
        """What a customer's bank decides about a dispute."""
        dispute = self.get("dispute", id)
        dispute["status"] = status
        dispute["_open"] = status in ("needs_response", "under_review", "lost")
        dispute["payment_method_details"]["card"]["case_type"] = case_type
        closed = status in ("won", "lost", "warning_closed", "prevented")
        self.tell("charge.dispute.closed" if closed else "charge.dispute.updated", dispute)
        return dispute

    def tell(self, type: str, thing: Thing) -> None:
        """Writes an event down."""
        event = {
            "id": f"evt_{next(self._numbers):06}",
            "object": "event",
            "api_version": self.version,
            "created": self._seconds(),
            "type": type,
            "data": {"object": public(thing)},
            "livemode": False,
        }
        self.events.append(event)

    # inside

    def _new(self, prefix: str, kind: str, **values: Any) -> Thing:
        id = f"{prefix}_{next(self._numbers):06}{secrets.token_hex(6)}"
        thing = {"id": id, "object": kind, "created": self._seconds(), "livemode": False, "metadata": {}, **values}
        self.things[id] = thing
        return thing

    def _seconds(self) -> int:
        return int(self.now().timestamp())

    def _secret(self, intent: Thing) -> None:
        intent["client_secret"] = f"{intent['id']}_secret_{secrets.token_hex(8)}"

    def _check_confirmation(self, params: Mapping[str, Any]) -> None:
        if not flag(params, "confirm"):
            raise invalid("This server knows intents that are confirmed at once only.", param="confirm")
        offered = params.get("automatic_payment_methods", {})
        if offered.get("allow_redirects") != "never" and "return_url" not in params:
            raise invalid(
                "You must provide a `return_url` to accept payment methods that redirect.", param="return_url"
            )
        if len(params.get("statement_descriptor_suffix", "")) > 22:
            raise invalid("The statement descriptor suffix must be at most 22 characters.")

    def _method(self, params: Mapping[str, Any], customer: str) -> Thing:
        if "confirmation_token" in params:
            token = params["confirmation_token"]
            if token not in self.tokens:
                raise missing("confirmationtoken", token, param="confirmation_token")
            card = self.tokens[token]
            if card is None:
                raise invalid(_TOKEN_USED, param="confirmation_token")
            self.tokens[token] = None
            return self._new_method(card)
        named = params.get("payment_method", "")
        if (card := card_by_name(named)) is not None:
            return self._new_method(card)
        method = self.get("payment_method", named, param="payment_method")
        if method["customer"] != customer:
            raise invalid(
                "The provided PaymentMethod was used before or detached from a Customer. It may not be used again.",
                param="payment_method",
            )
        return method

    def _new_method(self, card: TestCard) -> Thing:
        method = self._new(
            "pm",
            "payment_method",
            type="card",
            customer=None,
            card={
                "brand": card.brand,
                "last4": card.number[-4:],
                "exp_month": 7,
                "exp_year": self.now().year + 5,
                "fingerprint": f"fp{card.number[-6:]}",
                "country": card.country,
                "funding": card.funding,
                "wallet": None,
            },
        )
        self.behaviours[method["id"]] = card.behaviour
        return method

    def _decide_payment(self, intent: Thing, method: Thing, verdict: Approve | Ask | Refuse) -> Thing:
        match verdict:
            case Ask():
                intent.update(status="requires_action", next_action={"type": "use_stripe_sdk"})
                self.tell("payment_intent.requires_action", intent)
                return intent
            case Refuse(decline):
                raise self._decline(intent, method, decline)
            case _:
                intent["next_action"] = None
                paid = self._charge(intent, method, None)
                if self.slow:
                    intent["status"], paid["status"] = "processing", "pending"
                    self.tell("payment_intent.processing", intent)
                    return intent
                return self._succeed(intent, method)

    def _succeed(self, intent: Thing, method: Thing) -> Thing:
        paid = self.things[intent["latest_charge"]]
        paid["status"] = intent["status"] = "succeeded"
        if intent["setup_future_usage"] == "off_session":
            method["customer"] = intent["customer"]
        self.tell("charge.succeeded", paid)
        self.tell("payment_intent.succeeded", intent)
        for contested in BEHAVIOURS[self.behaviours[method["id"]]].disputes:
            self._contest(intent, paid, contested.reason, contested.status, contested.fee)
        return intent

    def _decide_setup(self, intent: Thing, method: Thing, verdict: Approve | Ask | Refuse) -> Thing:
        match verdict:
            case Ask():
                intent.update(status="requires_action", next_action={"type": "use_stripe_sdk"})
                self.tell("setup_intent.requires_action", intent)
                return intent
            case Refuse(decline):
                raise self._decline(intent, method, decline)
            case _:
                intent.update(status="succeeded", next_action=None)
                method["customer"] = intent["customer"]
                self.tell("setup_intent.succeeded", intent)
                return intent

    def _decline(self, intent: Thing, method: Thing, decline: Decline) -> StripeProblem:
        """A bank says no: the intent waits for another method, and the error shows it."""
        is_payment = intent["object"] == "payment_intent"
        reached = decline not in (AUTHENTICATION_REQUIRED, PAYMENT_CHALLENGE_FAILED, SETUP_CHALLENGE_FAILED)
        error = {
            "type": "card_error" if reached else "invalid_request_error",
            "code": decline.code,
            "message": decline.message,
            "payment_method": public(method),
            **({"decline_code": decline.decline_code} if decline.decline_code else {}),
        }
        intent.update(status="requires_payment_method", payment_method=None, next_action=None)
        if is_payment and reached:
            error["charge"] = self._charge(intent, method, decline)["id"]
        intent["last_payment_error" if is_payment else "last_setup_error"] = error
        self.tell("payment_intent.payment_failed" if is_payment else "setup_intent.setup_failed", intent)
        told = {name: value for name, value in error.items() if name not in ("type", "message", "code")}
        return StripeProblem(
            402, "card_error", decline.message, code=decline.code, **told, **{intent["object"]: public(intent)}
        )

    def _charge(self, intent: Thing, method: Thing, decline: Decline | None) -> Thing:
        risk = BEHAVIOURS[self.behaviours[method["id"]]].risk
        charged = self._new(
            "ch",
            "charge",
            amount=intent["amount"],
            amount_refunded=0,
            refunded=False,
            currency=intent["currency"],
            payment_intent=intent["id"],
            payment_method=method["id"],
            status="failed" if decline else "succeeded",
            failure_code=decline and decline.code,
            failure_message=decline and decline.message,
            outcome={"risk_level": risk.level, "risk_score": risk.score, "reason": decline and decline.decline_code},
        )
        intent["latest_charge"] = charged["id"]
        return charged

    def _take(self, paid: Thing, amount: int) -> None:
        paid["amount_refunded"] += amount
        paid["refunded"] = paid["amount_refunded"] == paid["amount"]

    def _contest(self, intent: Thing, paid: Thing, reason: str, status: str, fee: int) -> None:
        if status == "early_warning":
            warning = self._new(
                "issfr", "radar.early_fraud_warning", charge=paid["id"], payment_intent=intent["id"], fraud_type=reason
            )
            self.tell("radar.early_fraud_warning.created", warning)
            return
        dispute = self._new(
            "dp",
            "dispute",
            amount=paid["amount"],
            currency=paid["currency"],
            charge=paid["id"],
            payment_intent=intent["id"],
            reason=reason,
            status=status if fee else f"warning_{status}",
            balance_transactions=[{"id": "txn_1", "fee": fee, "currency": "usd", "amount": -paid["amount"]}]
            if fee
            else [],
            payment_method_details={"type": "card", "card": {"case_type": "chargeback" if fee else "inquiry"}},
        )
        dispute["_open"] = fee > 0
        self.tell("charge.dispute.created", dispute)


def public(thing: Thing) -> Thing:
    """An object without what only the server knows of it."""
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def _intent(params: Mapping[str, Any], customer: str, method: Thing) -> dict[str, Any]:
    return {
        "customer": customer,
        "payment_method": method["id"],
        "payment_method_types": ["card", "link"],
        "description": params.get("description"),
        "status": "requires_confirmation",
        "next_action": None,
        "metadata": params.get("metadata", {}),
    }


def _merged(before: dict[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """Metadata after an update: an empty value removes a key."""
    return {name: value for name, value in {**before, **sent}.items() if value != ""}
