"""The rules of checkout sessions: amounts and flags, trials, address fields, what a confirmation lacks."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core import checkouts as book
from boreal.core.calendar import RecurringInterval, TrialInterval
from boreal.core.checkouts import Checkout, CheckoutStatus, Selection
from boreal.core.discounts import Discount, DiscountDuration, DiscountType
from boreal.core.prices import AmountType, Price, PriceSource, SeatTier
from boreal.core.products import Product
from boreal.core.taxes import tax_on

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ID = UUID(int=1)


def product(interval: RecurringInterval | None = None, **values: Any) -> Product:
    blank: dict[str, Any] = {
        "id": ID,
        "created_at": NOW,
        "modified_at": None,
        "organization_id": ID,
        "name": "Pro",
        "description": None,
        "recurring_interval": interval,
        "recurring_interval_count": 1 if interval else None,
        "trial_interval": None,
        "trial_interval_count": None,
        "is_archived": False,
        "metadata": {},
    }
    return Product(**{**blank, **values})


MONTHLY = product(RecurringInterval.MONTH)
ONCE = product()


def price(amount_type: AmountType, **values: Any) -> Price:
    currency = None if amount_type is AmountType.FREE else "usd"
    return Price(
        id=UUID(int=2),
        created_at=NOW,
        modified_at=None,
        organization_id=ID,
        product_id=ID,
        source=PriceSource.CATALOG,
        position=0,
        is_archived=False,
        amount_type=amount_type,
        **{"price_currency": currency, **values},
    )


FREE = price(AmountType.FREE)
FIXED = price(AmountType.FIXED, price_amount=1000)
METERED = price(AmountType.METERED_UNIT)
TIERS = (
    SeatTier(min_seats=3, max_seats=4, price_per_seat=1000),
    SeatTier(min_seats=5, max_seats=10, price_per_seat=900),
)
SEATS = price(AmountType.SEAT_BASED, seat_tiers=TIERS)


def custom(**values: Any) -> Price:
    return price(AmountType.CUSTOM, **values)


def selection(*prices: Price, of: Product = ONCE) -> Selection:
    return Selection(of, prices, prices[0])


def checkout(**values: Any) -> Checkout:
    blank: dict[str, Any] = dict.fromkeys(Checkout.__dataclass_fields__)
    known: dict[str, Any] = {
        "id": ID,
        "status": CheckoutStatus.OPEN,
        "amount": 1000,
        "is_business_customer": False,
        "require_billing_address": False,
        "allow_trial": True,
    }
    return Checkout(**{**blank, **known, **values})


def test_every_status_that_is_final_stays() -> None:
    final = {status for status in CheckoutStatus if not book.TRANSITIONS[status]}
    assert final == {CheckoutStatus.EXPIRED, CheckoutStatus.SUCCEEDED, CheckoutStatus.FAILED}
    assert set(book.TRANSITIONS) == {None, *CheckoutStatus}


@pytest.mark.parametrize(
    ("before", "after"),
    [pair for pair in itertools.product(CheckoutStatus, repeat=2) if pair[0] is not pair[1]],
)
def test_a_change_of_status_is_told(before: CheckoutStatus, after: CheckoutStatus) -> None:
    assert book.facts(checkout(status=before), checkout(status=after)) == ("checkout.updated",)


def test_birth_and_updates_are_told_and_the_marks_of_an_attempt_are_not() -> None:
    one = checkout()
    assert book.facts(None, one) == ("checkout.created",)
    assert book.facts(one, replace(one, modified_at=NOW)) == ("checkout.updated",)
    assert book.facts(one, one) == ("checkout.updated",)
    assert book.facts(one, replace(one, attempt_id=ID)) == ()
    assert book.facts(replace(one, attempt_id=ID), one) == ()
    confirmed = replace(one, status=CheckoutStatus.CONFIRMED)
    assert book.facts(replace(one, attempt_id=ID), confirmed) == ("checkout.updated",)


FLAGS = [
    # product, prices, amount, tax, trial; payment, setup
    (ONCE, (FIXED,), 1000, 0, False, True, False),
    (ONCE, (FREE,), 0, 0, False, False, False),
    (ONCE, (custom(),), 0, 0, False, False, False),
    (ONCE, (custom(),), 50, None, False, True, False),
    (MONTHLY, (FIXED,), 1000, 0, False, True, True),
    (MONTHLY, (FIXED,), 1000, 200, True, False, True),
    (MONTHLY, (FREE,), 0, 0, False, False, False),
    (MONTHLY, (FREE, METERED), 0, 0, False, False, True),
    (MONTHLY, (custom(),), 0, 0, False, False, False),
    (MONTHLY, (custom(), METERED), 0, 0, False, False, True),
    (MONTHLY, (METERED,), 0, 0, False, False, True),
    (MONTHLY, (METERED,), 0, 0, True, False, True),
    (MONTHLY, (FREE,), 0, 0, True, False, False),
    (MONTHLY, (SEATS,), 3000, 0, False, True, True),
]


@pytest.mark.parametrize(("of", "prices", "amount", "tax", "on_trial", "payment", "setup"), FLAGS)
def test_what_the_payment_form_has_to_do(
    of: Product, prices: tuple[Price, ...], amount: int, tax: int | None, on_trial: bool, payment: bool, setup: bool
) -> None:
    one = checkout(amount=amount, tax_amount=tax, trial_end=NOW if on_trial else None)
    flags = book.flags(one, selection(*prices, of=of), None)
    assert (flags.is_payment_required, flags.is_payment_setup_required) == (payment, setup)
    assert flags.is_payment_form_required == (payment or setup)
    assert flags.is_free_product_price == (prices == (FREE,))
    assert flags.is_discount_applicable == (prices != (FREE,))


@given(amount=st.integers(0, 10**11), discount=st.integers(0, 10**11), tax=st.none() | st.integers(0, 10**11))
def test_the_amounts_always_add_up(amount: int, discount: int, tax: int | None) -> None:
    sums = book.totals(amount=amount, discount_amount=min(discount, amount), tax_amount=tax)
    assert sums.net_amount == sums.amount - sums.discount_amount >= 0
    assert sums.total_amount == sums.net_amount + (sums.tax_amount or 0)


@pytest.mark.example("catalog 11.13")
def test_nothing_now_and_usage_later_sets_a_method_up() -> None:
    both = (custom(minimum_amount=0, preset_amount=0), METERED)
    flags = book.flags(checkout(amount=0, tax_amount=0), selection(*both, of=MONTHLY), None)
    assert (flags.is_payment_required, flags.is_payment_setup_required) == (False, True)


UNLIMITED: dict[str, Any] = {
    **dict.fromkeys(Discount.__dataclass_fields__),
    "type": DiscountType.PERCENTAGE,
    "duration": DiscountDuration.FOREVER,
    "redemptions_count": 0,
    "product_ids": [],
}
SHARES = st.integers(1, 10_000).map(lambda points: {"basis_points": points})
AMOUNTS = st.integers(0, 10**12).map(
    lambda amount: {"type": DiscountType.FIXED, "amount": amount, "currency": "usd", "basis_points": None}
)
STEPS = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 99_999_999)), min_size=1, max_size=4)


def tiered(steps: list[tuple[int, int]]) -> Price:
    """Seats from 1 on, each step some seats longer than the one before; the last has no end."""
    starts = list(itertools.accumulate((length for length, _ in steps), initial=1))
    ends: list[int | None] = [start - 1 for start in starts[1:-1]]
    tiers = zip(starts, [*ends, None], (cost for _, cost in steps), strict=False)
    named = (SeatTier(min_seats=least, max_seats=most, price_per_seat=cost) for least, most, cost in tiers)
    return price(AmountType.SEAT_BASED, seat_tiers=tuple(named))


@given(
    steps=STEPS,
    seats=st.integers(1, 1000),
    off=st.none() | SHARES | AMOUNTS,
    tax_points=st.none() | st.integers(0, 30_00),
    of=st.sampled_from([ONCE, MONTHLY]),
)
def test_the_money_of_any_session(
    steps: list[tuple[int, int]], seats: int, off: dict[str, Any] | None, tax_points: int | None, of: Product
) -> None:
    sold = tiered(steps)
    discount = None if off is None else Discount(**{**UNLIMITED, **off})
    one = checkout(amount=book.starting_amount(sold, seats=seats), seats=seats)
    net = book.money(one, discount).net_amount
    one = replace(one, tax_amount=None if tax_points is None else tax_on(net, tax_points))
    sums = book.money(one, discount)
    per_seat = book.price_per_seat(sold, seats)
    assert per_seat is not None
    assert sums.amount == seats * per_seat
    assert 0 <= sums.discount_amount <= sums.amount
    assert sums.amount == sums.net_amount + sums.discount_amount
    assert sums.total_amount == sums.net_amount + (sums.tax_amount or 0)
    flags = book.flags(one, selection(sold, of=of), discount)
    assert flags.is_payment_required == (sums.total_amount > 0)
    assert flags.is_payment_setup_required == (of is MONTHLY and sums.amount > 0), "a discount does not last for ever"


@pytest.mark.parametrize(
    ("values", "asked", "amount"),
    [
        ({"minimum_amount": 2500, "preset_amount": 5000}, None, 5000),
        ({"minimum_amount": 2500, "preset_amount": 5000}, 3000, 3000),
        ({"minimum_amount": 2500}, None, 2500),
        ({"minimum_amount": 0, "preset_amount": 0}, None, 0),
        ({"minimum_amount": 0, "preset_amount": 700}, 0, 0),
        ({"minimum_amount": 50, "preset_amount": 0}, None, 50),
        ({}, None, 50),
    ],
)
def test_where_a_price_that_leaves_the_amount_open_starts(
    values: dict[str, Any], asked: int | None, amount: int
) -> None:
    assert book.starting_amount(custom(**values), amount=asked, seats=None) == amount


@pytest.mark.parametrize("of_kind", [FIXED, FREE, METERED, SEATS])
def test_other_prices_do_not_look_at_the_amount(of_kind: Price) -> None:
    seats = book.starting_seats(of_kind)
    assert book.refuse_amount(of_kind, 1) is None
    assert book.starting_amount(of_kind, amount=7, seats=seats) == {FIXED: 1000, SEATS: 3000}.get(of_kind, 0)


REFUSED_AMOUNTS = [
    ({"minimum_amount": 0}, 30, ("invalid_amount", "Amount must be $0 or at least $0.50.")),
    ({"minimum_amount": 0}, 0, None),
    ({"minimum_amount": 0}, 50, None),
    ({"minimum_amount": 2500}, 2499, ("greater_than_equal", "Amount is below minimum.")),
    ({"minimum_amount": 2500}, 2500, None),
    ({}, 0, ("greater_than_equal", "Amount is below minimum.")),
    ({"maximum_amount": 100}, 101, ("less_than_equal", "Amount is above maximum.")),
    ({"maximum_amount": 100}, 100, None),
    ({}, None, None),
]


@pytest.mark.parametrize(("values", "amount", "refused"), REFUSED_AMOUNTS)
def test_which_amounts_are_refused(values: dict[str, Any], amount: int | None, refused: tuple[str, str] | None) -> None:
    refusal = book.refuse_amount(custom(**values), amount)
    assert (refusal and (refusal.type, refusal.message)) == refused
    assert refusal is None or refusal.path == ("amount",)


def test_seats_start_with_what_is_sold() -> None:
    assert book.starting_seats(SEATS) == 3
    assert book.starting_seats(SEATS, None, 7) == 7
    assert book.starting_seats(SEATS, 2, 11, 4) == 4
    assert book.starting_seats(SEATS, 11) == 3
    assert book.starting_seats(FIXED, 5) is None
    assert book.price_per_seat(SEATS, 5) == 900
    assert book.price_per_seat(FIXED, 5) is None


def test_naming_a_metered_price_does_not_make_the_static_one_free() -> None:
    both = selection(FIXED, METERED, of=MONTHLY)
    assert book.at_price(both, METERED) == both
    other = replace(FIXED, id=UUID(int=9))
    assert book.at_price(both, other).price == other


def trial(count: int | None, interval: TrialInterval | None) -> dict[str, Any]:
    return {"trial_interval": interval, "trial_interval_count": count}


WEEK, MONTH, DAY = TrialInterval.WEEK, TrialInterval.MONTH, TrialInterval.DAY


def test_the_trial_of_the_session_goes_before_that_of_the_product() -> None:
    of = replace(MONTHLY, **trial(2, WEEK))
    assert book.active_trial(checkout(), of) == (WEEK, 2)
    assert book.active_trial(checkout(**trial(3, DAY)), of) == (DAY, 3)
    assert book.active_trial(checkout(allow_trial=False, **trial(3, DAY)), of) == (None, None)
    assert book.active_trial(checkout(), MONTHLY) == (None, None)
    assert book.active_trial(checkout(**trial(3, DAY)), ONCE) == (DAY, 3)
    assert book.trial_end(checkout(**trial(3, DAY)), ONCE, now=NOW) is None
    assert book.trial_end(checkout(**trial(3, DAY)), MONTHLY, now=NOW) == NOW + timedelta(days=3)
    assert book.trial_end(checkout(), of, now=NOW) == NOW + timedelta(weeks=2)


@pytest.mark.example("catalog 11.23")
def test_trials_end_on_a_day_that_the_month_has() -> None:
    confirmed = datetime(2026, 1, 31, 12, tzinfo=UTC)
    one_month = book.trial_end(checkout(**trial(1, MONTH)), MONTHLY, now=confirmed)
    assert one_month == datetime(2026, 2, 28, 12, tzinfo=UTC)
    three_months = book.trial_end(checkout(**trial(3, MONTH)), MONTHLY, now=datetime(2026, 8, 31, tzinfo=UTC))
    assert three_months == datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("email", "bare"),
    [("ADA@Example.com", "ada@example.com"), ("ada+1+2@x.io", "ada@x.io"), ("ada@x.io", "ada@x.io")],
)
def test_aliases_are_one_person(email: str, bare: str) -> None:
    assert book.unaliased(email) == bare


REQUIRED, OPTIONAL, DISABLED = "required", "optional", "disabled"
MODES = [
    # country, full address asked for, business; state, line1/city/postal_code, line2
    (None, False, False, DISABLED, DISABLED, DISABLED),
    ("FR", False, False, DISABLED, DISABLED, DISABLED),
    ("FR", True, False, OPTIONAL, REQUIRED, OPTIONAL),
    ("FR", False, True, OPTIONAL, REQUIRED, OPTIONAL),
    ("CA", False, False, REQUIRED, DISABLED, DISABLED),
    ("CA", True, False, REQUIRED, REQUIRED, OPTIONAL),
    ("US", False, False, REQUIRED, REQUIRED, OPTIONAL),
]


@pytest.mark.parametrize(("country", "require", "business", "state", "street", "line2"), MODES)
def test_what_the_form_asks_of_an_address(
    country: str | None, require: bool, business: bool, state: str, street: str, line2: str
) -> None:
    assert book.address_fields(country, require=require, business=business) == {
        "country": REQUIRED,
        "state": state,
        "line1": street,
        "city": street,
        "postal_code": street,
        "line2": line2,
    }


@pytest.mark.parametrize(
    ("address", "full"),
    [
        (None, False),
        ({"country": "FR"}, False),
        ({"country": "FR", "city": "Paris"}, True),
        ({"country": "FR", "line2": "2"}, True),
        ({"country": "FR", "state": "IDF"}, True),
        ({"country": "CA", "state": "CA-QC"}, False),
        ({"country": "US", "state": "US-NY"}, False),
        ({"country": "US", "state": "US-NY", "postal_code": "10001"}, True),
    ],
)
def test_a_preset_address_may_ask_for_the_whole_one(address: dict[str, str] | None, full: bool) -> None:
    assert book.asks_for_full_address(address) is full


def lacks(*, form: bool = True, token: str | None = "t", **values: Any) -> list[str]:
    found = book.missing(checkout(**values), form_required=form, token=token)
    return [".".join(refusal.path) for refusal in found]


ADA: dict[str, Any] = {"customer_email": "ada@example.com", "customer_name": "Ada"}
STREET = {"line1": "1 rue X", "city": "Paris", "postal_code": "75001"}
AT_HOME: dict[str, Any] = {**ADA, "customer_billing_address": {"country": "FR", **STREET}}


def test_without_a_form_an_email_is_enough() -> None:
    assert lacks(form=False, token=None) == ["customer_email"]
    assert lacks(form=False, token=None, customer_email="ada@example.com") == []
    full = book.missing(checkout(**ADA, require_billing_address=True), form_required=False, token=None)
    assert [(refusal.path, refusal.type, refusal.message) for refusal in full] == [
        (("customer_billing_address",), "value_error", "Full billing address is required.")
    ]


def test_a_form_needs_name_country_and_token() -> None:
    assert lacks(token=None) == [
        "customer_email",
        "customer_name",
        "customer_billing_address",
        "customer_billing_address.country",
        "confirmation_token_id",
    ]
    assert lacks(**ADA, customer_billing_address={"country": "FR"}) == []
    assert lacks(**AT_HOME, require_billing_address=True) == []


def test_a_business_needs_its_name_and_its_whole_address() -> None:
    business = {"is_business_customer": True}
    assert lacks(**ADA, **business, customer_billing_address={"country": "FR"}) == [
        "customer_billing_name",
        "customer_billing_address.line1",
        "customer_billing_address.city",
        "customer_billing_address.postal_code",
        "customer_billing_address",
    ]
    assert lacks(**ADA, **business, form=False) == [
        "customer_billing_name",
        "customer_billing_address",
        "customer_billing_address",
    ]
    assert lacks(**AT_HOME, **business, customer_billing_name="Ada Ltd") == []


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("https://x.io/ok?id={CHECKOUT_ID}", f"https://x.io/ok?id={ID}"),
        ("https://x.io/?a={CHECKOUT_ID}&b={CHECKOUT_ID}", f"https://x.io/?a={ID}&b={ID}"),
        ("https://x.io/ok", "https://x.io/ok"),
        ("https://x.io/?id={CHECKOUT_SESSION_ID}", None),
        ("https://x.io/?id={CHECKOUT_ID}&x={OTHER}", None),
        ("https://x.io/?id={CHECKOUT_ID}&x={", None),
        ("https://x.io/?id={CHECKOUT_ID}&x=}", None),
        ("https://x.io/?id={{CHECKOUT_ID}}", None),
        ("https://x.io/?id={}", None),
        ("https://x.io/?id={0}", None),
        ("https://x.io/?id={CHECKOUT_ID!r}", None),
        ("https://x.io/?id={CHECKOUT_ID:>9}", None),
    ],
)
def test_the_placeholder_of_a_success_url(url: str, filled: str | None) -> None:
    assert book.fill_in(url, ID) == (filled or url)


@given(st.text(alphabet="{}CHECKOUT_ID:!0 ", max_size=40))
def test_no_success_url_is_too_strange(url: str) -> None:
    book.fill_in(url, ID)
