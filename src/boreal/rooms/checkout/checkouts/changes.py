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
from boreal.core.discounts import Discount, covers, refuse
from boreal.core.prices import AmountType
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.catalog.public import validate_custom_field_data
from boreal.rooms.checkout.checkouts.buyers import Buyer
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
    """A session as it would be, what it then sells, and the discount that it then holds.

    `buyer` is who would buy, if known already and asked for. `is_only_one` says that it is a subscription of which the
    buyer may have one; `upgrades` is the free subscription that it would upgrade. `tax_refusal` is why the tax source
    did not say, if so.
    """

    checkout: Checkout
    selection: Selection
    discount: Discount | None
    buyer: Buyer | None = None
    is_only_one: bool = False
    upgrades: UUID | None = None
    tax_refusal: str | None = None


def change(
    checkout: Checkout, shelf: Shelf, sent: Sent, *, named: Discount | None, confirming: bool, now: datetime
) -> Change:
    """The session with the changes applied; its tax is still the old one. Raises `Invalid`, first failure only.

    `named` is the discount that the request names, if there is one. Only when confirming, required custom fields must
    have a value; all faults of custom fields are raised together.
    """
    selected, selection = _select(checkout, shelf, sent)
    discount = _kept(checkout, selected, shelf.discount)
    after = _with_amount(selected, selection, sent.get("amount"))
    after = _with_seats(after, selection, sent.get("seats"))
    if (field := discount_field(checkout, sent)) is not None:
        discount = _wanted(field, after, selection, sent, named, now=now)
    after = replace(after, discount_id=discount.id if discount is not None else None)
    after = _with_address(after, sent)
    if confirming or "custom_field_data" in sent or after.product_id != checkout.product_id:
        after = with_answers(after, shelf, sent.get("custom_field_data") or {}, required=confirming)
    after = _with_scalars(after, sent)
    after = replace(after, trial_end=book.trial_end(after, selection.product, now=now))
    return Change(_private_again(after, selection, discount), selection, discount)


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


def discount_field(checkout: Checkout, sent: Sent) -> str | None:
    """Which member of the request says something of the discount: codes are not heard where none are allowed (6.10)."""
    if "discount_id" in sent:
        return "discount_id"
    return "discount_code" if "discount_code" in sent and checkout.allow_discount_codes else None


def _kept(before: Checkout, after: Checkout, discount: Discount | None) -> Discount | None:
    """The discount that the session held, unless it does not cover the product and currency that were chosen now."""
    moved = (before.product_id, before.currency) != (after.product_id, after.currency)
    if discount is None or (moved and not covers(discount, product_id=after.product_id, currency=after.currency)):
        return None
    return discount


def _wanted(
    field: str, checkout: Checkout, selection: Selection, sent: Sent, named: Discount | None, *, now: datetime
) -> Discount | None:
    """The discount that was asked for; null asks for none. A code is not echoed in the fault (catalog spec 4.4)."""
    asked = sent[field]
    if asked is None:
        return None
    refusal = refuse(named, product=selection.product, prices=selection.prices, currency=checkout.currency, now=now)
    if refusal is not None:
        raise _invalid(field, refusal, asked if field == "discount_id" else None)
    return named


def with_answers(checkout: Checkout, shelf: Shelf, data: Mapping[str, Any], *, required: bool) -> Checkout:
    """The session with answers to the custom fields of its product, what was answered before included (3.3, 6.10)."""
    fields = shelf.details[checkout.product_id].custom_fields
    answers, faults = validate_custom_field_data(fields, data, stored=checkout.custom_field_data, required=required)
    if faults:
        raise Invalid(*faults)
    return replace(checkout, custom_field_data=answers)


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


def _private_again(checkout: Checkout, selection: Selection, discount: Discount | None) -> Checkout:
    """A business purchase needs the form; without one, and without a required address, it is forgotten (6.6)."""
    flags = book.flags(replace(checkout, tax_amount=0), selection, discount)
    if flags.is_payment_form_required or checkout.require_billing_address:
        return checkout
    return replace(checkout, is_business_customer=False)


def _invalid(field: str, message: str, value: Any) -> Invalid:
    return Invalid(Fault(("body", field), message, "value_error", str(value) if value is not None else None))
