"""Stripe behind the port `PaymentProcessor`: payment intents, setup intents, refunds, disputes, events."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from boreal.providers.payments.stripe import objects
from boreal.providers.payments.stripe.webhooks import EVENT_TYPES, load_event
from boreal.providers.ports import (
    CustomerDetails,
    Dispute,
    EventPage,
    Method,
    MethodUnusable,
    NewMethod,
    Payment,
    PaymentRequest,
    ProcessorRefused,
    Refund,
    RefundRequest,
    RequiresAction,
    Setup,
    SetupRequest,
)
from boreal.providers.stripe_api import IntentDeclined, Operation, StripeApi, StripeFailed, StripeRefused

_PAGE = 100
_TEST_METHOD = "pm_card_"
_REFUND_REASONS = {"duplicate": "duplicate", "fraudulent": "fraudulent"}
_EXPAND_PAYMENT = {"expand": list(objects.EXPANDED)}
_EXPAND_SETUP = {"expand": ["payment_method"]}

_TELLABLE = {
    "amount_too_small": "The amount is below the minimum charge.",
    "amount_too_large": "The amount is above the maximum charge.",
    "parameter_invalid_integer": "The amount is below the minimum charge.",
}
_TOKEN_GONE = "The payment details can no longer be used. Please enter them again."
_NOT_MADE = "The payment could not be made."


class StripeProcessor:
    """One Stripe account as a payment processor. `publishable_key` is what pages of ours show to Stripe."""

    name = "stripe"

    def __init__(self, api: StripeApi, *, publishable_key: str) -> None:
        self._api = api
        self._publishable_key = publishable_key

    @property
    def public_details(self) -> Mapping[str, str]:
        """As the port says."""
        return {"publishable_key": self._publishable_key}

    async def close(self) -> None:
        """Closes the connections to Stripe."""
        await self._api.close()

    async def ensure_customer(
        self, details: CustomerDetails, *, known_id: str | None = None, idempotency_key: str
    ) -> str:
        """As the port says.

        A new customer is created under a key made of the reference and with nothing else, so that all first purchases
        of one buyer which happen at once get the same one; then it is brought up to date like any other.
        """
        customers = self._api.v1.customers
        values = _customer(details)
        if known_id is not None:
            try:
                return str(
                    (await self._api.call(customers.update_async, known_id, params=values, key=idempotency_key))["id"]
                )
            except StripeRefused as refused:
                if refused.code != "resource_missing":
                    raise
        made = await self._api.call(
            customers.create_async,
            params={"metadata": {"boreal_reference": details.reference}},
            key=f"customer-{details.reference}",
        )
        await self._api.call(customers.update_async, made["id"], params=values, key=f"{idempotency_key}-new")
        return str(made["id"])

    async def create_payment(self, request: PaymentRequest, *, idempotency_key: str) -> Payment:
        """As the port says."""
        params = {
            "amount": request.amount,
            "currency": request.currency,
            **_asked(request, idempotency_key),
            **({"off_session": True} if request.off_session else {}),
            **({"setup_future_usage": "off_session"} if request.save_for_later else {}),
            **({"statement_descriptor_suffix": request.statement_suffix} if request.statement_suffix else {}),
            **_EXPAND_PAYMENT,
        }
        create = self._api.v1.payment_intents.create_async
        try:
            return await self._payment(await self._create(create, params, request, idempotency_key))
        except StripeFailed:
            # Stripe repeats its own failures for the same key, although the intent may be there.
            found = await self.find_by_idempotency_key(idempotency_key, customer=request.customer)
            if not isinstance(found, Payment):
                raise
            return found

    async def create_setup(self, request: SetupRequest, *, idempotency_key: str) -> Setup:
        """As the port says."""
        params = {"usage": "off_session", **_asked(request, idempotency_key), **_EXPAND_SETUP}
        create = self._api.v1.setup_intents.create_async
        try:
            return objects.load_setup(await self._create(create, params, request, idempotency_key))
        except StripeFailed:
            found = await self.find_by_idempotency_key(idempotency_key, customer=request.customer)
            if not isinstance(found, Setup):
                raise
            return found

    async def get_payment(self, payment: str) -> Payment | None:
        """As the port says. An intent that was refused is closed, lest its buyer pays it after all."""
        intents = self._api.v1.payment_intents
        if not payment.startswith("pi_"):
            return None
        intent = await self._api.find(intents.retrieve_async, payment, params=_EXPAND_PAYMENT)
        if intent is not None and objects.can_still_be_paid(intent):
            changed = await self._close(intents.cancel_async, payment)
            if not changed:
                intent = await self._api.call(intents.retrieve_async, payment, params=_EXPAND_PAYMENT)
        return None if intent is None else objects.load_payment(intent)

    async def get_setup(self, setup: str) -> Setup | None:
        """As the port says. An intent that was refused is closed."""
        intents = self._api.v1.setup_intents
        if not setup.startswith("seti_"):
            return None
        intent = await self._api.find(intents.retrieve_async, setup, params=_EXPAND_SETUP)
        if intent is not None and objects.can_still_be_paid(intent):
            changed = await self._close(intents.cancel_async, setup)
            if not changed:
                intent = await self._api.call(intents.retrieve_async, setup, params=_EXPAND_SETUP)
        return None if intent is None else objects.load_setup(intent)

    async def find_by_idempotency_key(self, idempotency_key: str, *, customer: str) -> Payment | Setup | None:
        """As the port says: the customer's intents are walked, newest first, for the one that remembers the key."""
        for listing, get in (
            (self._api.v1.payment_intents.list_async, self.get_payment),
            (self._api.v1.setup_intents.list_async, self.get_setup),
        ):
            async for intent in self._walk(listing, params={"customer": customer}):
                if (intent.get("metadata") or {}).get(objects.KEY) == idempotency_key:
                    return await get(intent["id"])
        return None

    async def cancel_payment(self, payment: str, *, idempotency_key: str) -> Payment:
        """As the port says."""
        now = await self.get_payment(payment)
        if now is None:
            raise ProcessorRefused("resource_missing", "There is no such payment.")
        if not isinstance(now.outcome, RequiresAction):
            return now
        await self._close(self._api.v1.payment_intents.cancel_async, payment, key=idempotency_key)
        return await self.get_payment(payment) or now

    async def cancel_setup(self, setup: str, *, idempotency_key: str) -> Setup:
        """As the port says."""
        now = await self.get_setup(setup)
        if now is None:
            raise ProcessorRefused("resource_missing", "There is no such setup.")
        if not isinstance(now.outcome, RequiresAction):
            return now
        await self._close(self._api.v1.setup_intents.cancel_async, setup, key=idempotency_key)
        return await self.get_setup(setup) or now

    async def refund(self, request: RefundRequest, *, idempotency_key: str) -> Refund:
        """As the port says."""
        ours = {objects.REASON: request.reason} if request.reason else {}
        params = {
            "payment_intent": request.payment,
            "amount": request.amount,
            "reason": _REFUND_REASONS.get(request.reason or "", "requested_by_customer"),
            "metadata": {**request.metadata, **ours},
        }
        try:
            return objects.load_refund(
                await self._api.call(self._api.v1.refunds.create_async, params=params, key=idempotency_key)
            )
        except StripeRefused as refused:
            raise await self._why_not(request, refused) from refused

    async def get_refund(self, refund: str) -> Refund | None:
        """As the port says."""
        found = await self._api.find(self._api.v1.refunds.retrieve_async, refund)
        return None if found is None else objects.load_refund(found)

    async def get_dispute(self, dispute: str) -> Dispute | None:
        """As the port says; early fraud warnings are disputes, too."""
        if dispute.startswith("issfr_"):
            retrieve = self._api.v1.radar.early_fraud_warnings.retrieve_async
            warning = await self._api.find(retrieve, dispute, params={"expand": ["charge"]})
            return None if warning is None else objects.load_warning(warning)
        found = await self._api.find(self._api.v1.disputes.retrieve_async, dispute)
        return None if found is None else objects.load_dispute(found)

    async def list_methods(self, customer: str) -> Sequence[Method]:
        """As the port says."""
        listing = self._api.v1.customers.payment_methods.list_async
        try:
            found = [objects.load_method(method) async for method in self._walk(listing, customer)]
        except StripeRefused as refused:
            if refused.code == "resource_missing":
                return []
            raise
        return sorted(found, key=lambda method: method.created_at, reverse=True)

    async def detach_method(self, method: str, *, idempotency_key: str) -> None:
        """As the port says."""
        try:
            await self._api.call(self._api.v1.payment_methods.detach_async, method, key=idempotency_key)
        except StripeRefused:
            return  # it is not attached to anybody (any more), or is unknown

    async def newest_cursor(self) -> str | None:
        """As the port says."""
        params = {"types": list(EVENT_TYPES), "limit": 1}
        page = await self._api.call(self._api.v1.events.list_async, params=params)
        return page["data"][0]["id"] if page["data"] else None

    async def events_since(self, cursor: str | None, *, limit: int = 100) -> EventPage:
        """As the port says, for as long as Stripe keeps events: 30 days. The cursor is the id of an event."""
        listing = self._api.v1.events.list_async
        kinds = {"types": list(EVENT_TYPES)}
        if cursor is not None:
            try:
                page = await self._api.call(listing, params={**kinds, "ending_before": cursor, "limit": limit})
                return _event_page(page["data"], cursor)
            except StripeRefused as refused:
                if refused.code != "resource_missing":
                    raise
        oldest: list[dict[str, Any]] = []
        async for event in self._walk(listing, params=kinds):
            oldest = [*oldest[-limit + 1 :], event] if limit > 1 else [event]
        return _event_page(oldest, None)

    async def _create(
        self, create: Operation, params: Mapping[str, Any], request: PaymentRequest | SetupRequest, key: str
    ) -> dict[str, Any]:
        """The intent that was made, whatever the bank said to it."""
        try:
            return await self._api.call(create, params=params, key=key)
        except IntentDeclined as declined:
            return declined.intent
        except StripeRefused as refused:
            raise _refusal(request, refused) from refused

    async def _payment(self, intent: dict[str, Any]) -> Payment:
        """The payment of an intent, with its charge even where Stripe only names it."""
        charge = intent.get("latest_charge")
        if isinstance(charge, str):
            charge = await self._api.call(self._api.v1.charges.retrieve_async, charge)
        return objects.load_payment({**intent, "latest_charge": charge})

    async def _close(self, cancel: Operation, intent: str, *, key: str | None = None) -> bool:
        """Cancels an intent; False if it cannot be, because it has moved on."""
        try:
            await self._api.call(cancel, intent, key=key or f"{intent}-closed")
        except StripeRefused:
            return False
        return True

    async def _why_not(self, request: RefundRequest, refused: StripeRefused) -> ProcessorRefused:
        """The refusal of a refund in the port's words, told from the payment rather than from Stripe's sentences."""
        if refused.code == "charge_disputed":
            return ProcessorRefused("charge_disputed", "The customer's bank has taken this payment back.")
        paid = await self.get_payment(request.payment)
        if paid is None:
            return ProcessorRefused("resource_missing", "There is no such payment.")
        if paid.charge is None or paid.charge.status != "succeeded":
            return ProcessorRefused("payment_not_refundable", "Only a payment that succeeded can be refunded.")
        left = paid.amount - paid.charge.amount_refunded
        if left == 0:
            return ProcessorRefused("charge_already_refunded", "The payment has been refunded already.")
        if request.amount > left:
            return ProcessorRefused("amount_too_large", "The refund is larger than what is left of the payment.")
        if request.amount <= 0:
            return ProcessorRefused("amount_too_small", "A refund has to be positive.")
        return ProcessorRefused(refused.code, "The refund could not be made.")

    async def _walk(
        self, listing: Operation, *ids: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Everything in a list, newest first, a page at a time."""
        after: dict[str, str] = {}
        while True:
            page = await self._api.call(listing, *ids, params={**(params or {}), **after, "limit": _PAGE})
            for item in page["data"]:
                yield item
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}


def _customer(details: CustomerDetails) -> dict[str, Any]:
    address = asdict(details.address) if details.address else {}
    tax_id = {"boreal_tax_id": details.tax_id or ""}  # an empty value removes it
    return {
        "email": details.email,
        "name": details.name or "",
        **({"address": {name: value or "" for name, value in address.items()}} if address else {}),
        "metadata": {**details.metadata, "boreal_reference": details.reference, **tax_id},
    }


def _asked(request: PaymentRequest | SetupRequest, key: str) -> dict[str, Any]:
    """What payments and setups have in common: confirmed at once, with whatever methods the account offers."""
    source = request.source
    if isinstance(source, NewMethod) and not source.token.startswith(_TEST_METHOD):
        method = {"confirmation_token": source.token}
    else:
        method = {"payment_method": source.token if isinstance(source, NewMethod) else source.id}
    back = {"return_url": request.return_url} if request.return_url else {}
    redirects = {} if request.return_url else {"allow_redirects": "never"}
    return {
        "customer": request.customer,
        "confirm": True,
        **method,
        "automatic_payment_methods": {"enabled": True, **redirects},
        **({"description": request.description} if request.description else {}),
        **back,
        "metadata": {**request.metadata, objects.KEY: key},
    }


def _refusal(request: PaymentRequest | SetupRequest, refused: StripeRefused) -> ProcessorRefused:
    """A refusal in the port's words; Stripe's sentences are for developers."""
    if refused.param == "payment_method" and not isinstance(request.source, NewMethod):
        return MethodUnusable()
    if refused.param in ("confirmation_token", "payment_method"):
        code = refused.code if refused.code == "resource_missing" else "token_already_used"
        return ProcessorRefused(code, _TOKEN_GONE)
    code = "amount_too_small" if refused.code == "parameter_invalid_integer" else refused.code
    return ProcessorRefused(code, _TELLABLE.get(refused.code, _NOT_MADE))


def _event_page(newest_first: Sequence[dict[str, Any]], cursor: str | None) -> EventPage:
    events = [load_event(event) for event in reversed(newest_first)]
    return EventPage([event for event in events if event], newest_first[0]["id"] if newest_first else cursor)
