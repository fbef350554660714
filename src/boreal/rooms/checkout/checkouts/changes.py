"""Changing an open session: what a request asks for becomes a new state, or everything that is wrong with it.

Server, client and confirmation share this (catalog spec 6.10). Nothing is read or written here; what has to be known is
given, so that a confirmation and its preview cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, Selection
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.checkout.checkouts.errors import fault
from boreal.rooms.checkout.checkouts.shelf import Shelf
from boreal.rooms.customers.public import InvalidTaxId, validate_tax_id

Sent = Mapping[str, Any]
"""The members that a request body really contained, already of the right types."""

_CLEARABLE = ("customer_name", "customer_billing_name", "success_url", "return_url", "embed_origin")
_KEPT_WHEN_NULL = (
    "allow_discount_codes",
    "require_billing_address",
    "allow_trial",
    "is_business_customer",
    "customer_ip_address",
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
    checkout = _price(checkout, selection, sent)
    _refuse_discount(checkout, sent)
    checkout = _address(checkout, sent)
    checkout = _scalars(checkout, sent)
    # No custom field exists yet, so none is attached, and data for fields that are not attached is dropped (3.3).
    checkout = replace(checkout, custom_field_data={})
    trial = book.active_trial(
        selection.product,
        allow_trial=checkout.allow_trial,
        interval=checkout.trial_interval,
        count=checkout.trial_interval_count,
    )
    checkout = replace(checkout, trial_end=book.trial_end(selection.product, trial, now=now))
    return Change(_private_again(checkout, selection), selection)


def _select(checkout: Checkout, shelf: Shelf, sent: Sent) -> tuple[Checkout, Selection]:
    product_id, currency = sent.get("product_id"), sent.get("currency")
    if product_id is None and currency is None:
        return checkout, shelf.selection(checkout)
    if product_id is not None:
        if product_id not in checkout.product_ids:
            raise _invalid("product_id", "Product is not available in this checkout.", product_id)
        if shelf.details[product_id].product.is_archived:
            raise _invalid("product_id", "Product is archived.", product_id)
    target = product_id or checkout.product_id
    prices = shelf.prices(target, checkout.ad_hoc_price_ids)
    candidates = [currency] if currency else [checkout.currency, shelf.organization["default_presentment_currency"]]
    chosen_currency = book.choose_currency(prices, candidates)
    selection = shelf.choose(target, checkout.ad_hoc_price_ids, chosen_currency) if chosen_currency else None
    if selection is None or chosen_currency is None:
        raise _invalid("currency", "Product is not available in the specified currency.", currency)
    price_id = sent.get("product_price_id") if product_id is not None else None
    if price_id is not None:
        price = next((price for price in selection.prices if price.id == price_id), None)
        if price is None:
            raise _invalid("product_price_id", "Price is not available in this checkout.", price_id)
        selection = replace(selection, price=price)
    seats = book.starting_seats(selection.price, _within(selection, checkout.seats), sent.get("seats"))
    if refusal := book.refuse_seats(selection.price, seats):
        raise Invalid(fault(refusal, seats))
    moved = replace(
        checkout,
        product_id=target,
        product_price_id=selection.price.id,
        currency=chosen_currency,
        seats=seats,
        amount=book.starting_amount(selection.price, amount=None, seats=seats),
    )
    return moved, selection


def _within(selection: Selection, seats: int | None) -> int | None:
    """The present number of seats, unless the new price does not sell it."""
    return None if book.refuse_seats(selection.price, seats) else seats


def _price(checkout: Checkout, selection: Selection, sent: Sent) -> Checkout:
    amount, seats = sent.get("amount"), sent.get("seats")
    if refusal := book.refuse_amount(selection.price, amount):
        raise Invalid(fault(refusal, amount))
    if refusal := book.refuse_seats(selection.price, seats):
        raise Invalid(fault(refusal, seats))
    if seats is not None:
        checkout = replace(checkout, seats=seats)
    if amount is None and seats is None:
        return checkout
    fixed = None if amount is None else amount
    if selection.price.amount_type == "custom" and fixed is None:
        return checkout
    return replace(checkout, amount=book.starting_amount(selection.price, amount=fixed, seats=checkout.seats))


def _refuse_discount(checkout: Checkout, sent: Sent) -> None:
    """No discount exists yet, so every one that is named does not exist (4.4); null has nothing to remove."""
    if sent.get("discount_id") is not None:
        raise _invalid("discount_id", "Discount does not exist.", sent["discount_id"])
    if checkout.allow_discount_codes and sent.get("discount_code") is not None:
        raise Invalid(Fault(("body", "discount_code"), "Discount does not exist."))


def _address(checkout: Checkout, sent: Sent) -> Checkout:
    if sent.get("customer_billing_address") is not None:
        checkout = replace(checkout, customer_billing_address=dict(sent["customer_billing_address"]))
    number = checkout.customer_tax_id[0] if checkout.customer_tax_id else None
    if "customer_tax_id" in sent:
        number = sent["customer_tax_id"]
    elif sent.get("customer_billing_address") is None:
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


def _scalars(checkout: Checkout, sent: Sent) -> Checkout:
    values = {name: sent[name] for name in _CLEARABLE if name in sent}
    values.update({name: sent[name] for name in _KEPT_WHEN_NULL if sent.get(name) is not None})
    if "customer_email" in sent and checkout.customer_id is None:
        values["customer_email"] = sent["customer_email"]
    if "trial_interval" in sent or "trial_interval_count" in sent:
        values["trial_interval"] = sent.get("trial_interval")
        values["trial_interval_count"] = sent.get("trial_interval_count")
    return replace(checkout, **values)


def _private_again(checkout: Checkout, selection: Selection) -> Checkout:
    """A business purchase needs the form; without one, and without a required address, it is forgotten (6.6)."""
    money = book.totals(amount=checkout.amount, discount_amount=0, tax_amount=0)
    flags = book.flags(selection, money, trial_end=checkout.trial_end)
    if not flags.is_payment_form_required and not checkout.require_billing_address:
        return replace(checkout, is_business_customer=False)
    return checkout


def _invalid(field: str, message: str, value: Any) -> Invalid:
    return Invalid(Fault(("body", field), message, "value_error", str(value) if value is not None else None))
