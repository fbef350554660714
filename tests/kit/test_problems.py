"""Problems: the name, the status, the body and the headers that each has on the wire (platform spec 1.7)."""

import pytest

from boreal.kit.problems import (
    Fault,
    InsufficientScope,
    Invalid,
    InvalidToken,
    NotPermitted,
    Problem,
    ResourceNotFound,
    Unauthorized,
)


class LampBurnt(Problem):
    """Named like its class."""

    status = 409


class Renamed(Problem):
    """Named otherwise."""

    error = "LampRenamed"


@pytest.mark.parametrize(
    ("problem", "status", "body"),
    [
        (LampBurnt("It is dark"), 409, {"error": "LampBurnt", "detail": "It is dark"}),
        (Renamed(), 400, {"error": "LampRenamed", "detail": ""}),
        (ResourceNotFound(), 404, {"error": "ResourceNotFound", "detail": "Not found"}),
        (NotPermitted(), 403, {"error": "NotPermitted", "detail": "Not permitted"}),
        (Unauthorized(), 401, {"error": "Unauthorized", "detail": "Unauthorized"}),
        (InvalidToken("Gone."), 401, {"error": "invalid_token", "error_description": "Gone."}),
    ],
)
def test_a_problem_on_the_wire(problem: Problem, status: int, body: dict[str, str]) -> None:
    assert (problem.status, problem.body()) == (status, body)
    assert str(problem) == body.get("detail", body.get("error_description"))


def test_how_a_client_is_told_to_authenticate() -> None:
    assert Unauthorized().headers == {"www-authenticate": 'Bearer realm="polar"'}
    assert InvalidToken("Gone.").headers == {
        "www-authenticate": 'Bearer realm="polar", error="invalid_token", error_description="Gone."',
        "cache-control": "no-store",
        "pragma": "no-cache",
    }
    refused = InsufficientScope(("lamps:read", "lamps:write"))
    words = refused.body()["error_description"]
    assert refused.body() == {"error": "insufficient_scope", "error_description": words}
    assert refused.headers == {
        "www-authenticate": 'Bearer realm="polar", scope="lamps:read lamps:write", error="insufficient_scope", '
        f'error_description="{words}"'
    }


def test_business_validation_tells_every_fault() -> None:
    refused = Invalid(
        Fault(("body", "prices", 1, "amount"), "Too much.", input=10**9),
        Fault(("body", "slug"), "Taken.", type="slug_taken", input="a"),
    )
    assert refused.status == 422
    assert refused.body() == {
        "error": "PolarRequestValidationError",
        "detail": [
            {"type": "value_error", "loc": ["body", "prices", 1, "amount"], "msg": "Too much.", "input": 10**9},
            {"type": "slug_taken", "loc": ["body", "slug"], "msg": "Taken.", "input": "a"},
        ],
    }
    assert str(refused) == "Too much.; Taken."
