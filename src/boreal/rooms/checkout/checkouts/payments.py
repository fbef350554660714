"""What a session asks of the payment processor, and what is kept of its answers (catalog spec 7.3, 7.4)."""

import uuid
from dataclasses import asdict
from typing import Any
from uuid import UUID

import structlog

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout
from boreal.core.customers import Customer
from boreal.core.payments import PaymentStatus
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Later, Work
from boreal.providers.ports import Canceled, Declined, Payment, PaymentProcessor, ProcessorUnavailable, Setup
from boreal.rooms.billing.public import record_attempt, save_payment_method
from boreal.rooms.checkout.checkouts.buyers import Buyer
from boreal.rooms.checkout.checkouts.rendering import confirmation_url
from boreal.rooms.checkout.checkouts.shelf import Shelf

_log = structlog.get_logger("boreal.checkout")


def request(
    app: App, checkout: Checkout, shelf: Shelf, flags: book.Flags, buyer: Buyer | None, *, token: str | None
) -> dict[str, Any]:
    """The request of a confirmation to the processor, as JSON (catalog spec 7.3); the buyer, if known already."""
    product = shelf.details[checkout.product_id].product
    organization = shelf.organization
    money = book.money(checkout, shelf.discount)
    one_trial = organization["subscription_settings"]["prevent_trial_abuse"] and checkout.trial_end is not None
    return {
        "kind": "payment" if flags.is_payment_required else "setup",
        "amount": money.total_amount,
        "currency": checkout.currency,
        "token": token,
        "save_for_later": product.is_recurring,
        "description": f"{organization['name']} — {product.name}",
        "statement_suffix": organization["slug"][:15],
        "return_url": confirmation_url(app.settings, checkout),
        "metadata": _metadata(checkout, money),
        "one_trial": one_trial,
        "known_customer": buyer.processor_customer_id if buyer else None,
        "customer": _customer(checkout),
    }


def _metadata(checkout: Checkout, money: book.Totals) -> dict[str, str]:
    address = _address(checkout)
    metadata = {"checkout_id": str(checkout.id), "type": "product", "tax_amount": str(money.tax_amount or 0)}
    if "country" in address:
        metadata["tax_country"] = address["country"]
    if "state" in address:
        metadata["tax_state"] = address["state"].removeprefix(f"{address['country']}-")
    return metadata


def _customer(checkout: Checkout) -> dict[str, Any]:
    """The buyer as the processor keeps them.

    A new buyer has no id here yet, so everybody is referred to by a name made of organization and e-mail address: the
    same one for all first purchases of a buyer that happen at once.
    """
    email = checkout.customer_email
    assert email is not None
    return {
        "reference": str(uuid.uuid5(checkout.organization_id, email.lower())),
        "email": email,
        "name": checkout.customer_billing_name or checkout.customer_name,
        "address": _address(checkout) or None,
        "tax_id": checkout.customer_tax_id[0] if checkout.customer_tax_id else None,
    }


def _address(checkout: Checkout) -> dict[str, str]:
    return {name: value for name, value in (checkout.customer_billing_address or {}).items() if value}


_STATUS = {"succeeded": PaymentStatus.SUCCEEDED, "declined": PaymentStatus.FAILED, "canceled": PaymentStatus.FAILED}


async def record(app: App, tx: Tx, checkout: Checkout, result: Payment | Setup | None) -> UUID | None:
    """Puts an attempt to pay on record and returns the record's id, once money was to move or it failed before that.

    A challenge that waits for its answer is neither: it gets its record with its end, under the id that lasts.
    """
    if not isinstance(result, Payment):
        return None
    if result.charge is None and not isinstance(result.outcome, Declined | Canceled):
        return None
    declined = result.outcome if isinstance(result.outcome, Declined) else None
    stored = await record_attempt(
        tx,
        result,
        processor=app.get(PaymentProcessor).name,
        status=_STATUS.get(result.outcome.status, PaymentStatus.PENDING),
        customer_email=checkout.customer_email,
        checkout_id=checkout.id,
        decline_reason=declined.reason if declined else None,
        decline_message=declined.message if declined else None,
    )
    return stored.id


def after_silence(app: App, work: Work, silence: ProcessorUnavailable) -> Later:
    """The same work again when the processor may answer: after 1, 2, 4, … seconds, at most an hour, for ever.

    That a network fails is no defect, so nothing is counted out and no trace is printed.
    """
    _log.warning("processor_silent", kind=work.kind, key=work.unique_key, attempts=work.attempts, reason=str(silence))
    return Later(app.clock.now() + app.kinds[work.kind].backoff(work.attempts), unless_asked=True)


_SHOWN_OF_CARD = ("brand", "last4", "exp_month", "exp_year", "wallet")


async def keep_method(app: App, tx: Tx, customer: Customer, result: Payment | Setup) -> UUID:
    """Remembers the method that renewals are charged to, and returns its id."""
    card = asdict(result.method.card) if result.method.card else {}
    method = await save_payment_method(
        tx,
        customer_id=customer.id,
        processor=app.get(PaymentProcessor).name,
        processor_id=result.method.id,
        type=result.method.type,
        method_metadata={name: card[name] for name in _SHOWN_OF_CARD if card},
    )
    return method.id
