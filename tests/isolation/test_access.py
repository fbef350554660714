"""Who may call an operation at all: every operation by every kind of credential (platform spec 1.7, 2.2, 2.3)."""

from typing import Any

import httpx2
import pytest

from boreal.kit.auth import Subject
from boreal.rooms.customers.sessions.queries import SCOPES as SESSION_SCOPES
from tests.isolation.operations import OPERATIONS, Operation
from tests.isolation.scene import BODIES, Scene, nowhere, path_of
from tests.support.tokens import EVERYTHING, NO_BEARER, UNKNOWN, bearer, issue

ANYONE = [operation for operation in OPERATIONS if operation.is_public and operation.prefixes]
MERCHANTS = [operation for operation in OPERATIONS if operation.is_of_merchants]
CUSTOMERS = [operation for operation in OPERATIONS if operation.is_of_customers]
SOMEONE = [*MERCHANTS, *CUSTOMERS]
CLOSED = [operation for operation in SOMEONE if Subject.anonymous not in operation.access.audience]
"""What nobody may call. (A checkout's secret in the body of the others is as good as a token.)"""

UNAUTHORIZED = {"error": "Unauthorized", "detail": "Unauthorized"}


def names(operations: list[Operation]) -> dict[str, Any]:
    return {"argvalues": operations, "ids": [operation.name for operation in operations]}


def assert_unauthorized(reply: httpx2.Response, kind: str = "") -> None:
    assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED), kind
    assert reply.headers["www-authenticate"] == 'Bearer realm="polar"', kind


def assert_invalid_token(reply: httpx2.Response, kind: str) -> None:
    assert reply.status_code == 401, (kind, reply.text)
    words = reply.json()["error_description"]
    assert reply.json() == {"error": "invalid_token", "error_description": words}, kind
    challenge = f'Bearer realm="polar", error="invalid_token", error_description="{words}"'
    assert reply.headers["www-authenticate"] == challenge, kind
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache"), kind


@pytest.mark.parametrize("operation", **names(OPERATIONS))
async def test_a_bearer_that_is_nobodys_breaks_every_operation(scene: Scene, operation: Operation) -> None:
    for kind, header in {**UNKNOWN, **scene.spent}.items():
        reply = await scene.call(operation, header, path=path_of(operation, scene.owned))
        assert_invalid_token(reply, kind)
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize("operation", **names(CLOSED))
async def test_nobody_is_refused(scene: Scene, operation: Operation) -> None:
    for kind, header in NO_BEARER.items():
        reply = await scene.call(operation, header, path=path_of(operation, scene.owned))
        assert_unauthorized(reply, kind)
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize("operation", **names(ANYONE))
async def test_nobody_is_served_where_the_path_holds_the_secret(scene: Scene, operation: Operation) -> None:
    for kind, header in NO_BEARER.items():
        reply = await scene.call(operation, header, path=nowhere(operation), body=empty(operation))
        assert reply.status_code == 404, (kind, reply.text)


@pytest.mark.parametrize("operation", **names(ANYONE))
async def test_somebody_is_as_good_as_nobody_there(scene: Scene, operation: Operation) -> None:
    for token in (scene.owner.token, scene.rival.token, scene.owned["session"], scene.rivals["session"]):
        reply = await scene.call(operation, bearer(token), path=nowhere(operation), body=empty(operation))
        assert reply.status_code == 404, reply.text


@pytest.mark.parametrize("operation", **names([one for one in CLOSED if one.is_of_merchants]))
async def test_customers_are_nobody_to_operations_of_merchants(scene: Scene, operation: Operation) -> None:
    for token in (scene.owned["session"], scene.rivals["session"]):
        assert_unauthorized(await scene.call(operation, bearer(token), path=path_of(operation, scene.owned)))
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize("operation", **names(CUSTOMERS))
async def test_merchants_are_nobody_to_operations_of_customers(scene: Scene, operation: Operation) -> None:
    for token in (scene.owner.token, scene.rival.token):
        assert_unauthorized(await scene.call(operation, bearer(token), path=path_of(operation, scene.owned)))
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize("operation", **names(MERCHANTS))
async def test_every_scope_but_the_right_one_is_not_enough(scene: Scene, operation: Operation) -> None:
    token = await issue(scene.rival, EVERYTHING - set(operation.access.scopes))
    reply = await scene.call(operation, bearer(token.secret), path=path_of(operation, scene.owned))
    assert reply.status_code == 403, reply.text
    assert reply.json() == {"error": "insufficient_scope", "error_description": reply.json()["error_description"]}
    named = f'Bearer realm="polar", scope="{" ".join(operation.access.scopes)}", error="insufficient_scope", '
    assert reply.headers["www-authenticate"].startswith(f'{named}error_description="')
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize("operation", **names(SOMEONE))
async def test_each_acceptable_scope_is_enough(scene: Scene, operation: Operation) -> None:
    tokens = [scene.rivals["session"]]
    if operation.is_of_merchants:
        tokens = [(await issue(scene.rival, [scope])).secret for scope in operation.access.scopes]
    else:
        assert not SESSION_SCOPES.isdisjoint(operation.access.scopes)
    assert tokens, "an operation without scopes would serve any token"
    for token in tokens:
        reply = await scene.call(operation, bearer(token), path=nowhere(operation), body=empty(operation))
        assert reply.status_code in (200, 404, 422), reply.text


@pytest.mark.parametrize("operation", **names(SOMEONE))
def test_who_may_only_read_cannot_write(operation: Operation) -> None:
    prints = operation.path.endswith("/invoice")  # makes the document of an order, and changes nothing else
    assert operation.method == "GET" or prints or all(scope.endswith(":write") for scope in operation.access.scopes)


def empty(operation: Operation) -> dict[str, Any] | None:
    """A body that says nothing, where there has to be one."""
    return None if operation.body is None else {}


W12 = [
    ("GET /v1/products/", "a session", UNAUTHORIZED["error"], 401),
    ("GET /v1/products/", "products:write", None, 200),
    ("GET /v1/orders/", "orders:write", "insufficient_scope", 403),
    ("PATCH /v1/event-types/{id}", "events:write", None, 200),
    ("POST /v1/customer-portal/license-keys/validate", "nothing good", "invalid_token", 401),
]
W12_LATER = frozenset({"POST /v1/organizations/"})


@pytest.mark.parametrize(("name", "credential", "error", "status"), W12)
async def test_outcomes_of_the_specification(
    scene: Scene, name: str, credential: str, error: str | None, status: int
) -> None:
    (operation,) = [operation for operation in OPERATIONS if operation.name == name]
    known = {"a session": scene.owned["session"], "nothing good": "polar_oat_bogus"}
    token = known.get(credential) or (await issue(scene.rival, [credential])).secret
    path = path_of(operation, scene.rivals)
    body = BODIES[operation.name](scene.rivals) if operation.body is not None else None
    reply = await scene.client.request(operation.method, path, json=body, headers={"authorization": bearer(token)})
    assert (reply.status_code, reply.json().get("error")) == (status, error)


def test_the_rest_of_the_specifications_outcomes_waits_for_its_operations() -> None:
    """As soon as one of them exists, its line of platform W12 belongs into the table above."""
    assert not W12_LATER & {operation.name for operation in OPERATIONS}
