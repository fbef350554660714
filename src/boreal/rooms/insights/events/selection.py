"""Which events a list shows (usage spec 2.3), as statements.

The newest events are found by walking an index backwards, one *lane* after the other: a lane is all events of an
organization or, where customers are asked for, those of one subject. Everything else is tested on the way. With a
depth, an event is shown if the root above it is one of those that match and is not too far away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.sql.util import ClauseAdapter

from boreal.core.events import EventSource
from boreal.kit.auth import visible_to
from boreal.kit.listing import Filter, ListSpec, after, any_of, before, search
from boreal.kit.schemas import UUID4
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.usage.public import EventRow

E = EventRow.c
C = CustomerRow.c
Predicate = sa.ColumnElement[bool]

MAX_DEPTH = 5


def _query() -> Filter:
    """A part of the name or source, or of what the customer is called; or words of the metadata."""
    simple: sa.ColumnElement[Any] = sa.literal_column("'simple'")
    own = search("query", E.name, E.source)
    words = sa.func.to_tsvector(simple, sa.cast(E.metadata, sa.Text)).bool_op("@@")(
        sa.func.plainto_tsquery(simple, sa.bindparam("words", type_=sa.Text))
    )
    is_theirs = sa.or_(C.id == E.customer_id, sa.and_(C.external_id == E.external_customer_id, C.deleted_at.is_(None)))
    called = search("query", C.name, C.email, C.external_id, sa.cast(C.id, sa.Text)).predicate
    theirs = sa.exists().where(C.organization_id == E.organization_id, is_theirs, called)
    return Filter("query", own.annotation, sa.or_(own.predicate, words, theirs), own.value)


def _other(name: str, annotation: Any, description: str) -> Filter:
    """A parameter that is more than a predicate."""
    return Filter(name, annotation, sa.true(), description=description)


_FILTERS = (
    _other("filter", str | None, "A filter as meters have it, as JSON."),
    after("start_timestamp", E.timestamp),
    before("end_timestamp", E.timestamp),
    _other("organization_id", UUID4 | list[UUID4] | None, "Events of these organizations."),
    _other("customer_id", UUID4 | list[UUID4] | None, "Events of these customers, by either of their ids."),
    _other("external_customer_id", str | list[str] | None, "Events of these customers, by either of their ids."),
    _other("meter_id", UUID4 | None, "Events that this meter counts."),
    any_of("name", E.name, str),
    any_of("source", E.source, EventSource),
    _query(),
    _other("parent_id", UUID4 | None, "With a depth: events below this one."),
    _other("depth", Annotated[int, Field(ge=0, le=MAX_DEPTH)] | None, "How far below the events that are found first."),
)

EVENTS = ListSpec(
    select=sa.select(EventRow),
    visible=visible_to(E.organization_id),
    key=E.id,
    sorts={"timestamp": E.timestamp},
    default="-timestamp",
    filters=_FILTERS,
    metadata=E.metadata,
    sort_name="EventSortProperty",
)
"""Declares the parameters of the list; what it shows is selected below."""

PLAIN = {item.name: item for item in _FILTERS if item.predicate is not sa.true()}
"""The filters that are one predicate each."""

_LANES = sa.bindparam("lanes", type_=ARRAY(PgUUID))
_PARENT = sa.bindparam("parent_id", type_=PgUUID)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which kind of list it is; the values are binds, so that there is one statement per shape.

    `by_subject` says what the lanes are, `lanes` how many there are (0 for any number), `reach` how many events of each
    may have to be walked (None for any number). Usual ones are named, so that PostgreSQL, which cannot know what a bind
    will be, plans once and not for every page. `conditions` are predicates of filters and meters: a part of the shape.
    """

    plain: frozenset[str]
    metadata_keys: int
    by_subject: bool
    lanes: int
    reach: int | None
    depth: int | None
    below_parent: bool
    ascending: bool
    conditions: tuple[Predicate, ...] = ()

    @property
    def lane(self) -> sa.Column[Any]:
        """What all events of a lane share."""
        return E.subject if self.by_subject else E.organization_id

    @property
    def is_plain(self) -> bool:
        """Whether nothing but lanes, names and sources is asked for, so that counts are kept."""
        return self.plain <= {"name", "source"} and not self.metadata_keys and not self.conditions


def rows(shape: Shape) -> sa.Select[Any]:
    """The page of events; what is walked in each lane is all up to the end of the page, at least."""
    lane = _lanes(shape.lanes)
    reach = sa.bindparam("reach", type_=sa.BigInteger) if shape.reach is None else sa.literal_column(str(shape.reach))
    walked = (
        _ordered(_matching(sa.select(EventRow), shape).where(shape.lane == lane.c.key), E, shape)
        .limit(reach)
        .lateral("walked")
    )
    page = sa.select(walked).select_from(lane.join(walked, sa.true()))
    return _ordered(page, walked.c, shape).limit(sa.bindparam("list_limit")).offset(sa.bindparam("list_offset"))


def _lanes(number: int) -> Any:
    if number == 0:
        return sa.func.unnest(_LANES).table_valued("key").render_derived(name="lane")
    binds = [(sa.bindparam(f"lane_{index}", type_=PgUUID),) for index in range(number)]
    return sa.values(sa.column("key", PgUUID), name="lane").data(binds)


def count(shape: Shape) -> sa.Select[Any]:
    """How many events there are in all, counted one by one."""
    return _matching(sa.select(sa.func.count()).select_from(EventRow), shape).where(shape.lane == sa.func.any(_LANES))


def _ordered(statement: sa.Select[Any], columns: Any, shape: Shape) -> sa.Select[Any]:
    if shape.ascending:
        return statement.order_by(columns.timestamp, columns.id)
    return statement.order_by(columns.timestamp.desc(), columns.id.desc())


def _matching(statement: sa.Select[Any], shape: Shape) -> sa.Select[Any]:
    predicates = list(_predicates(shape))
    statement = statement.where(visible_to(E.organization_id), *predicates)
    if shape.depth is None:
        return statement
    if shape.below_parent:
        return statement.where(E.id.in_(_descendants(shape.depth)))
    return statement.where(_is_at_most(EventRow, shape.depth), _root_matches(shape, predicates))


def _predicates(shape: Shape) -> Iterable[Predicate]:
    for name in sorted(shape.plain):
        yield PLAIN[name].predicate
    for index in range(shape.metadata_keys):
        key = sa.bindparam(f"metadata_key_{index}", type_=sa.Text)
        values = sa.bindparam(f"metadata_values_{index}", type_=ARRAY(sa.Text))
        yield E.metadata.op("->>")(key) == sa.func.any(values)
    yield from shape.conditions


def _is_at_most(event: sa.FromClause, depth: int) -> Predicate:
    """Whether an event is at most so far below its root."""
    is_root = event.c.parent_id.is_(None)
    if depth == 0:
        return is_root
    parent = EventRow.alias(f"above_{depth}")
    return sa.or_(is_root, sa.exists().where(parent.c.id == event.c.parent_id, _is_at_most(parent, depth - 1)))


def _root_matches(shape: Shape, predicates: Sequence[Predicate]) -> Predicate:
    root = EventRow.alias("root")
    same: Any = ClauseAdapter(root)
    lane = root.c[shape.lane.name] == sa.func.any(_LANES)
    matches = [same.traverse(predicate) for predicate in predicates]
    return sa.or_(E.root_id.is_(None), sa.exists().where(root.c.id == E.root_id, lane, *matches))


def _descendants(depth: int) -> sa.Select[Any]:
    """What is at most so far below the parent; nothing for 0."""
    found = (
        sa.select(E.id, sa.literal(1, sa.Integer).label("distance"))
        .where(E.parent_id == _PARENT, visible_to(E.organization_id), sa.literal(depth, sa.Integer) > 0)
        .cte("found", recursive=True)
    )
    child = EventRow.alias("child")
    below = sa.select(child.c.id, found.c.distance + 1).where(child.c.parent_id == found.c.id, found.c.distance < depth)
    found = found.union_all(below)
    return sa.select(found.c.id)
