"""Reading event types, with how often they occurred (usage spec 3)."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import EventSource
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Row, Runs
from boreal.kit.listing import Filter, ListQuery, ListSpec, Page, exactly, search
from boreal.kit.schemas import UUID4
from boreal.rooms.usage.events.asked import organizations, subjects
from boreal.rooms.usage.events.tables import EventNameRow, EventRow, EventTypeRow

E = EventRow.c
N = EventNameRow.c
T = EventTypeRow.c

LOCK = (
    sa.select(EventTypeRow)
    .where(T.id == sa.bindparam("id", type_=PgUUID), visible_to(T.organization_id))
    .with_for_update(key_share=True)
)

_SHOWN = ("id", "created_at", "modified_at", "name", "label", "label_property_selector", "organization_id")
_STATS = ("source", "occurrences", "first_seen", "last_seen")


def _counted(statement: sa.Select[Any], source: sa.ColumnElement[Any]) -> sa.Subquery:
    """Event types with what is known of their events; types are of the merchant's events only."""
    return (
        statement.where(visible_to(T.organization_id), source == EventSource.USER.value)
        .group_by(EventTypeRow.c.id, source)
        .subquery("types")
    )


_KEPT = _counted(
    sa.select(
        EventTypeRow,
        N.source,
        sa.cast(sa.func.sum(N.occurrences), sa.BigInteger).label("occurrences"),
        sa.func.min(N.first_seen).label("first_seen"),
        sa.func.max(N.last_seen).label("last_seen"),
    ).join_from(EventTypeRow, EventNameRow, sa.and_(N.organization_id == T.organization_id, N.name == T.name)),
    N.source,
)
"""As they were counted when events came in."""

_SUBJECTS = sa.bindparam("subjects", type_=ARRAY(PgUUID))
_PARENT = sa.bindparam("parent_id", type_=PgUUID)


def _one_by_one(*, of_subjects: bool, below: bool, roots: bool) -> sa.Subquery:
    statement = sa.select(
        EventTypeRow,
        E.source,
        sa.func.count().label("occurrences"),
        sa.func.min(E.timestamp).label("first_seen"),
        sa.func.max(E.timestamp).label("last_seen"),
    ).join_from(EventTypeRow, EventRow, sa.and_(E.organization_id == T.organization_id, E.name == T.name))
    if of_subjects:
        statement = statement.where(E.subject == sa.func.any(_SUBJECTS))
    if below:
        statement = statement.where(E.parent_id == _PARENT)
    if roots:
        statement = statement.where(E.parent_id.is_(None))
    return _counted(statement, E.source)


def _types(counted: sa.Subquery) -> ListSpec:
    types = counted.c
    return ListSpec(
        select=sa.select(counted),
        visible=visible_to(types.organization_id),
        key=types.id,
        sorts={name: types[name] for name in ("name", "label", "occurrences", "first_seen", "last_seen")},
        default="-last_seen",
        filters=(
            Filter("organization_id", UUID4 | list[UUID4] | None, sa.true()),
            Filter("customer_id", UUID4 | list[UUID4] | None, sa.true()),
            Filter("external_customer_id", str | list[str] | None, sa.true()),
            search("query", types.name, types.label),
            Filter("root_events", bool | None, sa.true(), description="Only events without a parent."),
            Filter("parent_id", UUID | None, sa.true(), description="Only events right below this one."),
            exactly("source", types.source, EventSource),
        ),
        sort_name="EventTypesSortProperty",
    )


TYPES = _types(_KEPT)
_BY_HAND = {
    (of_subjects, below, roots): _types(_one_by_one(of_subjects=of_subjects, below=below, roots=roots))
    for of_subjects in (False, True)
    for below in (False, True)
    for roots in (False, True)
}


async def page(runs: Runs, actor: Actor, query: ListQuery) -> Page:
    """The page of types that was asked for, counted one by one only where ingestion kept no count."""
    about = await subjects(runs, actor, query.given)
    parent_id, roots = query.given.get("parent_id"), bool(query.given.get("root_events"))
    shape = (about is not None, parent_id is not None, roots)
    types = _BY_HAND[shape] if any(shape) else TYPES
    allowed = organizations(actor, query.given)
    binds = {"actor_organization_ids": allowed, "subjects": about, "parent_id": parent_id}
    return await types.fetch(runs, actor, query, **binds)


def render(row: Row) -> dict[str, Any]:
    """An event type as the wire has it (contract `EventType`)."""
    return {name: row[name] for name in _SHOWN}


def render_with_stats(row: Row) -> dict[str, Any]:
    """An event type with what is known of its events (contract `EventTypeWithStats`)."""
    return {name: row[name] for name in (*_SHOWN, *_STATS)}
