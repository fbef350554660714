"""What a report counts of subscriptions: who has one, what it comes to in a month, who leaves (usage spec 7.4, 7.5).

A subscription is active in every period from the one in which it started to the one before that in which it ends. So
the statement tells how many start and end in each period, and adding them up gives how many there are. A customer with
several subscriptions counts once: their runs of periods are merged by a multirange.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from itertools import accumulate
from math import lcm
from typing import Any

import sqlalchemy as sa

from boreal.core.calendar import RecurringInterval
from boreal.core.metrics import CANCELLATIONS, Column, Figures
from boreal.core.subscriptions import CancellationReason
from boreal.kit.db import Record
from boreal.rooms.billing.public import SubscriptionRow
from boreal.rooms.insights.metrics.grids import BOUNDS, CURRENT, END, counts, period_of
from boreal.rooms.insights.metrics.scope import Given, narrow

S = SubscriptionRow.c

_TWELFTHS = {
    RecurringInterval.YEAR.value: 1,
    RecurringInterval.MONTH.value: 12,
    RecurringInterval.WEEK.value: 52,
    RecurringInterval.DAY.value: 365,
}
"""How many twelfths of its amount a subscription with a period of this length comes to in a month."""

_NONE = sa.null()


@cache
def subscriptions(given: Given) -> sa.CompoundSelect[Any]:
    """Rows of one figure each: what `started` and `ended` per period, also counted by customers, and who was lost."""
    scoped = _scoped(given)
    active = sa.select(scoped).where(scoped.c.started_at < END, scoped.c.last > scoped.c.first).cte("active")
    return sa.union_all(
        _moved("started", active, active.c.start),
        _moved("ended", active, active.c.last),
        *_customers(active),
        _lost("canceled", scoped, scoped.c.canceled_at, scoped.c.customer_cancellation_reason),
        _lost("churned", scoped, scoped.c.end_at, sa.cast(_NONE, sa.Text)),
    )


def _scoped(given: Given) -> sa.CTE:
    end_at = sa.func.coalesce(S.ended_at, S.ends_at)
    start = period_of(S.started_at)
    return narrow(
        sa.select(
            S.customer_id,
            S.started_at,
            S.canceled_at,
            S.customer_cancellation_reason,
            S.recurring_interval_count.label("size"),
            (S.amount * sa.case(_TWELFTHS, value=S.recurring_interval)).label("value"),
            end_at.label("end_at"),
            start.label("start"),
            sa.func.greatest(start, 1).label("first"),
            sa.func.coalesce(period_of(end_at), sa.func.cardinality(BOUNDS)).label("last"),
            sa.or_(end_at.is_(None), end_at < CURRENT).label("committed"),
        ),
        given=given,
        organization_id=S.organization_id,
        customer_id=S.customer_id,
        sells=S.product_id.in_,
    ).cte("scoped")


def _row(
    figure: str,
    period: sa.ColumnElement[Any],
    *,
    reason: sa.ColumnElement[Any] | None = None,
    size: sa.ColumnElement[Any] | None = None,
    count: sa.ColumnElement[Any],
    value: sa.ColumnElement[Any] | None = None,
    committed_count: sa.ColumnElement[Any] | None = None,
    committed_value: sa.ColumnElement[Any] | None = None,
) -> sa.Select[Any]:
    def given(column: sa.ColumnElement[Any] | None, kind: Any) -> sa.ColumnElement[Any]:
        return sa.cast(_NONE if column is None else column, kind)

    return sa.select(
        sa.literal(figure, sa.Text).label("figure"),
        period.label("period"),
        given(reason, sa.Text).label("reason"),
        given(size, sa.Integer).label("size"),
        count.label("count"),
        given(value, sa.Text).label("value"),
        given(committed_count, sa.BigInteger).label("committed_count"),
        given(committed_value, sa.Text).label("committed_value"),
    )


def _moved(figure: str, active: sa.CTE, period: sa.ColumnElement[Any]) -> sa.Select[Any]:
    nothing = sa.cast(0, sa.Numeric)
    return _row(
        figure,
        period,
        size=active.c.size,
        count=sa.func.count(),
        value=sa.func.sum(active.c.value),
        committed_count=sa.func.count().filter(active.c.committed),
        committed_value=sa.func.coalesce(sa.func.sum(active.c.value).filter(active.c.committed), nothing),
    ).group_by(period, active.c.size)


def _customers(active: sa.CTE) -> Iterable[sa.Select[Any]]:
    """Who has one subscription is as they are; only the runs of who has several have to be merged, which is dear."""
    held = (
        sa.select(
            active.c.customer_id,
            sa.func.count().label("count"),
            sa.func.min(active.c.first).label("first"),
            sa.func.max(active.c.last).label("last"),
        )
        .group_by(active.c.customer_id)
        .cte("held")
    )
    of_one = sa.select(held.c.first, held.c.last).where(held.c.count == 1)
    of_several = sa.select(held.c.customer_id).where(held.c.count > 1)
    runs = (
        sa.select(sa.func.unnest(sa.func.range_agg(sa.func.int4range(active.c.first, active.c.last))).label("run"))
        .where(active.c.customer_id.in_(of_several))
        .group_by(active.c.customer_id)
        .subquery()
    )
    ends = (sa.func.lower(runs.c.run, type_=sa.Integer), sa.func.upper(runs.c.run, type_=sa.Integer))
    merged = sa.union_all(of_one, sa.select(*ends)).cte("merged")
    for figure, period in (("customers_started", merged.c.first), ("customers_ended", merged.c.last)):
        yield _row(figure, period, count=sa.func.count()).group_by(period)


def _lost(figure: str, scoped: sa.CTE, moment: sa.ColumnElement[Any], reason: sa.ColumnElement[Any]) -> sa.Select[Any]:
    period = period_of(moment)
    return _row(figure, period, reason=reason, count=sa.func.count()).where(counts(moment)).group_by(period, reason)


def add_subscriptions(figures: Figures, rows: list[Record]) -> None:
    """Enters what `subscriptions` found."""
    moved: dict[str, list[tuple[int, int, int]]] = {
        name: []
        for name in (
            "active_subscriptions",
            "committed_subscriptions",
            "monthly_value",
            "committed_monthly_value",
            "subscribed_customers",
        )
    }
    for row in rows:
        figure, index, count = row["figure"], row["period"] - 1, row["count"]
        sign = -1 if figure.endswith("ended") else 1
        match figure:
            case "started" | "ended":
                moved["active_subscriptions"].append((index, sign * count, 1))
                moved["committed_subscriptions"].append((index, sign * row["committed_count"], 1))
                twelfths = 12 * row["size"]
                moved["monthly_value"].append((index, sign * int(row["value"]), twelfths))
                moved["committed_monthly_value"].append((index, sign * int(row["committed_value"]), twelfths))
                if figure == "started" and index >= 0:
                    figures.add("new_subscriptions", index, count)
            case "customers_started" | "customers_ended":
                moved["subscribed_customers"].append((index, sign * count, 1))
            case "canceled":
                reason = CancellationReason(row["reason"] or CancellationReason.OTHER)
                figures.add("canceled_subscriptions", index, count)
                figures.add(CANCELLATIONS[reason], index, count)
            case "churned":
                figures.add("churned_subscriptions", index, count)
    for name, changes in moved.items():
        figures[name] = _levels(changes, figures.periods)


def _levels(changes: Sequence[tuple[int, int, int]], periods: int) -> Column:
    """What there is in each period, given the quotients that came and went, and when.

    What came before the first period was there from the first.
    """
    scale = lcm(*{denominator for _, _, denominator in changes})
    steps = [0] * (periods + 1)
    for index, numerator, denominator in changes:
        steps[max(index, 0)] += numerator * (scale // denominator)
    levels = list(accumulate(steps))[:periods]
    return levels if scale == 1 else [Fraction(level, scale) for level in levels]
