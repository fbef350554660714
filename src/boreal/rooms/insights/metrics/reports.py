"""Making a report: read what its metrics need, enter it into figures, compute (usage spec 7)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import orjson
import sqlalchemy as sa

from boreal.core.calendar import TimeInterval
from boreal.core.metrics import METRICS, Book, Column, Figures, Metric, Number, Source, has_decimals
from boreal.core.periods import Grid, grid, is_too_long
from boreal.kit.db import Database, Record, Runs
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.insights.metrics import activity, grids, kept, recurrence, sales
from boreal.rooms.insights.metrics.scope import Given, Scope
from boreal.rooms.usage.public import asked_organizations, asked_subjects

_READS: dict[Source, tuple[Callable[[Given], sa.sql.base.Executable], Callable[[Figures, list[Record]], None]]] = {
    Source.ORDERS: (sales.orders, sales.add_orders),
    Source.HISTORY: (sales.history, sales.add_history),
    Source.CHECKOUTS: (sales.checkouts, sales.add_checkouts),
    Source.SUBSCRIPTIONS: (recurrence.subscriptions, recurrence.add_subscriptions),
}

SOLD = frozenset({Source.ORDERS, Source.HISTORY, Source.CHECKOUTS})


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones, old ones included, but for that of the machine."""
    return frozenset(available_timezones()) - {"localtime"}


def known_zone(name: str) -> str:
    """The name of a time zone; raises `ValueError` if there is none."""
    if name not in zone_names():
        raise ValueError("Unknown time zone.")
    return name


def plan(
    *, start_date: date, end_date: date, interval: TimeInterval, timezone: str, slugs: Sequence[str] | None
) -> tuple[Grid, list[Metric]]:
    """The periods of a report and its metrics, all by default; raises `Invalid` for what cannot be reported."""
    faults = []
    if is_too_long(start_date, end_date, interval):
        too_long = "The interval is too big. Try to change the interval or reduce the date range."
        faults.append(Fault(("query",), too_long))
    if start_date > end_date:
        faults.append(Fault(("query",), "The start date must not be after the end date."))
    unknown = sorted({slug for slug in slugs or () if slug not in METRICS})
    if unknown:
        faults.append(Fault(("query", "metrics"), f"Invalid metric slugs: {', '.join(unknown)}", input=slugs))
    if faults:
        raise Invalid(*faults)
    wanted = [metric for metric in METRICS.values() if slugs is None or metric.slug in slugs]
    return grid(start_date, end_date, interval, zone=ZoneInfo(timezone)), wanted


async def report(
    database: Database, scope: Scope, periods: Grid, wanted: Iterable[Metric], *, now: datetime, real_now: datetime
) -> dict[str, Any]:
    """The report as it goes over the wire (usage spec 7.2), in a statement or two per source.

    What one organization sold is kept for periods that are over; any other question is answered by counting.
    """
    wanted = list(wanted)
    figures = Figures(len(periods.labels))
    sources = frozenset().union(*(metric.sources for metric in wanted))
    binds = {**grids.binds(periods, now=now), **scope.binds()}
    left = sources
    organization_id = scope.only_organization
    if organization_id is not None and sources & SOLD:
        history = Source.HISTORY in sources
        await kept.add_sales(database, organization_id, periods, figures, history=history, now=real_now)
        left = sources - SOLD
    for source, (statement, add) in _READS.items():
        if source in left:
            add(figures, await database.fetch(statement(scope.given), **binds))
    if sources & {Source.COSTS, Source.USERS}:
        await _add_events(database, scope, periods, figures, binds, sources)
    return _render(Book(figures), periods, wanted)


async def _add_events(
    runs: Runs, scope: Scope, periods: Grid, figures: Figures, binds: dict[str, Any], sources: frozenset[Source]
) -> None:
    """Events are of organizations and customers; products have none (usage spec 7.4)."""
    asked = {"organization_id": scope.organization_ids, "customer_id": scope.customer_ids}
    given = {name: list(value) for name, value in asked.items() if value is not None}
    subjects = await asked_subjects(runs, scope.actor, given)
    allowed = asked_organizations(scope.actor, given)
    binds = {**binds, "actor_organization_ids": allowed, "subjects": subjects}
    of_subjects = subjects is not None
    if Source.COSTS in sources:
        activity.add_costs(figures, await runs.fetch(activity.costs(of_subjects), **binds))
    if Source.USERS in sources:
        users = activity.users_by_day if activity.is_made_of_days(periods) else activity.users
        activity.add_users(figures, await runs.fetch(users(of_subjects), **binds))


def _render(book: Book, periods: Grid, wanted: Sequence[Metric]) -> dict[str, Any]:
    names = ("timestamp", *(metric.slug for metric in wanted))
    columns = [_numbers(book[metric.slug]) for metric in wanted]
    return {
        "periods": [dict(zip(names, row, strict=True)) for row in zip(periods.labels, *columns, strict=True)],
        "totals": {metric.slug: _number(book.total(metric.slug)) for metric in wanted},
        "metrics": {
            metric.slug: {"slug": metric.slug, "display_name": metric.display_name, "type": metric.type.value}
            for metric in wanted
        },
    }


def _numbers(column: Column) -> Iterable[Any]:
    return map(_number, column) if has_decimals(column) else column


def _number(value: Number) -> Any:
    """A number as JSON writes it; a decimal with every digit, which a binary fraction could not hold."""
    return orjson.Fragment(f"{value.normalize():f}") if isinstance(value, Decimal) else value
