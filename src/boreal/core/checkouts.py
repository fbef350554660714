"""Checkout sessions: what is bought, by whom, and for how much (catalog spec 6).

Only an open session can be changed or paid. Its amounts are always in this order: amount, discount, net, tax, total;
tax is added on top of the net amount and is unknown (None) until it can be computed. A trial charges nothing now, but
needs a payment method for later.

>>> totals(amount=1000, discount_amount=0, tax_amount=200)
Totals(amount=1000, discount_amount=0, net_amount=1000, tax_amount=200, total_amount=1200)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from boreal.core import calendar
from boreal.core.calendar import TrialInterval
from boreal.core.discounts import Discount, discount_amount
from boreal.core.prices import AmountType, Price
from boreal.core.pricing import seat_amount, seat_bounds, seat_price
from boreal.core.products import Product

LIFETIME = timedelta(hours=1)
"""A session is open for an hour from its creation, never longer (catalog spec 6.1)."""


class CheckoutStatus(StrEnum):
    """Where a checkout session stands: only an open one can be edited or paid (catalog spec 6.1)."""

    OPEN = "open"
    EXPIRED = "expired"
    CONFIRMED = "confirmed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class BillingAddressFieldMode(StrEnum):
    """What the checkout form does with one field of the billing address (catalog spec 6.6)."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    DISABLED = "disabled"


TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset({CheckoutStatus.OPEN}),
    CheckoutStatus.OPEN: frozenset({CheckoutStatus.CONFIRMED, CheckoutStatus.EXPIRED}),
    CheckoutStatus.CONFIRMED: frozenset({CheckoutStatus.SUCCEEDED, CheckoutStatus.OPEN, CheckoutStatus.EXPIRED}),
    CheckoutStatus.EXPIRED: frozenset(),
    CheckoutStatus.SUCCEEDED: frozenset(),
    CheckoutStatus.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout session as it is stored. Amounts in minor units of `currency`; `tax_amount` None is not yet known.

    `product_ids` are what can be chosen, in order; `ad_hoc_price_ids` are prices made for this session alone.
    `attempt_id` marks a confirmation in progress: until it is over, nothing else may change the session.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    status: CheckoutStatus
    client_secret: str
    expires_at: datetime
    success_url: str | None
    return_url: str | None
    embed_origin: str | None
    product_ids: list[UUID]
    ad_hoc_price_ids: list[UUID]
    product_id: UUID
    product_price_id: UUID
    currency: str
    amount: int
    seats: int | None
    tax_amount: int | None
    taxability_reason: str | None
    tax_rate: dict[str, Any] | None
    tax_calculation_id: str | None
    discount_id: UUID | None
    allow_discount_codes: bool
    require_billing_address: bool
    is_business_customer: bool
    allow_trial: bool
    trial_interval: TrialInterval | None
    trial_interval_count: int | None
    trial_end: datetime | None
    customer_id: UUID | None
    external_customer_id: str | None
    customer_name: str | None
    customer_email: str | None
    customer_ip_address: str | None
    customer_billing_name: str | None
    customer_billing_address: dict[str, str | None] | None
    customer_tax_id: list[str] | None
    customer_metadata: dict[str, Any]
    metadata: dict[str, Any]
    custom_field_data: dict[str, Any]
    subscription_id: UUID | None
    payment_processor_metadata: dict[str, str]
    intent_id: str | None
    attempt_id: UUID | None


def facts(before: Checkout | None, after: Checkout) -> tuple[str, ...]:
    """`checkout.created`, then `checkout.updated` for each write but the marks of an attempt (catalog spec 6.1).

    The sweep that expires sessions is not a write of this kind, and nobody hears of it.
    """
    if before is None:
        return ("checkout.created",)
    if before.attempt_id != after.attempt_id and before.status is after.status:
        return ()
    return ("checkout.updated",)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a value is not accepted: the path of the field in the request, the error's type and its words."""

    path: tuple[str, ...]
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What a session sells at the moment: the product, its prices in the session's currency, and the one that counts.

    `price` is the default price of the set when it was chosen; it stays in the set even when it was archived since.
    """

    product: Product
    prices: tuple[Price, ...]
    price: Price

    @property
    def is_free(self) -> bool:
        """Whether every price is free."""
        return all(price.amount_type is AmountType.FREE for price in self.prices)

    @property
    def is_discountable(self) -> bool:
        """Whether a discount could apply to any of the prices."""
        return any(price.amount_type is not AmountType.FREE for price in self.prices)

    @property
    def is_metered(self) -> bool:
        """Whether usage is billed later."""
        return any(price.amount_type is AmountType.METERED_UNIT for price in self.prices)


def in_currency(prices: Sequence[Price], currency: str) -> tuple[Price, ...]:
    """The prices of a currency; a free price has none and matches any."""
    return tuple(price for price in prices if price.price_currency in (None, currency))


def at_price(selection: Selection, named: Price) -> Selection:
    """The selection at a price that was named: an old form, for products with several static prices.

    A metered price adds to a static one and never stands in its place, or naming it would make the product free.
    """
    return replace(selection, price=named) if named.is_static else selection


def starting_seats(price: Price, *seats: int | None) -> int | None:
    """The first of the numbers that the price sells, else the least that it sells; None for a price without seats."""
    if price.amount_type is not AmountType.SEAT_BASED:
        return None
    sold = (number for number in seats if number is not None and refuse_seats(price, number) is None)
    return next(sold, seat_bounds(price.seat_tiers)[0])


def starting_amount(price: Price, *, amount: int | None = None, seats: int | None) -> int:
    """What a newly chosen price amounts to (catalog spec 6.4). `seats` must lie within the price's bounds.

    Only a price that leaves the amount to the buyer looks at `amount`.
    """
    match price.amount_type:
        case AmountType.FIXED:
            return price.price_amount or 0
        case AmountType.CUSTOM:
            return amount if amount is not None else price.preset_amount or _minimum(price)
        case AmountType.SEAT_BASED:
            assert seats is not None
            return seat_amount(price.seat_tiers, seats)
        case _:
            return 0


def _minimum(price: Price) -> int:
    return 50 if price.minimum_amount is None else price.minimum_amount


def refuse_amount(price: Price, amount: int | None) -> Refusal | None:
    """Why a buyer cannot pay this much; only pay-what-you-want prices look at the amount (catalog spec 6.4)."""
    if amount is None or price.amount_type is not AmountType.CUSTOM:
        return None
    minimum = _minimum(price)
    if minimum == 0 and 0 < amount < 50:
        return Refusal(("amount",), "invalid_amount", "Amount must be $0 or at least $0.50.")
    if amount < minimum:
        return Refusal(("amount",), "greater_than_equal", "Amount is below minimum.")
    if price.maximum_amount is not None and amount > price.maximum_amount:
        return Refusal(("amount",), "less_than_equal", "Amount is above maximum.")
    return None


def refuse_seats(price: Price, seats: int | None) -> Refusal | None:
    """Why this number of seats is not sold (catalog spec 6.4)."""
    if seats is None:
        return None
    if price.amount_type is not AmountType.SEAT_BASED:
        return Refusal(("seats",), "value_error", "Seats can only be set for seat-based pricing.")
    minimum, maximum = seat_bounds(price.seat_tiers)
    if seats < minimum:
        return Refusal(("seats",), "greater_than_equal", f"Minimum {minimum} seats required.")
    if maximum is not None and seats > maximum:
        return Refusal(("seats",), "less_than_equal", f"Maximum {maximum} seats allowed.")
    return None


def price_per_seat(price: Price, seats: int | None) -> int | None:
    """What each seat costs at this number of seats; None for a price without seats."""
    if price.amount_type is not AmountType.SEAT_BASED or seats is None:
        return None
    return seat_price(price.seat_tiers, seats)


@dataclass(frozen=True, slots=True)
class Totals:
    """The money of a session, in minor units (catalog spec 6.8)."""

    amount: int
    discount_amount: int
    net_amount: int
    tax_amount: int | None
    total_amount: int


def totals(*, amount: int, discount_amount: int, tax_amount: int | None) -> Totals:
    """Discount, then tax, then total; tax that is not known yet counts as 0."""
    net_amount = amount - discount_amount
    return Totals(amount, discount_amount, net_amount, tax_amount, net_amount + (tax_amount or 0))


def money(checkout: Checkout, discount: Discount | None) -> Totals:
    """The money of a session as it stands, with the discount that it holds; the discount only looks at the amount."""
    less = discount_amount(discount, checkout.amount) if discount is not None else 0
    return totals(amount=checkout.amount, discount_amount=less, tax_amount=checkout.tax_amount)


@dataclass(frozen=True, slots=True)
class Flags:
    """What the payment form has to do (catalog spec 6.8)."""

    is_discount_applicable: bool
    is_free_product_price: bool
    is_payment_required: bool
    is_payment_setup_required: bool

    @property
    def is_payment_form_required(self) -> bool:
        """Whether a payment method has to be given."""
        return self.is_payment_required or self.is_payment_setup_required


def flags(checkout: Checkout, selection: Selection, discount: Discount | None) -> Flags:
    """A payment is required when something is due now; setting up a method, when something will be due later."""
    costs_later = checkout.amount > 0 or selection.is_metered
    return Flags(
        is_discount_applicable=selection.is_discountable,
        is_free_product_price=selection.is_free,
        is_payment_required=money(checkout, discount).total_amount > 0 and checkout.trial_end is None,
        is_payment_setup_required=selection.product.is_recurring and not selection.is_free and costs_later,
    )


def active_trial(checkout: Checkout, product: Product) -> tuple[TrialInterval | None, int | None]:
    """The trial in effect: the session's own, else the product's, none when not allowed (catalog spec 6.9)."""
    if not checkout.allow_trial:
        return None, None
    if checkout.trial_interval is not None:
        return checkout.trial_interval, checkout.trial_interval_count
    return product.trial_interval, product.trial_interval_count


def trial_end(checkout: Checkout, product: Product, *, now: datetime) -> datetime | None:
    """When a trial that begins now ends; None without a trial, and always for what is bought once."""
    interval, count = active_trial(checkout, product)
    if not product.is_recurring or interval is None or count is None:
        return None
    return calendar.add(now, interval, count)


def unaliased(email: str) -> str:
    """An e-mail address as trials tell their takers apart (catalog spec 6.9).

    >>> unaliased("Ada+second@Example.com")
    'ada@example.com'
    """
    name, _, domain = email.lower().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"


_STREET = ("line1", "line2", "city", "postal_code")


def address_fields(country: str | None, *, require: bool, business: bool) -> dict[str, BillingAddressFieldMode]:
    """What the form asks of the billing address (catalog spec 6.6)."""
    full = require or business or country == "US"
    mode = BillingAddressFieldMode
    needed = mode.REQUIRED if full else mode.DISABLED
    welcome = mode.OPTIONAL if full else mode.DISABLED
    return {
        "country": mode.REQUIRED,
        "state": mode.REQUIRED if country in ("US", "CA") else welcome,
        "line1": needed,
        "line2": welcome,
        "city": needed,
        "postal_code": needed,
    }


def has_street(address: Mapping[str, str | None] | None) -> bool:
    """Whether an address says more than country and state."""
    return any((address or {}).get(name) for name in _STREET)


def asks_for_full_address(address: Mapping[str, str | None] | None) -> bool:
    """Whether a preset address makes a full one required: it has a street, or a state outside of US and CA (6.6)."""
    if not address:
        return False
    return has_street(address) or (bool(address.get("state")) and address.get("country") not in ("US", "CA"))


def missing(checkout: Checkout, *, form_required: bool, token: str | None) -> list[Refusal]:
    """What a confirmation still lacks, everything at once (catalog spec 7.1)."""
    address = checkout.customer_billing_address
    found = [] if checkout.customer_email else [_needed("customer_email")]
    if form_required and not checkout.customer_name:
        found.append(_needed("customer_name"))
    if checkout.is_business_customer and not checkout.customer_billing_name:
        found.append(_needed("customer_billing_name"))
    if not address and (form_required or checkout.is_business_customer):
        found.append(_needed("customer_billing_address"))
    if form_required:
        found += [
            _needed("customer_billing_address", name)
            for name, mode in fields_of(checkout).items()
            if mode is BillingAddressFieldMode.REQUIRED and not (address or {}).get(name)
        ]
    if (checkout.require_billing_address or checkout.is_business_customer) and not has_street(address):
        found.append(Refusal(("customer_billing_address",), "value_error", "Full billing address is required."))
    if form_required and not token:
        found.append(Refusal(("confirmation_token_id",), "missing", "Confirmation token is required."))
    return found


def fields_of(checkout: Checkout) -> dict[str, BillingAddressFieldMode]:
    """What the form asks of the billing address of a session."""
    return address_fields(
        (checkout.customer_billing_address or {}).get("country"),
        require=checkout.require_billing_address,
        business=checkout.is_business_customer,
    )


def _needed(*path: str) -> Refusal:
    return Refusal(path, "missing", "Field is required.")


_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def fill_in(url: str, checkout_id: UUID) -> str:
    """The success URL with `{CHECKOUT_ID}` replaced (catalog spec 6.13).

    A URL with any other placeholder, or with a brace that stands alone, stays as it is.
    """
    rest = _PLACEHOLDER.sub("", url)
    if "{" in rest or "}" in rest or any(found != "{CHECKOUT_ID}" for found in _PLACEHOLDER.findall(url)):
        return url
    return url.replace("{CHECKOUT_ID}", str(checkout_id))
