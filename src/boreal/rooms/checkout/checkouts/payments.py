"""What a session asks of the payment processor, and what is kept of its answers (catalog spec 7.3, 7.4)."""

from typing import Any
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout
from boreal.core.payments import PaymentStatus
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.providers.ports import Canceled, Declined, Payment, PaymentProcessor, Setup
from boreal.rooms.billing.public import customer_details, record_attempt
from boreal.rooms.checkout.checkouts.buyers import Buyer
from boreal.rooms.checkout.checkouts.rendering import confirmation_url
from boreal.rooms.checkout.checkouts.shelf import Shelf


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
    email = checkout.customer_email
    assert email is not None
    return customer_details(
        checkout.organization_id,
        email=email,
        name=checkout.customer_billing_name or checkout.customer_name,
        address=checkout.customer_billing_address,
        tax_id=checkout.customer_tax_id,
    )


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
