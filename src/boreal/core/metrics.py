"""What a business can be measured by, period by period and in total (usage spec 7.4, 7.5).

`Figures` are counted from orders, checkouts, subscriptions and events, one number per period; every metric is one of
them or follows from them. Money is in minor units. Costs are exact decimals and so are sums with them; a ratio is the
nearest binary fraction. Two orders in the first period and one in the second:

>>> figures = Figures(2)
>>> figures.update(orders=[2, 1], revenue=[2001, 500])
>>> book = Book(figures)
>>> book["average_order_value"], round(book.total("average_order_value"), 3), book["cumulative_revenue"]
([1001, 500], 833.667, [2001, 2501])
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from functools import partial
from itertools import accumulate
from typing import Any

from boreal.core.money import round_quotient
from boreal.core.subscriptions import CancellationReason

Number = int | float | Decimal
Column = Sequence[Any]
"""One `Number` per period."""

_EXACT = Context(prec=100)
"""Sums of costs keep every digit."""


class MetricType(StrEnum):
    """How the number of a metric is to be read (contract ``MetricType``); a percentage is a share of 1."""

    SCALAR = "scalar"
    CURRENCY = "currency"
    CURRENCY_SUB_CENT = "currency_sub_cent"
    PERCENTAGE = "percentage"


class Source(StrEnum):
    """What has to be read for a metric; the history is that of orders before the report begins.

    Costs and users are both counted of events, which takes a statement each.
    """

    ORDERS = "orders"
    HISTORY = "history"
    SUBSCRIPTIONS = "subscriptions"
    CHECKOUTS = "checkouts"
    COSTS = "costs"
    USERS = "users"


class Figures(dict[str, Any]):
    """Counted numbers by their name; what was not counted is nought in every period.

    Besides the metrics that are counted as they are: `monthly_value` and `committed_monthly_value`, exact sums of what
    subscriptions come to in a month; `subscribed_customers`, how many have one. `revenue_before` and
    `net_revenue_before` are what orders came to before the report begins.
    """

    def __init__(self, periods: int) -> None:
        super().__init__()
        self.periods = periods
        self.revenue_before = 0
        self.net_revenue_before = 0

    def __missing__(self, name: str) -> Column:
        return [0] * self.periods

    def add(self, name: str, index: int, number: Number) -> None:
        """Adds to a figure of one period."""
        column = self.setdefault(name, [0] * self.periods)
        column[index] += number


class Book:
    """Every metric of one report, computed once, when it is asked for."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        self._known: dict[str, Column] = {}

    def __getitem__(self, slug: str) -> Column:
        """The metric period by period; `KeyError` if there is none of that name."""
        known = self._known.get(slug)
        if known is None:
            known = self._known[slug] = METRICS[slug].compute(self)
        return known

    def total(self, slug: str) -> Number:
        """The metric for the whole report."""
        return METRICS[slug].sum_up(self)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: how it is shown, what it is read from, and how it and its total are computed."""

    slug: str
    display_name: str
    type: MetricType
    sources: frozenset[Source]
    compute: Callable[[Book], Column]
    sum_up: Callable[[Book], Number]


def ratio(above: Number, below: Number) -> float | int:
    """Their quotient; 0 of nothing."""
    return float(above / below) if below else 0  # type: ignore[operator]


def has_decimals(column: Column) -> bool:
    """Whether any number of it is an exact decimal, which takes care and time."""
    return Decimal in map(type, column)


def _running(values: Column, before: int = 0) -> Column:
    if has_decimals(values):
        return list(accumulate(values, _plus, initial=before))[1:]
    return list(accumulate(values, initial=before))[1:]


def _plus(one: Any, other: Any) -> Any:
    return _EXACT.add(one, other) if isinstance(other, Decimal) else one + other


def _minus(one: Any, other: Any) -> Any:
    return _EXACT.subtract(one, other) if isinstance(other, Decimal) else one - other


def _rows(book: Book, *slugs: str) -> Iterable[tuple[Any, ...]]:
    return zip(*(book[slug] for slug in slugs), strict=True)


def _ratios(above: str, below: str) -> Callable[[Book], Column]:
    return lambda book: [ratio(*row) for row in _rows(book, above, below)]


def _total_ratio(above: str, below: str) -> Callable[[Book], Number]:
    return lambda book: ratio(book.total(above), book.total(below))


def _mean(amount: str) -> Callable[[Book], Column]:
    """The mean amount of an order, rounded up."""
    return lambda book: [-(-sum_ // count) if count else 0 for sum_, count in _rows(book, amount, "orders")]


def _rounded(figure: str) -> Callable[[Book], Column]:
    return lambda book: [round_quotient(value.numerator, value.denominator) for value in book.figures[figure]]


def _revenue_per_user(book: Book) -> Column:
    pairs = zip(book.figures["monthly_value"], book.figures["subscribed_customers"], strict=True)
    return [round_quotient(value.numerator, value.denominator * users) if users else 0 for value, users in pairs]


def _base(active: int, new: int, churned: int) -> int:
    """Who could have left: the churn rate is the share of them that did; nobody below one."""
    return max(0, active - new + churned)


_LEAVING = ("canceled_subscriptions", "active_subscriptions", "new_subscriptions", "churned_subscriptions")


def _churn_rate(book: Book) -> Column:
    return [ratio(canceled, _base(*there)) if canceled else 0 for canceled, *there in _rows(book, *_LEAVING)]


def _lifetime_value(book: Book) -> Column:
    """What a user still brings until they leave, in whole minor units."""
    values = _rows(book, "average_revenue_per_user", "costs", "active_user_by_event", *_LEAVING)
    return [
        max(0, (value * (users or 1) - (_exact(cost) if users else 0)) * _base(*there) // ((users or 1) * canceled))
        if canceled
        else 0
        for value, cost, users, canceled, *there in values
    ]


def _exact(number: Any) -> Any:
    return Fraction(number) if isinstance(number, Decimal) else number


def _margin_share(book: Book) -> Column:
    return [ratio(*row) if row[1] > 0 else 0 for row in _rows(book, "gross_margin", "cumulative_revenue")]


def _differences(one: str, other: str) -> Callable[[Book], Column]:
    return lambda book: [_minus(*row) for row in _rows(book, one, other)]


def _sum(book: Book, slug: str) -> Number:
    column = book[slug]
    total: Number = _running(column)[-1] if has_decimals(column) else sum(column)
    return total


def _last(book: Book, slug: str) -> Number:
    last: Number = book[slug][-1]
    return last


def _metric(
    slug: str,
    display_name: str,
    type_: MetricType,
    *sources: Source,
    compute: Callable[[Book], Column] | None = None,
    total: Callable[[Book], Number] | None = None,
    last: bool = False,
) -> Metric:
    """A metric; without `compute` it is counted as it is.

    Its total is that of its periods, or the `last` of them, or what `total` says.
    """
    default = partial(_last if last else _sum, slug=slug)
    return Metric(
        slug=slug,
        display_name=display_name,
        type=type_,
        sources=frozenset(sources),
        compute=compute or (lambda book: book.figures[slug]),
        sum_up=total or default,
    )


_SCALAR, _MONEY, _SHARE = MetricType.SCALAR, MetricType.CURRENCY, MetricType.PERCENTAGE
_COST = MetricType.CURRENCY_SUB_CENT
_ORDERS, _HISTORY, _CHECKOUTS, _SUBSCRIPTIONS = Source.ORDERS, Source.HISTORY, Source.CHECKOUTS, Source.SUBSCRIPTIONS
_COSTS, _USERS = Source.COSTS, Source.USERS

CANCELLATIONS = {reason: f"canceled_subscriptions_{reason.value}" for reason in CancellationReason}
"""The metric that counts those who left for a reason; without one they count as `other`."""


def _sold(what: str, name: str) -> tuple[Metric, ...]:
    """How often something was sold, and what it brought before and after fees and refunds."""
    return (
        _metric(what, name, _SCALAR, _ORDERS),
        _metric(f"{what}_revenue", f"{name} Revenue", _MONEY, _ORDERS),
        _metric(f"{what}_net_revenue", f"{name} Net Revenue", _MONEY, _ORDERS),
    )


_new, *_new_revenue = _sold("new_subscriptions", "New Subscriptions")

_TABLE = (
    _metric("orders", "Orders", _SCALAR, _ORDERS),
    _metric("revenue", "Revenue", _MONEY, _ORDERS),
    _metric("net_revenue", "Net Revenue", _MONEY, _ORDERS),
    _metric(
        "cumulative_revenue",
        "Cumulative Revenue",
        _MONEY,
        _ORDERS,
        _HISTORY,
        compute=lambda book: _running(book["revenue"], book.figures.revenue_before),
        last=True,
    ),
    _metric(
        "net_cumulative_revenue",
        "Net Cumulative Revenue",
        _MONEY,
        _ORDERS,
        _HISTORY,
        compute=lambda book: _running(book["net_revenue"], book.figures.net_revenue_before),
        last=True,
    ),
    _metric("costs", "Costs", _COST, _COSTS),
    _metric(
        "cumulative_costs",
        "Cumulative Costs",
        _COST,
        _COSTS,
        compute=lambda book: _running(book["costs"]),
        last=True,
    ),
    _metric(
        "average_order_value",
        "Average Order Value",
        _MONEY,
        _ORDERS,
        compute=_mean("revenue"),
        total=_total_ratio("revenue", "orders"),
    ),
    _metric(
        "net_average_order_value",
        "Net Average Order Value",
        _MONEY,
        _ORDERS,
        compute=_mean("net_revenue"),
        total=_total_ratio("net_revenue", "orders"),
    ),
    _metric(
        "average_revenue_per_user",
        "Average Revenue Per User",
        _MONEY,
        _SUBSCRIPTIONS,
        compute=_revenue_per_user,
        last=True,
    ),
    _metric(
        "cost_per_user",
        "Cost Per User",
        _COST,
        _COSTS,
        _USERS,
        _SUBSCRIPTIONS,
        compute=_ratios("costs", "active_user_by_event"),
        total=_total_ratio("costs", "active_subscriptions"),
    ),
    _metric("active_user_by_event", "Active User (By event)", _SCALAR, _USERS, last=True),
    *_sold("one_time_products", "One-Time Products"),
    # These two sources disagree on what is new on purpose: one counts subscriptions, the other their orders.
    replace(_new, sources=frozenset({_SUBSCRIPTIONS})),
    *_new_revenue,
    *_sold("renewed_subscriptions", "Renewed Subscriptions"),
    _metric("active_subscriptions", "Active Subscriptions", _SCALAR, _SUBSCRIPTIONS, last=True),
    _metric("committed_subscriptions", "Committed Subscriptions", _SCALAR, _SUBSCRIPTIONS, last=True),
    _metric(
        "monthly_recurring_revenue",
        "Monthly Recurring Revenue",
        _MONEY,
        _SUBSCRIPTIONS,
        compute=_rounded("monthly_value"),
        last=True,
    ),
    _metric(
        "committed_monthly_recurring_revenue",
        "Committed Monthly Recurring Revenue",
        _MONEY,
        _SUBSCRIPTIONS,
        compute=_rounded("committed_monthly_value"),
        last=True,
    ),
    _metric("checkouts", "Checkouts", _SCALAR, _CHECKOUTS),
    _metric("succeeded_checkouts", "Succeeded Checkouts", _SCALAR, _CHECKOUTS),
    _metric(
        "checkouts_conversion",
        "Checkouts Conversion Rate",
        _SHARE,
        _CHECKOUTS,
        compute=_ratios("succeeded_checkouts", "checkouts"),
        total=_total_ratio("succeeded_checkouts", "checkouts"),
    ),
    _metric("canceled_subscriptions", "Canceled Subscriptions", _SCALAR, _SUBSCRIPTIONS),
    *(
        _metric(slug, f"Canceled Subscriptions - {reason.value.replace('_', ' ').title()}", _SCALAR, _SUBSCRIPTIONS)
        for reason, slug in CANCELLATIONS.items()
    ),
    _metric("churned_subscriptions", "Churned Subscriptions", _SCALAR, _SUBSCRIPTIONS),
    _metric("churn_rate", "Churn Rate", _SHARE, _SUBSCRIPTIONS, compute=_churn_rate, last=True),
    _metric("ltv", "Lifetime Value", _MONEY, _SUBSCRIPTIONS, _COSTS, _USERS, compute=_lifetime_value, last=True),
    _metric(
        "gross_margin",
        "Gross Margin",
        _MONEY,
        _ORDERS,
        _HISTORY,
        _COSTS,
        compute=_differences("cumulative_revenue", "cumulative_costs"),
        last=True,
    ),
    _metric(
        "gross_margin_percentage",
        "Gross Margin %",
        _SHARE,
        _ORDERS,
        _HISTORY,
        _COSTS,
        compute=_margin_share,
        last=True,
    ),
    _metric("cashflow", "Cashflow", _MONEY, _ORDERS, _COSTS, compute=_differences("revenue", "costs")),
)

METRICS = {metric.slug: metric for metric in _TABLE}
"""Every metric by its slug, in the order in which they are told."""
