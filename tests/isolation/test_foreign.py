"""What is somebody else's does not exist: by its id in a path, by a filter of a list, by a secret that is nearly right.

Callers here are in good standing, with every scope, and everything that they name is real: `test_reach.py` shows that
the owner gets it.
"""

from typing import Any

import pytest

from tests.isolation.operations import OPERATIONS, Operation, takes_id, takes_text
from tests.isolation.scene import (
    BESIDE,
    BODIES,
    NAMED_BY_FILTER,
    NAMED_BY_ID,
    NAMED_BY_TEXT,
    NOT_BUILT,
    PATHS,
    PLAIN_TEXT,
    REFUSED,
    WORD,
    Scene,
    nowhere,
    path_of,
)
from tests.support.tokens import bearer

OWNED = [operation for operation in OPERATIONS if operation.prefixes and not operation.is_public]
SHARED = [operation for operation in OPERATIONS if operation.prefixes and operation.is_public]
LISTS = [operation for operation in OPERATIONS if operation.is_list]
FILTERS = [
    (operation, name)
    for operation in LISTS
    for name, kind in operation.filters.items()
    if (takes_id(kind) or takes_text(kind))
    and (name not in PLAIN_TEXT or f"{operation.name} {name}" in NAMED_BY_FILTER)
]


def strangers(operation: Operation, scene: Scene) -> dict[str, str]:
    """The tokens of those to whom the owner's rows are somebody else's."""
    if operation.is_of_customers:
        return {"another customer": scene.owned["other_session"], "a customer of another": scene.rivals["session"]}
    return {"another organization": scene.rival.token}


def body_of(operation: Operation, scene: Scene) -> dict[str, Any] | None:
    return BODIES[operation.name](scene.owned) if operation.body is not None else None


@pytest.mark.parametrize("operation", OWNED, ids=lambda one: one.name)
async def test_a_path_to_what_is_somebody_elses_leads_nowhere(scene: Scene, operation: Operation) -> None:
    for token in strangers(operation, scene).values():
        body = body_of(operation, scene)
        reply = await scene.call(operation, bearer(token), path=path_of(operation, scene.owned), body=body)
        missed = await scene.call(operation, bearer(token), path=nowhere(operation), body=body)
        assert (reply.status_code, reply.json()["error"]) == (404, "ResourceNotFound")
        assert (reply.status_code, reply.content) == (missed.status_code, missed.content)
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize("operation", SHARED, ids=lambda one: one.name)
async def test_a_secret_that_is_nearly_right_leads_nowhere(scene: Scene, operation: Operation) -> None:
    (prefix,) = operation.prefixes
    secret = scene.owned[PATHS[prefix]]
    near = [secret[:-1], secret[:-1] + ("b" if secret[-1] == "a" else "a"), secret.swapcase(), f"{secret}%20", "%25"]
    near += [scene.owned["checkout_id"], scene.owned["token_id"], scene.owner.token, scene.owned["session"]]
    missed = await scene.call(operation, None, path=nowhere(operation), body=body_of(operation, scene))
    for wrong in near:
        path = operation.path.replace(prefix[prefix.index("{") :], wrong)
        reply = await scene.call(operation, None, path=path, body=body_of(operation, scene))
        assert (reply.status_code, reply.json()["error"]) == (404, "ResourceNotFound")
        assert (reply.status_code, reply.content) == (missed.status_code, missed.content)
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize("operation", LISTS, ids=lambda one: one.name)
async def test_a_list_shows_what_is_the_callers(scene: Scene, operation: Operation) -> None:
    queries: list[dict[str, Any]] = [{}, {"limit": 100}, {"page": 2}, {f"metadata[{'word'}]": WORD}]
    for token in strangers(operation, scene).values():
        for query in queries:
            reply = await scene.call(operation, bearer(token), path=path_of(operation, scene.rivals), query=query)
            assert reply.status_code == 200, reply.text
            assert len(reply.json()["items"]) <= reply.json()["pagination"]["total_count"]


@pytest.mark.parametrize(("operation", "name"), FILTERS, ids=lambda one: one if isinstance(one, str) else one.name)
async def test_a_filter_finds_nothing_of_somebody_elses(scene: Scene, operation: Operation, name: str) -> None:
    known = f"{operation.name} {name}"
    if name in NOT_BUILT:
        wanted = [scene.owned["product_id"]]
    elif takes_id(operation.filters[name]):
        wanted = [scene.owned[NAMED_BY_ID[name]]]
    else:
        text = scene.owned[NAMED_BY_FILTER.get(known) or NAMED_BY_TEXT[name]]
        wanted = [text, text.upper()]
    for token in strangers(operation, scene).values():
        for value in wanted:
            beside = BESIDE[known](scene.rivals) if known in BESIDE else {}
            path, query = path_of(operation, scene.rivals), {**beside, name: value}
            reply = await scene.call(operation, bearer(token), path=path, query=query)
            if name.startswith("exclude_"):  # which takes away, and so takes nothing of the caller's
                whole = await scene.call(operation, bearer(token), path=path, query=beside)
                assert (reply.status_code, reply.content) == (200, whole.content)
                continue
            if known in REFUSED:
                assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["query", name])
                continue
            assert reply.status_code == 200, reply.text
            assert reply.json() == {"items": [], "pagination": {"total_count": 0, "max_page": 0}}
