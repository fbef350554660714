"""These tests know every operation that exists, and say what to tell them about a new one."""

from typing import Annotated
from uuid import UUID

import pytest
from fastapi import Query

from boreal.kit.auth import MERCHANT
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, Schema
from boreal.main import ROOMS
from tests.isolation.operations import OPERATIONS, Operation, operations
from tests.isolation.scene import BODIES, PATHS, unknown
from tests.support.tokens import KINDS


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_is_known(operation: Operation) -> None:
    missing = unknown(operation)
    assert not missing, "\n".join(missing)


def test_a_kind_of_token_is_known() -> None:
    resolved = {prefix for room in ROOMS for prefix in room.resolvers}
    assert resolved == KINDS, "tests/support/tokens.py has to issue and to spend tokens of every kind"


def test_nothing_is_known_that_does_not_exist() -> None:
    """A misspelt path would otherwise look like a value that is never needed."""
    assert PATHS.keys() == {prefix for operation in OPERATIONS for prefix in operation.prefixes}
    assert BODIES.keys() == {operation.name for operation in OPERATIONS if operation.body is not None}


class Part(Schema):
    """Names something further down."""

    gadget_id: UUID4


Gizmo = Annotated[UUID4 | list[UUID4] | None, Query()]


class Thing(Schema):
    """Names things by id and by text."""

    widget_id: UUID | None = None
    parts: list[Part] | dict[UUID4, Part]
    sticker: str


def test_a_new_operation_cannot_escape() -> None:
    routes = Routes("/v1/things", tags=("things",))

    @routes.patch("/{thing_id}", audience=MERCHANT, scopes=("things:write",))
    async def update(thing_id: UUID4, body: Thing, gizmo_id: Gizmo = None) -> None: ...

    (operation,) = operations(routes)
    told = "\n".join(unknown(operation))
    assert "PATHS: the name of a value for /v1/things/{thing_id}" in told
    assert "BODIES: a body" in told
    for place in ("parts.[].gadget_id", "parts.{}", "parts.{}.gadget_id"):
        assert f"SENT: a body with an id at {place}." in told
    for name in ("widget_id", "parts.[].gadget_id", "gizmo_id"):
        assert f"NAMED_BY_ID: what {name} names" in told
    assert "NAMED_BY_TEXT: what sticker may name" in told
