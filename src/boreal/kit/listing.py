"""Lists, declared once: a `ListSpec` yields the typed query parameters, the SQL, the count and the envelope.

    PRODUCTS = ListSpec(
        select=sa.select(ProductRow), visible=visible_to(ProductRow.c.organization_id), key=ProductRow.c.id,
        sorts={"created_at": ProductRow.c.created_at, "name": ProductRow.c.name}, default="-created_at",
        filters=(any_of("id", ProductRow.c.id, UUID4), search("query", ProductRow.c.name)),
    )

Conventions: platform spec 1.3 to 1.5. `limit` above 100 is clamped; a page past the end has the true total.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticKnownError
from sqlalchemy.dialects.postgresql import ARRAY
from starlette.datastructures import QueryParams

from boreal.kit.auth import Actor
from boreal.kit.db import Record, Runs

MAX_LIMIT = 100
MAX_METADATA_KEYS = 50
_MAX_OFFSET = 2**62


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter: its type, the predicate it adds when given, and the value for the predicate's bind."""

    name: str
    annotation: Any
    predicate: sa.ColumnElement[bool]
    value: Callable[[Any], Any] = lambda given: given
    description: str | None = None


def any_of(name: str, column: sa.ColumnElement[Any], kind: Any) -> Filter:
    """One value or the parameter repeated: OR."""
    bind = sa.bindparam(name, type_=ARRAY(column.type))
    return Filter(
        name,
        kind | list[kind] | None,
        column == sa.func.any(bind),
        lambda given: [_plain(value) for value in (given if isinstance(given, list) else [given])],
    )


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


def none_of(name: str, column: sa.ColumnElement[Any], kind: Any) -> Filter:
    """One value or the parameter repeated: none of them."""
    alike = any_of(name, column, kind)
    return replace(alike, predicate=sa.not_(alike.predicate))


def flag(name: str, expression: sa.ColumnElement[Any]) -> Filter:
    """`true` or `false`."""
    return Filter(name, bool | None, expression == sa.bindparam(name, type_=sa.Boolean))


def exactly(name: str, column: sa.ColumnElement[Any], kind: Any = str) -> Filter:
    """One value, compared as it is."""
    return Filter(name, kind | None, column == sa.bindparam(name), _plain)


def exactly_ignoring_case(name: str, column: sa.ColumnElement[Any]) -> Filter:
    """One value, compared case-insensitively."""
    return Filter(name, str | None, sa.func.lower(column) == sa.func.lower(sa.bindparam(name, type_=sa.Text)))


def search(name: str, *columns: sa.ColumnElement[Any], prefix_of: sa.ColumnElement[Any] | None = None) -> Filter:
    """A case-insensitive substring of any of the columns, or the beginning of `prefix_of`."""
    pattern = sa.bindparam(name, type_=sa.Text)
    choices = [column.ilike(sa.literal("%").concat(pattern).concat("%")) for column in columns]
    if prefix_of is not None:
        choices.append(prefix_of.ilike(pattern.concat("%")))
    return Filter(name, str | None, sa.or_(*choices), _escaped)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _written_out(value: Any) -> Any:
    """Refuses a bare number, which pydantic would take for seconds since 1970."""
    try:
        float(value)
    except (TypeError, ValueError):
        return value
    raise PydanticKnownError("datetime_parsing", {"error": "input is a number"})


Instant = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A date and time with its offset (platform spec 1.2)."""

Day = Annotated[date, BeforeValidator(_written_out)]
"""A date of the calendar, as `2026-01-31`."""


def after(name: str, column: sa.ColumnElement[Any]) -> Filter:
    """An instant with its offset; rows strictly later."""
    return Filter(name, Instant | None, column > sa.bindparam(name, type_=sa.DateTime(timezone=True)), _in_utc)


def before(name: str, column: sa.ColumnElement[Any]) -> Filter:
    """An instant with its offset; rows strictly earlier."""
    return Filter(name, Instant | None, column < sa.bindparam(name, type_=sa.DateTime(timezone=True)), _in_utc)


def _in_utc(instant: datetime) -> datetime:
    """The instant in UTC; one that its offset moves out of the calendar is the first or the last of all."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if instant.year == 1 else datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a caller asked of a list, already validated."""

    page: int
    limit: int
    sorting: tuple[str, ...]
    given: Mapping[str, Any]
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, and how many there are in all."""

    rows: Sequence[Record]
    total_count: int
    limit: int

    def envelope(self, items: Sequence[Any]) -> dict[str, Any]:
        """`{items, pagination: {total_count, max_page}}`."""
        max_page = -(-self.total_count // self.limit)
        return {"items": items, "pagination": {"total_count": self.total_count, "max_page": max_page}}


class ListSpec:
    """One list. A route takes it as `listing=SPEC` and gets a `ListQuery`; `fetch` answers that."""

    def __init__(
        self,
        *,
        select: sa.Select[Any],
        visible: sa.ColumnElement[bool],
        key: sa.ColumnElement[Any],
        sorts: Mapping[str, sa.ColumnElement[Any]],
        default: str | Sequence[str],
        filters: Sequence[Filter] = (),
        metadata: sa.ColumnElement[Any] | None = None,
        sort_name: str = "SortProperty",
    ) -> None:
        self._base = select.where(visible)
        self._key = key
        self._sorts = dict(sorts)
        self._default = (default,) if isinstance(default, str) else tuple(default)
        self._filters = {item.name: item for item in filters}
        self._metadata = metadata
        self._statements: dict[Any, tuple[sa.Select[Any], sa.Select[Any]]] = {}
        self.parameters = self._declare(sort_name)

    @property
    def has_metadata(self) -> bool:
        """Whether the list takes `metadata[key]=value`."""
        return self._metadata is not None

    def parse(self, query: QueryParams | None, given: Mapping[str, Any]) -> ListQuery:
        """The list query of a request, whose declared parameters are `given`."""
        return ListQuery(
            page=given["page"],
            limit=min(given["limit"], MAX_LIMIT),
            sorting=tuple(dict.fromkeys(str(item.value) for item in given.get("sorting") or ())) or self._default,
            given={name: given[name] for name in self._filters if given[name] is not None},
            metadata=metadata_of(query) if self._metadata is not None and query is not None else {},
        )

    def _declare(self, sort_name: str) -> list[inspect.Parameter]:
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = []
        for item in self._filters.values():
            annotation = Annotated[item.annotation, Query(description=item.description)]  # type: ignore[name-defined]
            parameters.append(inspect.Parameter(item.name, keyword, default=None, annotation=annotation))
        page = Annotated[int, Query(gt=0, description="Page number, defaults to 1.")]
        limit = Annotated[int, Query(gt=0, description="Size of a page, defaults to 10. Maximum is 100.")]
        parameters.append(inspect.Parameter("page", keyword, default=1, annotation=page))
        parameters.append(inspect.Parameter("limit", keyword, default=10, annotation=limit))
        if self._sorts:
            options = StrEnum(  # type: ignore[misc]
                sort_name, {f"{sign}{name}": f"{sign}{name}" for name in self._sorts for sign in ("", "-")}
            )
            sorting = Annotated[list[options] | None, Query(description="Sorting criteria; `-` for descending.")]
            parameters.append(
                inspect.Parameter(
                    "sorting", keyword, default=[options(name) for name in self._default], annotation=sorting
                )
            )
        return parameters

    def _build(self, query: ListQuery) -> tuple[sa.Select[Any], sa.Select[Any]]:
        statement = self._base
        for name in query.given:
            statement = statement.where(self._filters[name].predicate)
        for index in range(len(query.metadata)):
            assert self._metadata is not None
            values = sa.bindparam(f"metadata_values_{index}", type_=ARRAY(sa.Text))
            key = sa.bindparam(f"metadata_key_{index}", type_=sa.Text)
            statement = statement.where(self._metadata.op("->>")(key) == sa.func.any(values))
        count = statement.with_only_columns(sa.func.count(), maintain_column_froms=True).order_by(None)
        order = []
        for criterion in query.sorting:
            column = self._sorts[criterion.removeprefix("-")]
            order.append(column.desc() if criterion.startswith("-") else column.asc())
        last = query.sorting[-1] if query.sorting else "-"
        order.append(self._key.desc() if last.startswith("-") else self._key.asc())
        rows = statement.order_by(*order).limit(sa.bindparam("list_limit")).offset(sa.bindparam("list_offset"))
        return rows, count

    async def fetch(self, database: Runs, actor: Actor, query: ListQuery, **binds: Any) -> Page:
        """The page that was asked for, of what the actor may see; `binds` are for the spec's own `select`."""
        shape = (tuple(sorted(query.given)), query.sorting, len(query.metadata))
        known = self._statements.get(shape)
        if known is None:
            if len(self._statements) >= 1000:
                self._statements.clear()
            known = self._statements[shape] = self._build(query)
        rows, count = known
        values = {**actor.binds(), **binds}
        values.update({name: self._filters[name].value(value) for name, value in query.given.items()})
        for index, (key, wanted) in enumerate(query.metadata.items()):
            values[f"metadata_key_{index}"] = key
            values[f"metadata_values_{index}"] = list(wanted)
        offset = min((query.page - 1) * query.limit, _MAX_OFFSET)
        found = await database.fetch(rows, **values, list_limit=query.limit, list_offset=offset)
        if (found or query.page == 1) and len(found) < query.limit:
            return Page(found, offset + len(found), query.limit)
        return Page(found, await database.fetchval(count, **values), query.limit)


_NO_KEY = {"type": "dict_type", "loc": ("query", "metadata"), "msg": "Input should be a valid dictionary"}
_TOO_MANY_KEYS = {
    "type": "too_long",
    "loc": ("query", "metadata"),
    "msg": f"Metadata has at most {MAX_METADATA_KEYS} keys",
    "input": None,
    "ctx": {"max_length": MAX_METADATA_KEYS},
}


def metadata_of(query: QueryParams) -> dict[str, tuple[str, ...]]:
    """What `metadata[key]=value` asks for: the values of a key are alternatives.

    `metadata=value` names no key. It is refused, since a filter that is ignored answers with too much.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, value in query.multi_items():
        if name == "metadata":
            raise RequestValidationError([{**_NO_KEY, "input": value}])
        if name.startswith("metadata[") and name.endswith("]"):
            key = name[len("metadata[") : -1]
            found[key] = (*found.get(key, ()), value)
    if len(found) > MAX_METADATA_KEYS:
        raise RequestValidationError([_TOO_MANY_KEYS])
    return found


METADATA_PARAMETER: dict[str, Any] = {
    "name": "metadata",
    "in": "query",
    "required": False,
    "style": "deepObject",
    "description": "Filter by metadata: `metadata[key]=value`; repeat a key for OR.",
    "schema": {
        "anyOf": [
            {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [
                        {"type": "string"},
                        {"type": "integer"},
                        {"type": "boolean"},
                        {"type": "array", "items": {"type": "string"}},
                        {"type": "array", "items": {"type": "integer"}},
                        {"type": "array", "items": {"type": "boolean"}},
                    ]
                },
            },
            {"type": "null"},
        ],
    },
}
"""How a list with metadata documents the parameter that FastAPI cannot describe."""
