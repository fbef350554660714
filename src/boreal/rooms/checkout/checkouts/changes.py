"""Changing an open session: what a request asks for becomes a new state, or the first thing that is wrong with it.

Server, client and confirmation share this (catalog spec 6.10). Nothing is read or written here; what has to be known is
given, so that a confirmation and its preview cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, Selection
from boreal.core.prices import AmountType
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.checkout.checkouts.errors import fault
from boreal.rooms.checkout.checkouts.shelf import Shelf
from boreal.rooms.customers.public import InvalidTaxId, validate_tax_id

Sent = Mapping[str, Any]
"""The members that a request body really contained, already of the right types."""

_CLEARABLE = (
    "customer_name",
    "customer_billing_name",
    "customer_ip_address",
    "success_url",
    "return_url",
    "embed_origin",
)
_TRIAL = ("trial_interval", "trial_interval_count")
_KEPT_WHEN_NULL = (
    "allow_discount_codes",
    "require_billing_address",
    "allow_trial",
    "is_business_customer",
    "metadata",
    "customer_metadata",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A session as it would be, and what it then sells."""

    checkout: Checkout
    selection: Selection


def change(checkout: Checkout, shelf: Shelf, sent: Sent, *, now: datetime) -> Change:
    """The session with the changes applied; its tax is still the old one. Raises `Invalid`, first failure only."""
    checkout, selection = _select(checkout, shelf, sent)
    checkout = _with_amount(checkout, selection, sent.get("amount"))
    checkout = _with_seats(checkout, selection, sent.get("seats"))
    _refuse_discount(checkout, sent)
    checkout = _with_address(checkout, sent)
    checkout = _with_scalars(checkout, sent)
    checkout = replace(checkout, trial_end=book.trial_end(checkout, selection.product, now=now))
    return Change(_private_again(checkout, selection), selection)


def _select(checkout: Checkout, shelf: Shelf, sent: Sent) -> tuple[Checkout, Selection]:
    """Another product or currency, which starts from its own amount and seats; else what is there."""
    product_id, currency = sent.get("product_id"), sent.get("currency")
    if product_id is None and currency is None:
        return checkout, shelf.selection(checkout)
    if product_id is not None and product_id not in checkout.product_ids:
        raise _invalid("product_id", "Product is not available in this checkout.", product_id)
    if product_id is not None and shelf.details[product_id].product.is_archived:
        raise _invalid("product_id", "Product is archived.", product_id)
    candidates = [currency] if currency else [checkout.currency, shelf.organization["default_presentment_currency"]]
    chosen = shelf.choose(product_id or checkout.product_id, checkout.ad_hoc_price_ids, candidates)
    if chosen is None:
        raise _invalid("currency", "Product is not available in the specified currency.", currency)
    selection, chosen_currency = chosen
    if product_id is not None and sent.get("product_price_id") is not None:
        selection = _with_price(selection, sent["product_price_id"])
    seats = book.starting_seats(selection.price, checkout.seats, sent.get("seats"))
    moved = replace(
        checkout,
        product_id=selection.product.id,
        product_price_id=selection.price.id,
        currency=chosen_currency,
        seats=seats,
        amount=book.starting_amount(selection.price, seats=seats),
    )
    return moved, selection


def _with_price(selection: Selection, price_id: UUID) -> Selection:
    named = next((price for price in selection.prices if price.id == price_id), None)
    if named is None:
        raise _invalid("product_price_id", "Price is not available in this checkout.", price_id)
    return book.at_price(selection, named)


def _with_amount(checkout: Checkout, selection: Selection, amount: int | None) -> Checkout:
    if amount is None or selection.price.amount_type is not AmountType.CUSTOM:
        return checkout
    if refusal := book.refuse_amount(selection.price, amount):
        raise Invalid(fault(refusal, amount))
    return replace(checkout, amount=amount)


def _with_seats(checkout: Checkout, selection: Selection, seats: int | None) -> Checkout:
    if seats is None:
        return checkout
    if refusal := book.refuse_seats(selection.price, seats):
        raise Invalid(fault(refusal, seats))
    return replace(checkout, seats=seats, amount=book.starting_amount(selection.price, seats=seats))


def _refuse_discount(checkout: Checkout, sent: Sent) -> None:
    """No discount exists yet, so every one that is named does not exist (4.4); null has nothing to remove."""
    if sent.get("discount_id") is not None:
        raise _invalid("discount_id", "Discount does not exist.", sent["discount_id"])
    if checkout.allow_discount_codes and sent.get("discount_code") is not None:
        raise Invalid(Fault(("body", "discount_code"), "Discount does not exist."))


def _with_address(checkout: Checkout, sent: Sent) -> Checkout:
    """The whole new address, and a tax id that fits its country: the new one, or the old one if the country changed."""
    old, new = checkout.customer_billing_address, sent.get("customer_billing_address")
    if new is not None:
        checkout = replace(checkout, customer_billing_address=dict(new))
    if "customer_tax_id" in sent:
        number = sent["customer_tax_id"]
    elif checkout.customer_tax_id and new is not None and new["country"] != (old or {}).get("country"):
        number = checkout.customer_tax_id[0]
    else:
        return checkout
    return replace(checkout, customer_tax_id=tax_id(number, checkout.customer_billing_address))


def tax_id(number: str | None, address: Mapping[str, str | None] | None) -> list[str] | None:
    """The stored pair of a tax number (catalog spec 6.7). Raises `Invalid` without a country, or if it does not fit."""
    if not number:
        return None
    country = (address or {}).get("country")
    if not country:
        raise Invalid(Fault(("body", "customer_billing_address"), "Country is required to validate tax ID.", "missing"))
    try:
        return list(validate_tax_id(number, country))
    except InvalidTaxId:
        raise _invalid("customer_tax_id", "Invalid tax ID.", number) from None


def _with_scalars(checkout: Checkout, sent: Sent) -> Checkout:
    values = {name: sent[name] for name in _CLEARABLE if name in sent}
    values.update({name: sent[name] for name in _KEPT_WHEN_NULL if sent.get(name) is not None})
    if any(name in sent for name in _TRIAL):
        values.update({name: sent.get(name) for name in _TRIAL})
    if "customer_email" in sent and checkout.customer_id is None:
        values["customer_email"] = sent["customer_email"]
    return replace(checkout, **values)


def _private_again(checkout: Checkout, selection: Selection) -> Checkout:
    """A business purchase needs the form; without one, and without a required address, it is forgotten (6.6)."""
    flags = book.flags(replace(checkout, tax_amount=0), selection)
    if flags.is_payment_form_required or checkout.require_billing_address:
        return checkout
    return replace(checkout, is_business_customer=False)


def _invalid(field: str, message: str, value: Any) -> Invalid:
    return Invalid(Fault(("body", field), message, "value_error", str(value) if value is not None else None))
