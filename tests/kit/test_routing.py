"""Routes: what a declaration must say, what it documents, and how a path finds it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, PORTAL, PUBLIC, Actor
from boreal.kit.problems import NotPermitted, Problem, ResourceNotFound
from boreal.kit.routing import Routes, RouteTable, dump
from boreal.kit.schemas import UUID4, Schema


class Lamp(Schema):
    """A lamp."""

    name: str


class Burnt(Problem):
    """A lamp that cannot be lit."""

    status = 403
    error = "BurntLamp"


def table(*paths: str) -> RouteTable:
    """A table of GETs with these paths."""
    return RouteTable([routes_of(*paths)])


def routes_of(*paths: str) -> APIRouter:
    routes = Routes("")
    for path in paths:
        names = [segment[1:-1] for segment in path.split("/") if segment.startswith("{")]
        handler = _taking(names)
        routes.get(path, audience=PUBLIC, scopes=(), name=path)(handler)
    return routes.router


def _taking(names: Sequence[str]) -> Any:
    namespace: dict[str, Any] = {}
    exec(f"async def handler({', '.join(f'{name}: str' for name in names)}) -> None: ...", namespace)
    return namespace["handler"]


def found(table: RouteTable, path: str) -> tuple[str, tuple[str, ...]] | None:
    match = table.find(path)
    return None if match is None else (match.routes["GET"].route.path, match.values)


@pytest.mark.parametrize("missing", ["audience", "scopes"])
@pytest.mark.parametrize("method", ["get", "post", "patch", "put", "delete"])
def test_a_route_without_audience_or_scopes_cannot_be_declared(method: str, missing: str) -> None:
    said = {"audience": MERCHANT, "scopes": ("lamps:read",)}
    del said[missing]  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=missing):
        getattr(Routes("/v1/lamps"), method)("/", **said)


def test_what_is_spelled_out_comes_before_what_may_be_anything() -> None:
    lamps = table("/v1/lamps/{id}", "/v1/lamps/lit", "/v1/lamps/external/{external_id}", "/v1/lamps/{id}/shades")
    assert found(lamps, "/v1/lamps/lit") == ("/v1/lamps/lit", ())
    assert found(lamps, "/v1/lamps/lit2") == ("/v1/lamps/{id}", ("lit2",))
    assert found(lamps, "/v1/lamps/external/7") == ("/v1/lamps/external/{external_id}", ("7",))
    assert found(lamps, "/v1/lamps/external") == ("/v1/lamps/{id}", ("external",))


def test_a_way_that_leads_nowhere_is_left_again() -> None:
    ways = table("/a/b/c/d", "/a/{x}/c/e", "/{y}/b/c/f", "/a/{x}/{z}/g")
    assert found(ways, "/a/b/c/d") == ("/a/b/c/d", ())
    assert found(ways, "/a/b/c/e") == ("/a/{x}/c/e", ("b",))
    assert found(ways, "/a/b/c/f") == ("/{y}/b/c/f", ("a",))
    assert found(ways, "/a/b/c/g") == ("/a/{x}/{z}/g", ("b", "c"))
    assert found(ways, "/a/b/c/h") is None


def test_a_segment_is_decoded_after_it_was_found() -> None:
    lamps = table("/v1/lamps/external/{external_id}", "/v1/lamps/external/{external_id}/state")
    assert found(lamps, "/v1/lamps/external/a%2Fb") == ("/v1/lamps/external/{external_id}", ("a/b",))
    assert found(lamps, "/v1/lamps/external/%2F/state") == ("/v1/lamps/external/{external_id}/state", ("/",))
    assert found(lamps, "/v1/lamps/external/%C3%A5%20%25") == ("/v1/lamps/external/{external_id}", ("å %",))
    assert found(lamps, "/v1/lamps/external/a+b") == ("/v1/lamps/external/{external_id}", ("a+b",))
    assert found(lamps, "/v1/lamps/external/..") == ("/v1/lamps/external/{external_id}", ("..",))


@pytest.mark.parametrize(
    "path", ["", "/", "/v1", "/v1/lamps", "/v1/lamps//", "/v1/lamps/a/", "//v1/lamps/", "/v1/lamps/a/b"]
)
def test_what_is_not_declared_is_not_found(path: str) -> None:
    assert found(table("/v1/lamps/", "/v1/lamps/{id}"), path) is None


def test_nothing_is_no_value() -> None:
    lamps = table("/v1/lamps/{id}", "/v1/lamps/{id}/shades")
    assert found(lamps, "/v1/lamps/") is None
    assert found(lamps, "/v1/lamps//shades") is None


def test_the_last_slash_is_part_of_a_path() -> None:
    both = table("/v1/lamps/", "/v1/shades")
    assert found(both, "/v1/lamps/") is not None
    assert found(both, "/v1/lamps") is None
    assert found(both, "/v1/shades") is not None
    assert found(both, "/v1/shades/") is None


def test_one_path_is_declared_once_per_method() -> None:
    with pytest.raises(ValueError, match=r"GET /v1/lamps/\{name\} is declared twice"):
        RouteTable([routes_of("/v1/lamps/{id}"), routes_of("/v1/lamps/{name}")])


def test_the_methods_of_a_path_are_found_together() -> None:
    routes = Routes("/v1/lamps")
    routes.get("/{id}", audience=PUBLIC, scopes=())(nothing_with_id)
    routes.patch("/{name}", audience=PUBLIC, scopes=())(nothing_with_name)
    match = RouteTable([routes.router]).find("/v1/lamps/7")
    assert match is not None
    assert {method: route.names for method, route in match.routes.items()} == {"GET": ("id",), "PATCH": ("name",)}


async def nothing_with_id(id: str) -> None:
    """A handler."""


async def nothing_with_name(name: str) -> None:
    """A handler."""


def test_a_declaration_documents_itself() -> None:
    routes = Routes("/v1/lamps", tags=("lamps",))

    @routes.post(
        "/{id}/light",
        audience=MERCHANT,
        scopes=("lamps:write", "lamps:light"),
        returns=Lamp,
        status=201,
        errors=(ResourceNotFound, NotPermitted, Burnt),
        mcp=True,
    )
    async def light(app: App, actor: Actor, id: UUID4, body: Lamp) -> dict[str, Any]:
        """Lights a lamp."""
        return {}

    document = get_openapi(title="t", version="1", routes=routes.router.routes)
    operation = document["paths"]["/v1/lamps/{id}/light"]["post"]
    assert operation["operationId"] == "lamps:light"
    assert operation["summary"] == "Light"
    assert operation["x-scopes"] == ["lamps:write", "lamps:light"]
    assert operation["x-polar-allowed-subjects"] == ["Organization", "User"]
    assert operation["x-speakeasy-name-override"] == "light"
    assert [parameter["name"] for parameter in operation["parameters"]] == ["id"], "app and actor come from us"
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Lamp"}
    shown = {
        status: _names(reply["content"]["application/json"]["schema"])
        for status, reply in operation["responses"].items()
        if status in ("201", "404")
    }
    assert shown == {"201": {"Lamp"}, "404": {"ResourceNotFound"}}
    refusals = _names(operation["responses"]["403"]["content"]["application/json"]["schema"])
    assert refusals == {"NotPermitted", "Burnt", "InsufficientScope"}
    assert document["components"]["schemas"]["Burnt"]["properties"]["error"]["const"] == "BurntLamp"


def _names(schema: dict[str, Any]) -> set[str]:
    return {member["$ref"].rpartition("/")[2] for member in schema.get("anyOf", [schema])}


def test_other_addresses_of_the_same_operations_are_found_and_not_shown() -> None:
    routes = Routes("/v1/lamps", tags=("lamps",))
    routes.get("/{id}", audience=PORTAL, scopes=("lamps:read",))(nothing_with_id)
    other = routes.at("/v1/old-lamps")
    match = RouteTable([routes.router, other.router]).find("/v1/old-lamps/7")
    assert match is not None
    assert match.routes["GET"].access.audience == PORTAL
    assert get_openapi(title="t", version="1", routes=other.router.routes)["paths"] == {}


def test_json_is_compact_and_times_in_utc_end_in_z() -> None:
    given = {"at": datetime(2026, 1, 15, 12, tzinfo=UTC), "id": UUID(int=1), "none": None, 1: "å"}
    assert dump(given) == (
        '{"at":"2026-01-15T12:00:00Z","id":"00000000-0000-0000-0000-000000000001","none":null,"1":"å"}'.encode()
    )
