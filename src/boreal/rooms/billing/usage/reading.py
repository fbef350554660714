"""What subscriptions are due for usage that no order has taken yet (orders spec 13.2, 13.3, usage spec 5.6)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.metering import AggregationFunction, quantity
from boreal.core.prices import Price
from boreal.core.usage_lines import UsageLine, billed_at, drawn, lines_of
from boreal.kit.db import Record, Runs
from boreal.kit.tx import Tx
from boreal.rooms.catalog.public import read_prices
from boreal.rooms.usage.public import Span, measure

# Of the credits of a window, what orders of the same window have used up is gone.
_PENDING = sa.text(
    """
    SELECT span.id, span.subscription_id, span.customer_id, span.meter_id, span.product_price_id, span.from_seq,
        span.until_seq, meter.aggregation ->> 'func' AS function,
        greatest(0, coalesce(credits.credited_units, 0) - coalesce((
            SELECT sum(covered_units) FROM usage_spans AS earlier
            WHERE earlier.customer_id = span.customer_id AND earlier.meter_id = span.meter_id
            AND earlier.from_seq >= credits.window_seq AND earlier.order_id IS NOT NULL), 0)) AS available
    FROM usage_spans AS span
    JOIN meters AS meter ON meter.id = span.meter_id
    LEFT JOIN customer_meters AS credits
        ON credits.customer_id = span.customer_id AND credits.meter_id = span.meter_id
    WHERE span.subscription_id = ANY(:ids) AND span.order_id IS NULL AND NOT span.is_forgone
    ORDER BY span.id
    """
).bindparams(sa.bindparam("ids", type_=ARRAY(PgUUID)))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a subscription is due for usage: its lines, and the spans that they are made of.

    `credits` are those of each meter that can still cover something. `covered` has all spans, each with how many units
    of its customer's credits the lines use up. `place` is where the reading ended in the order of events; None: now.
    """

    lines: tuple[UsageLine, ...] = ()
    credits: Mapping[UUID, Decimal] = field(default_factory=dict)
    covered: Mapping[UUID, Decimal] = field(default_factory=dict)
    customer_ids: frozenset[UUID] = frozenset()
    meter_ids: frozenset[UUID] = frozenset()
    place: int | None = None


async def read_usage(
    runs: Runs | Tx, prices: Mapping[UUID, Sequence[Price]], *, until: int | None = None
) -> dict[UUID, Usage]:
    """The usage of some subscriptions, up to a place in the order of events or up to now, by subscription.

    `prices` are those by which each of them is billed now.
    """
    rows = await runs.fetch(_PENDING, ids=list(prices))
    if until is not None:
        rows = [row for row in rows if row["from_seq"] <= until]
    now = {id: {price.meter_id: price.id for price in listed} for id, listed in prices.items()}
    rows = sorted(rows, key=lambda row: (row["from_seq"], _place(row, now[row["subscription_id"]])))
    groups: dict[tuple[UUID, UUID, UUID], list[Record]] = {}
    for row in rows:
        id, meter_id = row["subscription_id"], row["meter_id"]
        function = AggregationFunction(row["function"])
        price_id = billed_at(function, row["product_price_id"], now[id].get(meter_id))
        groups.setdefault((id, meter_id, price_id), []).append(row)
    known = {price.id: price for listed in prices.values() for price in listed}
    missing = {price_id for _, _, price_id in groups} - known.keys()
    known |= await read_prices(runs, list(missing)) if missing else {}
    tallies = await measure(runs, [[_span(row, until) for row in group] for group in groups.values()])
    used: dict[UUID, list[tuple[UUID, Price, Decimal]]] = {id: [] for id in prices}
    for (key, group), tally in zip(groups.items(), tallies, strict=True):
        if tally.count:
            function = AggregationFunction(group[0]["function"])
            used[key[0]].append((key[1], known[key[2]], quantity(function, tally)))
    of_subscription: dict[UUID, list[Record]] = {id: [] for id in prices}
    for row in rows:
        of_subscription[row["subscription_id"]].append(row)
    return {id: _usage(of_subscription[id], used[id], until) for id in prices}


def _place(row: Record, price_ids: Mapping[UUID | None, UUID]) -> tuple[int, UUID]:
    """Meters come in the order of the prices, those without a price behind them."""
    listed = list(price_ids)
    meter_id = row["meter_id"]
    return (listed.index(meter_id) if meter_id in price_ids else len(listed), meter_id)


def _span(row: Record, until: int | None) -> Span:
    return Span(
        row["meter_id"], row["customer_id"], row["from_seq"], until if row["until_seq"] is None else row["until_seq"]
    )


def _usage(rows: Sequence[Record], used: Sequence[tuple[UUID, Price, Decimal]], place: int | None) -> Usage:
    by_meter: dict[UUID, list[tuple[Price, Decimal]]] = {}
    for meter_id, price, consumed in used:
        by_meter.setdefault(meter_id, []).append((price, consumed))
    available = {(row["meter_id"], row["customer_id"]): Decimal(row["available"]) for row in rows}
    credits: dict[UUID, Decimal] = {}
    for (meter_id, _), units in available.items():
        credits[meter_id] = credits.get(meter_id, Decimal(0)) + units
    lines = lines_of((one for of_meter in by_meter.values() for one in of_meter), credits)
    return Usage(
        lines=lines,
        credits=credits,
        covered=_covered(rows, lines, available),
        customer_ids=frozenset(row["customer_id"] for row in rows),
        meter_ids=frozenset(row["meter_id"] for row in rows),
        place=place,
    )


def _covered(
    rows: Sequence[Record], lines: Iterable[UsageLine], available: Mapping[tuple[UUID, UUID], Decimal]
) -> dict[UUID, Decimal]:
    """The credits that the lines use up, on the first span of the customer whose credits they are."""
    covered = dict.fromkeys((row["id"] for row in rows), Decimal(0))
    first: dict[tuple[UUID, UUID], UUID] = {}
    for row in rows:
        first.setdefault((row["meter_id"], row["customer_id"]), row["id"])
    totals: dict[UUID, Decimal] = {}
    for line in lines:
        assert line.price.meter_id is not None
        totals[line.price.meter_id] = totals.get(line.price.meter_id, Decimal(0)) + line.share.covered
    for meter_id, total in totals.items():
        holders = [key for key in first if key[0] == meter_id]
        for key, part in zip(holders, drawn(total, [available[key] for key in holders]), strict=True):
            covered[first[key]] = part
    return covered
