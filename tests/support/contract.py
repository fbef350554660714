"""Holds every reply of a test against the OpenAPI document that Boreal serves."""

import json
from functools import cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from boreal.main import openapi


@cache
def _document() -> tuple[dict[str, Any], Registry]:
    document = json.loads(json.dumps(openapi()))
    resource = Resource(contents=document, specification=DRAFT202012)
    return document, Registry().with_resource("urn:boreal", resource)


@cache
def _paths() -> list[tuple[list[str], dict[str, Any], str]]:
    document, _ = _document()
    return [(path.split("/"), operations, path) for path, operations in document["paths"].items()]


@cache
def _validator(path: str, method: str, status: str, media_type: str) -> Draft202012Validator | None:
    document, registry = _document()
    response = document["paths"][path][method]["responses"].get(status)
    assert response is not None, f"{method.upper()} {path} answers {status}, which its document does not name"
    contents = response.get("content", {})
    if media_type in contents and media_type != "application/json":
        return None
    content = contents.get("application/json")
    if not content or not content.get("schema"):
        return None
    pointer = "/".join(("paths", path.replace("~", "~0").replace("/", "~1"), method, "responses", status))
    return Draft202012Validator({"$ref": f"urn:boreal#/{pointer}/content/application~1json/schema"}, registry=registry)


def _find(path: str) -> tuple[str, dict[str, Any]] | None:
    segments = path.split("/")
    best: tuple[int, str, dict[str, Any]] | None = None
    for pattern, operations, name in _paths():
        if len(pattern) == len(segments) and all(
            p.startswith("{") or p == s for p, s in zip(pattern, segments, strict=True)
        ):
            exact = sum(not p.startswith("{") for p in pattern)
            if best is None or exact > best[0]:
                best = (exact, name, operations)
    return (best[1], best[2]) if best else None


async def validate_response(response: httpx2.Response) -> None:
    """Fails the test when a reply does not have the shape that the document promises. Never accepts a 500."""
    await response.aread()
    assert response.status_code < 500, response.text
    raw_path = response.request.url.raw_path.decode().partition("?")[0]
    found = _find(raw_path)
    method = response.request.method.lower()
    if found is None or method not in found[1] or response.status_code == 307:
        return
    media_type = response.headers.get("content-type", "").partition(";")[0]
    validator = _validator(found[0], method, str(response.status_code), media_type)
    if validator is not None:
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(response.json())]
        assert not errors, f"{method.upper()} {raw_path} {response.status_code}: {errors[:5]}"
