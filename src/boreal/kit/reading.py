"""Reading a request: path, query and body become the arguments of a handler, or everything that is wrong with them.

FastAPI declares and documents the parameters; their compiled fields validate here, by a plan made once per route. The
places and types of errors are FastAPI's own, which clients know (platform spec 1.7).
"""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import orjson
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter, and what has to be known of it for every request."""

    field: Any
    name: str
    alias: str
    loc: tuple[str, ...]
    repeats: bool
    required: bool
    default: Any

    @classmethod
    def of(cls, field: Any, place: str) -> "Parameter":
        """The plan of a field; its default is validated once."""
        required = field.field_info.is_required()
        return cls(
            field=field,
            name=field.name,
            alias=field.alias,
            loc=(place, field.alias),
            repeats=_is_list(field.field_info.annotation),
            required=required,
            default=None if required else field.get_default(),
        )

    def read(self, sent: Any, into: dict[str, Any], errors: list[Any]) -> None:
        """Validates what was sent (None: nothing) into the arguments, or adds its errors."""
        if sent is None:
            if self.required:
                errors.append({"type": "missing", "loc": self.loc, "msg": "Field required", "input": None})
            else:
                into[self.name] = self.default
            return
        value, found = self.field.validate(sent, into, loc=self.loc)
        if found:
            errors.extend(found)
        else:
            into[self.name] = value


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(member) for member in get_args(annotation))


class Reader:
    """Reads the requests of one route; a `raw` body as the bytes that were sent."""

    def __init__(self, route: APIRoute, *, raw: bool = False) -> None:
        wanted = route.dependant
        assert not wanted.dependencies and not wanted.header_params and not wanted.cookie_params, route.path
        assert len(wanted.body_params) <= 1, route.path
        self._path = [Parameter.of(field, "path") for field in wanted.path_params]
        self._query = [Parameter.of(field, "query") for field in wanted.query_params]
        self._body = wanted.body_params[0] if wanted.body_params else None
        self._raw = raw

    async def read(
        self,
        path: Mapping[str, str],
        query: QueryParams | None,
        headers: Sequence[tuple[bytes, bytes]],
        receive: Receive,
    ) -> dict[str, Any]:
        """The arguments by name; raises `RequestValidationError` with every error of all three places."""
        given: dict[str, Any] = {}
        errors: list[Any] = []
        for parameter in self._path:
            parameter.read(path[parameter.alias], given, errors)
        for parameter in self._query:
            sent: Any = None
            if query is not None:
                sent = (query.getlist(parameter.alias) or None) if parameter.repeats else query.get(parameter.alias)
            parameter.read(sent, given, errors)
        if self._body is not None:
            await self._read_body(await body_of(receive), headers, given, errors)
        if errors:
            raise RequestValidationError(errors)
        return given

    async def _read_body(
        self, content: bytes, headers: Sequence[tuple[bytes, bytes]], given: dict[str, Any], errors: list[Any]
    ) -> None:
        assert self._body is not None
        if self._raw and content:
            given[self._body.name] = content
            return
        if not content:
            if self._body.field_info.is_required():
                errors.append({"type": "missing", "loc": ("body",), "msg": "Field required", "input": None})
            else:
                given[self._body.name] = self._body.get_default()
            return
        sent = parse_json(content) if _is_json(headers) else content.decode(errors="replace")
        value, found = self._body.validate(sent, given, loc=("body",))
        if found:
            errors.extend(found)
        else:
            given[self._body.name] = value


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request; raises `ClientDisconnect` if its sender goes before the end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_json(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the body calls itself JSON; one that does not say what it is counts as JSON."""
    for name, value in headers:
        if name == b"content-type":
            kind = value.partition(b";")[0].strip().lower()
            return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))
    return True


def parse_json(content: bytes) -> Any:
    """The value of a JSON text; raises `RequestValidationError` of type `json_invalid` where it is none."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass  # Python's own parser takes what orjson refuses (huge numbers, lone surrogates) or says where it fails
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise _malformed(error.pos, error.msg) from None
    except UnicodeDecodeError as error:
        raise _malformed(error.start, "The text is not UTF-8") from None
    except RecursionError:
        raise _malformed(0, "The text is nested too deeply") from None
    except ValueError:
        raise _malformed(0, "A number has too many digits") from None


def _malformed(position: int, reason: str) -> RequestValidationError:
    error = {"type": "json_invalid", "loc": ("body", position), "msg": "JSON decode error", "input": {}}
    return RequestValidationError([{**error, "ctx": {"error": reason}}])
