"""The control: with what it has, an organization reaches everything. So a refusal to another is no accident."""

import httpx2
import pytest

from tests.isolation.operations import OPERATIONS, Operation
from tests.isolation.scene import BODIES, ONLY_ONE, UNDUE, Scene, path_of
from tests.support.tokens import bearer

IN_ORDER = sorted(
    OPERATIONS,
    key=lambda one: (
        ("GET", "PATCH", "PUT", "POST", "DELETE").index(one.method),
        one.is_of_merchants,
        -one.path.count("/") if one.method == "DELETE" else 0,
    ),
)
"""Nothing is deleted as long as it is needed: parts before the whole, and nobody's customer before what is theirs."""


def header_of(operation: Operation, scene: Scene) -> bytes | None:
    if operation.is_public:
        return None
    return bearer(scene.owned["session"] if operation.is_of_customers else scene.owner.token)


@pytest.mark.parametrize("operation", IN_ORDER, ids=lambda one: one.name)
async def test_the_owner_succeeds(scene: Scene, operation: Operation) -> None:
    header = header_of(operation, scene)
    body = BODIES[operation.name](scene.owned) if operation.body is not None else None
    headers = {} if header is None else {"authorization": header}
    path = path_of(operation, scene.owned)
    method = "HEAD" if operation.is_stream else operation.method
    reply: httpx2.Response = await scene.client.request(method, path, json=body, headers=headers)
    if error := {**UNDUE, **ONLY_ONE}.get(operation.name):
        assert (reply.status_code, reply.json()["error"]) == (422, error)
        return
    assert reply.is_success or reply.status_code in (302, 307), reply.text
    if operation.name.endswith("/advance"):
        await scene.owner.settle()  # a clock cannot be deleted while it moves
    if operation.is_list:
        assert reply.json()["items"], "furnish makes nothing that this list would show"
