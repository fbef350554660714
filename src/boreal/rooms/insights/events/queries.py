"""Reading events: a page, how many there are, one by its id (usage spec 2.3)."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.filters import parse as parse_filter
from boreal.core.metering import Aggregation
from boreal.kit.auth import Actor, read_visible, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListQuery, Page
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.insights.events import selection
from boreal.rooms.insights.events.selection import PLAIN, Predicate, Shape
from boreal.rooms.usage.public import (
    EventNameRow,
    EventRow,
    FilterInput,
    MeterRow,
    MeterUsageRow,
    asked_organizations,
    asked_subjects,
    contributes,
    passes,
)

E = EventRow.c
N = EventNameRow.c
U = MeterUsageRow.c

USUAL_LANES = 2
"""One organization, or both subjects of a customer."""
USUAL_REACHES = (101, 1001)

_FILTER: TypeAdapter[Any] = TypeAdapter(FilterInput)

_GET = sa.select(EventRow).where(E.id == sa.bindparam("id", type_=PgUUID), visible_to(E.organization_id))
_METER = sa.select(MeterRow).where(
    MeterRow.c.id == sa.bindparam("id", type_=PgUUID), visible_to(MeterRow.c.organization_id)
)


async def get(runs: Runs, actor: Actor, id: UUID) -> Record:
    """An event that the actor may see; raises `ResourceNotFound`."""
    return await read_visible(runs, _GET, actor, id)


async def conditions(runs: Runs, actor: Actor, given: Mapping[str, Any]) -> tuple[Predicate, ...]:
    """What a filter and a meter ask of an event.

    Raises `RequestValidationError` for what is no filter, and `Invalid` for a meter that is not there.
    """
    asked: list[Predicate] = []
    if "filter" in given:
        try:
            document = _FILTER.validate_json(given["filter"])
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_url=False)) from None
        asked.append(passes(parse_filter(document.model_dump(mode="json"))))
    if "meter_id" in given:
        meter = await runs.fetchrow(_METER, id=given["meter_id"], **actor.binds())
        if meter is None:
            wrong = str(given["meter_id"])
            raise Invalid(Fault(("query", "meter_id"), "Meter not found.", "meter_id", wrong))
        asked += [
            E.organization_id == sa.literal(meter["organization_id"], PgUUID),
            passes(parse_filter(meter["filter"])),
            contributes(Aggregation.parse(meter["aggregation"])),
        ]
    return tuple(asked)


async def page(runs: Runs, actor: Actor, query: ListQuery, *, counted: bool) -> Page:
    """The page that was asked for. Without `counted` nobody wants to know how many there are: then one row more than
    the page holds is read, which tells whether there is another page."""
    given = query.given
    if "query" in given and not given.get("organization_id"):
        words = "Query is only supported when organization_id is provided."
        raise Invalid(Fault(("query", "query"), words, "query", given["query"]))
    about = await asked_subjects(runs, actor, given)
    allowed = asked_organizations(actor, given)
    lanes = allowed if about is None else about
    limit = query.limit if counted else query.limit + 1
    offset = min((query.page - 1) * query.limit, 2**62)
    depth = given.get("depth")
    shape = Shape(
        plain=frozenset(given) & frozenset(PLAIN),
        metadata_keys=len(query.metadata),
        by_subject=about is not None,
        lanes=len(lanes) if len(lanes) <= USUAL_LANES else 0,
        reach=next((reach for reach in USUAL_REACHES if offset + limit <= reach), None),
        depth=depth,
        below_parent=depth is not None and "parent_id" in given,
        ascending=query.sorting[-1] == "timestamp",
        conditions=await conditions(runs, actor, given),
    )
    binds = {
        **actor.binds(),
        "actor_organization_ids": allowed,
        "lanes": lanes,
        **{f"lane_{index}": lane for index, lane in enumerate(lanes[:USUAL_LANES])},
        "parent_id": given.get("parent_id"),
        "words": given.get("query"),
        **{name: PLAIN[name].value(given[name]) for name in shape.plain},
        **_metadata_binds(query.metadata),
    }
    rows, count = _statements(shape)
    found = await runs.fetch(rows, **binds, list_limit=limit, list_offset=offset, reach=offset + limit)
    if not counted or ((found or query.page == 1) and len(found) < limit):
        return Page(found, offset + len(found), query.limit)
    total = await _kept(runs, shape, binds)
    return Page(found, await runs.fetchval(count, **binds) if total is None else total, query.limit)


def _statements(shape: Shape) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """There is no end of filters, so statements with their conditions are not kept."""
    return _known(shape) if not shape.conditions else (selection.rows(shape), selection.count(shape))


@cache
def _known(shape: Shape) -> tuple[sa.Select[Any], sa.Select[Any]]:
    return selection.rows(shape), selection.count(shape)


def _metadata_binds(metadata: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    binds: dict[str, Any] = {}
    for index, (key, values) in enumerate(metadata.items()):
        binds[f"metadata_key_{index}"] = key
        binds[f"metadata_values_{index}"] = list(values)
    return binds


async def _kept(runs: Runs, shape: Shape, binds: Mapping[str, Any]) -> int | None:
    """How many there are, where ingestion has counted that; None where it has not."""
    if not shape.is_plain or shape.depth:
        return None
    roots = shape.depth is not None
    if shape.by_subject and (shape.plain or roots):
        return None
    statement = _OF_SUBJECTS if shape.by_subject else _counted(shape.plain, roots)
    total: int = await runs.fetchval(statement, **binds)
    return total


_OF_SUBJECTS = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(U.count), 0), sa.BigInteger)).where(
    visible_to(U.meter_id), U.subject == sa.func.any(sa.bindparam("lanes", type_=ARRAY(PgUUID)))
)
"""An organization counts all its events like a meter of its own id."""


@cache
def _counted(plain: frozenset[str], roots: bool) -> sa.Select[Any]:
    column = N.root_occurrences if roots else N.occurrences
    statement = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)).where(
        visible_to(N.organization_id)
    )
    for name, mine in (("name", N.name), ("source", N.source)):
        if name in plain:
            statement = statement.where(mine == sa.func.any(sa.bindparam(name, type_=ARRAY(sa.Text))))
    return statement
