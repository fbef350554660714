"""Filters and aggregations as SQL over the table of events (usage spec 4.2, 4.3): for back-fills, for lists of the
events that a meter counts, for reads while a meter is being filled, and to verify what ingestion counted.

`boreal.core.filters` says the same in Python; tests hold the two against each other.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.filters import BUILT_IN, Clause, Filter, FilterConjunction, FilterOperator, needle_of
from boreal.core.metering import NUMERIC, Aggregation, AggregationFunction
from boreal.rooms.usage.events.tables import EventRow

E = EventRow.c
Condition = sa.ColumnElement[bool]

EPOCH = sa.cast(sa.func.floor(sa.func.extract("epoch", E.timestamp)), sa.BigInteger)
"""Whole seconds since 1970."""


def passes(condition: Filter) -> Condition:
    """Whether an event passes the filter; never null."""
    if not condition.clauses:
        return sa.true()
    parts = [passes(item) if isinstance(item, Filter) else holds(item) for item in condition.clauses]
    return sa.and_(*parts) if condition.conjunction is FilterConjunction.AND else sa.or_(*parts)


def holds(clause: Clause) -> Condition:
    """Whether one comparison is true; never null, though a missing property makes it false whatever it says."""
    if clause.property in BUILT_IN:
        return _built_in(clause)
    if clause.operator in (FilterOperator.LIKE, FilterOperator.NOT_LIKE):
        found = _contains(_text(clause.property), clause)
        return sa.and_(_is_plain(clause.property), sa.func.coalesce(found, sa.false()))
    kind = _kind(clause.property)
    choices: list[tuple[Any, Any]] = [(kind == "string", _compared(_bytewise(_text(clause.property)), clause))]
    if not isinstance(clause.value, str):
        number = sa.literal(int(clause.value), sa.Numeric)
        choices.append((kind == "number", _compared(_number(clause.property), clause, number)))
    if isinstance(clause.value, bool):
        boolean = sa.cast(_text(clause.property), sa.Boolean)
        choices.append((kind == "boolean", _compared(boolean, clause, sa.literal(clause.value, sa.Boolean))))
    return sa.case(*choices, else_=sa.false())


def _built_in(clause: Clause) -> Condition:
    is_number = isinstance(clause.value, int) and not isinstance(clause.value, bool)
    if clause.property == "timestamp":
        if not is_number:
            return sa.false()
        if clause.operator in (FilterOperator.LIKE, FilterOperator.NOT_LIKE):
            return _contains(sa.cast(EPOCH, sa.Text), clause)
        return _compared(EPOCH, clause, sa.literal(clause.value, sa.BigInteger))
    if not isinstance(clause.value, str):
        return sa.false()
    column = E.name if clause.property == "name" else E.source
    if clause.operator in (FilterOperator.LIKE, FilterOperator.NOT_LIKE):
        return _contains(column, clause)
    return _compared(_bytewise(column), clause)


def _kind(key: str) -> sa.ColumnElement[str]:
    return sa.func.jsonb_typeof(_value(key))


def _value(key: str) -> sa.ColumnElement[Any]:
    return E.metadata.op("->")(sa.literal(key, sa.Text))


def _text(key: str) -> sa.ColumnElement[str]:
    found: sa.ColumnElement[str] = E.metadata.op("->>", return_type=sa.Text())(sa.literal(key, sa.Text))
    return found


def _number(key: str) -> sa.ColumnElement[Any]:
    return sa.cast(_text(key), sa.Numeric)


def _is_plain(key: str) -> Condition:
    return sa.func.coalesce(_kind(key).in_(("string", "number", "boolean")), sa.false())


def _bytewise(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Text ordered by code points, whatever the collation of the database."""
    return sa.collate(text, "C")


_COMPARE = {
    FilterOperator.EQ: "=",
    FilterOperator.NE: "<>",
    FilterOperator.GT: ">",
    FilterOperator.GTE: ">=",
    FilterOperator.LT: "<",
    FilterOperator.LTE: "<=",
}


def _compared(stored: sa.ColumnElement[Any], clause: Clause, value: sa.ColumnElement[Any] | None = None) -> Condition:
    wanted = sa.literal(needle_of(clause.value), sa.Text) if value is None else value
    return stored.bool_op(_COMPARE[clause.operator])(wanted)


def _contains(text: sa.ColumnElement[str], clause: Clause) -> Condition:
    """With `%` and `_` as wildcards, and nothing to escape them."""
    pattern = sa.literal(f"%{needle_of(clause.value)}%", sa.Text)
    found = text.like(pattern, escape="")
    return found if clause.operator is FilterOperator.LIKE else sa.not_(found)


def contributes(aggregation: Aggregation) -> Condition:
    """Whether an event that passed the filter is counted at all (usage spec 4.3)."""
    if aggregation.function not in NUMERIC:
        return sa.true()
    assert aggregation.property is not None
    if aggregation.property in BUILT_IN:
        return sa.true() if aggregation.property == "timestamp" else sa.false()
    return sa.func.coalesce(_kind(aggregation.property) == "number", sa.false())


def number_of(aggregation: Aggregation) -> sa.ColumnElement[Any]:
    """The number of an event that contributes; null for meters that add up none."""
    if aggregation.function not in NUMERIC:
        return sa.cast(sa.null(), sa.Numeric)
    assert aggregation.property is not None
    if aggregation.property == "timestamp":
        return sa.cast(EPOCH, sa.Numeric)
    key = aggregation.property
    return sa.case((_kind(key) == "number", _number(key)), else_=sa.null())


def digest_of(aggregation: Aggregation) -> sa.ColumnElement[Any]:
    """The digest of the value that a `unique` meter sees; null for none (`boreal.core.metering.digest`)."""
    if aggregation.function is not AggregationFunction.UNIQUE:
        return sa.cast(sa.null(), PgUUID)
    assert aggregation.property is not None
    key = aggregation.property
    if key == "timestamp":
        canonical = sa.literal("n", sa.Text).concat(sa.cast(EPOCH, sa.Text))
    elif key in BUILT_IN:
        canonical = sa.literal("s", sa.Text).concat(E.name if key == "name" else E.source)
    else:
        trimmed = sa.cast(sa.func.trim_scale(_number(key)), sa.Text)
        canonical = sa.case(
            (_kind(key) == "string", sa.literal("s", sa.Text).concat(_text(key))),
            (_kind(key) == "number", sa.literal("n", sa.Text).concat(trimmed)),
            (_kind(key) == "boolean", sa.literal("b", sa.Text).concat(_text(key))),
            (_kind(key) == "object", sa.literal("o", sa.Text).concat(_text(key))),
            else_=sa.null(),
        )
    return _half_of_sha256(sa.func.convert_to(canonical, "UTF8"))


def _half_of_sha256(data: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    half = sa.func.substr(sa.func.sha256(data), 1, 16)
    return sa.cast(sa.func.encode(half, "hex"), PgUUID)


def counted(condition: Filter, aggregation: Aggregation) -> Condition:
    """Whether an event of the meter's organization is counted by it: only those that merchants told of are."""
    return sa.and_(E.source == "user", E.subject.is_not(None), passes(condition), contributes(aggregation))


def hour_of(timestamp: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Which hour since 1970."""
    return sa.cast(sa.func.floor(sa.func.extract("epoch", timestamp) / sa.literal(3600)), sa.Integer)
