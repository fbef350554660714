"""The names that events have (usage spec 2.3)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import EventSource
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Runs
from boreal.kit.listing import Filter, ListQuery, ListSpec, Page, any_of, search
from boreal.kit.schemas import UUID4
from boreal.rooms.usage.public import EventNameRow, EventRow, asked_organizations, asked_subjects

E = EventRow.c
N = EventNameRow.c

_KEPT = (
    sa.select(
        N.name,
        N.source,
        sa.cast(sa.func.sum(N.occurrences), sa.BigInteger).label("occurrences"),
        sa.func.min(N.first_seen).label("first_seen"),
        sa.func.max(N.last_seen).label("last_seen"),
    )
    .where(visible_to(N.organization_id))
    .group_by(N.name, N.source)
    .subquery("names")
)
"""As they were counted when events came in."""

_OF_SUBJECTS = (
    sa.select(
        E.name,
        E.source,
        sa.func.count().label("occurrences"),
        sa.func.min(E.timestamp).label("first_seen"),
        sa.func.max(E.timestamp).label("last_seen"),
    )
    .where(visible_to(E.organization_id), E.subject == sa.func.any(sa.bindparam("subjects", type_=ARRAY(PgUUID))))
    .group_by(E.name, E.source)
    .subquery("names")
)
"""Of some customers, counted one by one."""


def _names(counted: sa.Subquery) -> ListSpec:
    names = counted.c
    return ListSpec(
        select=sa.select(counted),
        visible=sa.true(),  # the names are counted of what the actor may see
        key=names.source,
        sorts={name: names[name] for name in ("name", "occurrences", "first_seen", "last_seen")},
        default="-last_seen",
        filters=(
            Filter("organization_id", UUID4 | list[UUID4] | None, sa.true()),
            Filter("customer_id", UUID4 | list[UUID4] | None, sa.true()),
            Filter("external_customer_id", str | list[str] | None, sa.true()),
            any_of("source", names.source, EventSource),
            search("query", names.name),
        ),
        sort_name="EventNamesSortProperty",
    )


NAMES, _NAMES_OF_SUBJECTS = _names(_KEPT), _names(_OF_SUBJECTS)


async def page(runs: Runs, actor: Actor, query: ListQuery) -> Page:
    """The page of names that was asked for."""
    given: Mapping[str, Any] = query.given
    about: list[UUID] | None = await asked_subjects(runs, actor, given)
    names = NAMES if about is None else _NAMES_OF_SUBJECTS
    allowed = asked_organizations(actor, given)
    return await names.fetch(runs, actor, query, actor_organization_ids=allowed, subjects=about)
