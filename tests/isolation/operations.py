"""The operations that exist, read from the rooms: who may call each, what its path, query and body name.

Nothing is listed by hand, so that a new operation is in every test of this folder from its first day.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

from fastapi.routing import APIRoute
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from boreal.kit.auth import MERCHANT, PORTAL, Subject
from boreal.kit.routing import Access, Routes
from boreal.main import ROOMS

Place = tuple[str, ...]
"""Where a value stands in a body: names of members, `{}` for what is in a mapping, `[]` for what is in a list."""


@dataclass(frozen=True)
class Operation:
    """One operation. Its name is `PATCH /v1/products/{id}`."""

    method: str
    path: str
    access: Access
    route: APIRoute

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    @property
    def is_public(self) -> bool:
        """Whether nobody in particular may call it. With scopes, what an owner needs a token for is in it too."""
        return Subject.anonymous in self.access.audience and not self.access.scopes

    @property
    def is_of_merchants(self) -> bool:
        """Whether organizations may call it, and not everybody."""
        return not self.is_public and bool(self.access.audience & MERCHANT)

    @property
    def is_of_customers(self) -> bool:
        """Whether customers may call it, and not everybody."""
        return not self.is_public and bool(self.access.audience & PORTAL)

    @property
    def is_list(self) -> bool:
        """Whether it answers with pages of rows."""
        return "page" in self.filters

    @property
    def is_for_everybody(self) -> bool:
        """Whether it needs no secret at all, since what it makes is new and what it names is public."""
        return self.is_public and not self.prefixes

    @property
    def is_stream(self) -> bool:
        """Whether its answer has no end."""
        return self.path.endswith("/stream")

    @property
    def prefixes(self) -> list[str]:
        """The path up to each of its parameters: `/v1/products/{id}` of `/v1/products/{id}/benefits`."""
        return [self.path[: found.end()] for found in re.finditer(r"{[^}]+}", self.path)]

    @property
    def filters(self) -> dict[str, Any]:
        """The query parameters and what they may be."""
        return {field.alias: field.field_info.annotation for field in self.route.dependant.query_params}

    @property
    def body(self) -> Any:
        """What the body may be, or None for no body."""
        fields = self.route.dependant.body_params
        return fields[0].field_info.annotation if fields else None

    @property
    def references(self) -> list[str]:
        """Where its body names something by id: `prices.[].meter_id`."""
        return sorted({".".join(place) for place in ids_in(self.body)})

    @property
    def words(self) -> list[str]:
        """The members at the top of its body that take any text."""
        return sorted({name for model in models_of(self.body) for name, kind in members(model) if takes_text(kind)})


def operations(*resources: Routes) -> list[Operation]:
    """The operations of some resources."""
    return [
        Operation(method, route.path, route.endpoint.access, route)  # type: ignore[attr-defined]
        for resource in resources
        for route in resource.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


OPERATIONS = operations(*(routes for room in ROOMS for routes in room.routes))
"""Every operation of every room, also those that the document does not show."""


def unfold(annotation: Any) -> Iterator[Any]:
    """The alternatives of a type, without what is annotated."""
    if isinstance(annotation, TypeAliasType):
        yield from unfold(annotation.__value__)
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from unfold(member)
    elif hasattr(annotation, "__metadata__"):
        yield from unfold(annotation.__origin__)
    else:
        yield annotation


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The shapes that a body may have."""
    return [kind for kind in unfold(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def members(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """The members of a shape as they are called on the wire, with their types."""
    for name, field in model.model_fields.items():
        yield field.alias or name, field.annotation


def ids_in(annotation: Any, within: frozenset[type] = frozenset()) -> Iterator[Place]:
    """Where a value of this type holds ids; a shape within itself is looked at once."""
    for kind in unfold(annotation):
        if get_origin(kind) is dict:
            key, value = get_args(kind)
            yield from (("{}", *place) for place in ids_in(key, within))
            yield from (("{}", *place) for place in ids_in(value, within))
        elif get_origin(kind) in (list, tuple, set, frozenset):
            for item in get_args(kind):
                yield from (("[]", *place) for place in ids_in(item, within))
        elif isinstance(kind, type) and issubclass(kind, UUID):
            yield ()
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in within:
            for name, member in members(kind):
                yield from ((name, *place) for place in ids_in(member, within | {kind}))


def takes_id(annotation: Any) -> bool:
    """Whether a parameter of this type names something by id."""
    return not {(), ("[]",)}.isdisjoint(ids_in(annotation))


def takes_text(annotation: Any) -> bool:
    """Whether a value of this type may be any text."""
    kinds = list(unfold(annotation))
    return str in kinds or any(get_origin(kind) is list and takes_text(get_args(kind)[0]) for kind in kinds)
