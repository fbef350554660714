"""Routes: declared beside their handler with who may call and with which scope, found by walking a dictionary.

    products = Routes("/v1/products", tags=("products",))

    @products.get("/{id}", audience=MERCHANT, scopes=("products:read",), returns=Product, errors=(ResourceNotFound,))
    async def get(app: App, actor: Actor, id: UUID4) -> dict: ...

FastAPI reads the signature and writes the OpenAPI document; its compiled fields validate what comes in
(`kit.reading`). What goes out is serialised by orjson as it is: the declared response model documents it, and the
contract tests validate it. Forgetting the audience or the scopes is a `TypeError` when the module is imported.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, get_type_hints
from urllib.parse import unquote

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, create_model
from starlette.datastructures import QueryParams
from starlette.routing import Route

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, PUBLIC, Actor, Subject
from boreal.kit.idempotency import KEY_REFUSALS
from boreal.kit.listing import METADATA_PARAMETER, ListQuery, ListSpec
from boreal.kit.problems import BearerProblem, InsufficientScope, InvalidToken, Problem, Unauthorized
from boreal.kit.reading import Reader, Receive

JSON = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def dump(content: Any) -> bytes:
    """JSON as the API speaks it: no spaces, and times, which have to be in UTC, with `Z` (platform spec 1.2)."""
    return orjson.dumps(content, default=str, option=JSON)


class Reply(Response):
    """A JSON reply."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return dump(content)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call an operation; the HTTP surface holds it against the actor before anything is parsed."""

    audience: frozenset[Subject]
    scopes: tuple[str, ...]
    is_bulk: bool = False
    """Whether all other requests go first (`boreal.kit.courtesy`)."""


Handler = Callable[..., Any]
Run = Callable[[MutableMapping[str, Any], Receive, QueryParams | None, dict[str, Any]], Awaitable[Any]]
"""Calls a handler for a request, given what was read of it."""
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass
class Routes:
    """The routes of one resource. `tags` name it in the document; operation ids are `tag:function`.

    The document tags every operation `public` too, and those that the MCP server offers `mcp` (platform spec 1.9).
    """

    prefix: str
    tags: tuple[str, ...] = ()
    router: APIRouter = field(default_factory=lambda: APIRouter(redirect_slashes=False))

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declares a GET; see `_operation` for the options."""
        return self._operation("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declares a POST."""
        return self._operation("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declares a PATCH."""
        return self._operation("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declares a DELETE."""
        return self._operation("DELETE", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declares a PUT."""
        return self._operation("PUT", path, **options)

    def at(self, prefix: str) -> "Routes":
        """The same operations at another address, which the document does not show."""
        other = Routes(prefix, self.tags)
        for route in self.router.routes:
            assert isinstance(route, APIRoute)
            other.router.add_api_route(
                route.path.replace(self.prefix, prefix, 1),
                route.endpoint,
                methods=list(route.methods or ()),
                status_code=route.status_code,
                include_in_schema=False,
            )
            other.router.routes[-1].app = route.app  # type: ignore[attr-defined]
        return other

    def _operation(
        self,
        method: str,
        path: str,
        *,
        audience: frozenset[Subject],
        scopes: Sequence[str],
        returns: Any = None,
        status: int = 200,
        errors: Iterable[type[Problem] | tuple[int, Any]] = (),
        listing: ListSpec | None = None,
        name: str | None = None,
        public: bool = True,
        mcp: bool = False,
        reads: Any = None,
        metadata: bool = False,
        bulk: bool = False,
    ) -> Callable[[Handler], Handler]:
        """`reads` is the documented shape of a body that the handler gets as bytes, in `body`, and reads itself.

        `metadata` documents the parameter of an operation that is no list and reads it by `kit.listing.metadata_of`.
        An operation in `bulk` gives way to others by itself, and nothing gives way to it.
        """

        def declare(handler: Handler) -> Handler:
            operation = name or handler.__name__
            extra: dict[str, Any] = {
                "x-scopes": list(scopes),
                "x-polar-allowed-subjects": sorted(subject.value for subject in audience),
                "x-speakeasy-group": ".".join(self.tags),
                "x-speakeasy-name-override": operation,
                "x-speakeasy-mcp": _tool(method, self.tags) if mcp else {"disabled": True},
                **_security(audience),
            }
            if listing is not None:
                extra["x-speakeasy-pagination"] = _PAGINATION
            if metadata or (listing is not None and listing.has_metadata):
                extra["parameters"] = [METADATA_PARAMETER]
            endpoint, run = _endpoint(handler, Access(audience, tuple(scopes), bulk), listing, reads)
            self.router.add_api_route(
                self.prefix + path,
                endpoint,
                methods=[method],
                status_code=status,
                response_model=returns,
                responses=_documented([*_refusals(method, audience, scopes), *errors]),
                tags=[*self.tags, "public", *(("mcp",) if mcp else ())],
                operation_id=":".join((*self.tags, operation)),
                name=operation,
                openapi_extra=extra,
                include_in_schema=public,
            )
            route = self.router.routes[-1]
            assert isinstance(route, APIRoute)
            route.app = _Operation(route, run, status, raw=reads is not None)
            return handler

        return declare


def _tool(method: str, tags: Sequence[str]) -> dict[str, Any]:
    """What an MCP server is told of an operation that it offers (platform spec 15.1)."""
    return {"disabled": False, "scopes": ["read" if method == "GET" else "write", ".".join(tags)]}


def _security(audience: frozenset[Subject]) -> dict[str, Any]:
    """The credentials that the document names; merchants use the one that it names for all operations."""
    if Subject.anonymous in audience:
        return {"security": []}
    if audience <= PORTAL:
        return {"security": [{f"{subject.value.lower()}_session": []} for subject in sorted(audience)]}
    return {}


_PAGINATION = {
    "type": "offsetLimit",
    "inputs": [
        {"name": "page", "in": "parameters", "type": "page"},
        {"name": "limit", "in": "parameters", "type": "limit"},
    ],
    "outputs": {"results": "$.items", "numPages": "$.pagination.max_page"},
}


_problem_models: dict[str, type[BaseModel]] = {}


def problem_model(problem: type[Problem]) -> type[BaseModel]:
    """The documented body of a problem: its name and words, one model per name."""
    name = problem.error or problem.__name__
    if name not in _problem_models:
        error: Any = Literal[name]
        words = "error_description" if issubclass(problem, BearerProblem) else "detail"
        members: Any = {"error": (error, ...), words: (str, ...)}
        _problem_models[name] = create_model(problem.__name__, **members)
    return _problem_models[name]


def _refusals(method: str, audience: frozenset[Subject], scopes: Sequence[str]) -> Iterator[type[Problem]]:
    """What every operation of this kind may answer, before it has even begun (platform spec 1.7, 2.2, 2.3)."""
    if Subject.anonymous not in audience:
        yield Unauthorized
    yield InvalidToken
    if scopes:
        yield InsufficientScope
    if method != "GET":
        yield from KEY_REFUSALS


_TOO_MANY = {"description": "Too many requests: an empty body, and in `retry-after` how many seconds to wait."}


def _documented(errors: Iterable[type[Problem] | tuple[int, Any]]) -> dict[int | str, dict[str, Any]]:
    by_status: dict[int, list[Any]] = {}
    for error in errors:
        status, model = error if isinstance(error, tuple) else (error.status, problem_model(error))
        by_status.setdefault(status, []).append(model)
    documented: dict[int | str, dict[str, Any]] = {}
    for status, models in sorted(by_status.items()):
        union = models[0]
        for model in models[1:]:
            union = union | model
        documented[status] = {"model": union}
    return {**documented, 429: _TOO_MANY}


def _endpoint(handler: Handler, access: Access, listing: ListSpec | None, reads: Any = None) -> tuple[Handler, Run]:
    """What FastAPI documents of a handler, and what really runs it.

    `app`, `actor` and the list query come from us, the declared rest from the request.
    """
    hints = get_type_hints(handler, include_extras=True)
    if reads is not None:
        hints["body"] = reads
    parameters = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(handler).parameters.values()
    ]
    ours = {parameter.name for parameter in parameters if parameter.annotation in (App, Actor, ListQuery, Request)}
    declared = [parameter for parameter in parameters if parameter.name not in ours]
    list_names = frozenset(parameter.name for parameter in listing.parameters) if listing else frozenset()
    by_type = {hint: name for name, hint in hints.items() if name in ours}
    app_name, actor_name = by_type.get(App), by_type.get(Actor)
    query_name, request_name = by_type.get(ListQuery), by_type.get(Request)

    async def run(
        scope: MutableMapping[str, Any], receive: Receive, query: QueryParams | None, given: dict[str, Any]
    ) -> Any:
        arguments = given
        if listing is not None and query_name is not None:
            arguments = {name: value for name, value in given.items() if name not in list_names}
            arguments[query_name] = listing.parse(query, given)
        if app_name is not None:
            arguments[app_name] = scope["boreal"]
        if actor_name is not None:
            arguments[actor_name] = scope["actor"]
        if request_name is not None:
            arguments[request_name] = Request(scope, receive)
        return await handler(**arguments)

    @wraps(handler)
    async def endpoint(**given: Any) -> None:
        raise NotImplementedError("a route runs through its `app`")

    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*declared, *(listing.parameters if listing else ())]
    )
    endpoint.__annotations__ = {}
    endpoint.access = access  # type: ignore[attr-defined]
    return endpoint, run


class _Operation:
    """The ASGI application of one operation: reads the request, runs the handler, sends the reply."""

    def __init__(self, route: APIRoute, run: Run, status: int, *, raw: bool) -> None:
        self._reader = Reader(route, raw=raw)
        self._run = run
        self._status = status

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        query_string = scope["query_string"]
        query = QueryParams(query_string) if query_string else None
        given = await self._reader.read(scope["path_params"], query, scope["headers"], receive)
        result = await self._run(scope, receive, query, given)
        if isinstance(result, Response):
            await result(scope, receive, send)
            return
        headers = []
        body = b""
        if self._status != 204:
            body = dump(result)
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, slots=True)
class Found:
    """A declared route, the names of its parameters in the order of the path, and who may call it."""

    route: Route
    names: tuple[str, ...]
    access: Access


class PiecewiseRoute(Route):
    """A page that takes a body of any size by PUT, and reads it in pieces; GET is for fetching."""

    def __init__(self, path: str, endpoint: Callable[..., Any]) -> None:
        super().__init__(path, endpoint, methods=["GET", "PUT"])


ANYBODY = Access(PUBLIC, ())
"""Who may call a page: what it shows or does asks for a secret of its own."""


class _Node:
    __slots__ = ("children", "routes", "wildcard")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.wildcard: _Node | None = None
        self.routes: dict[str, Found] = {}


@dataclass(frozen=True, slots=True)
class Match:
    """A found path: its routes by method, with the names and the values of its parameters."""

    routes: Mapping[str, Found]
    values: tuple[str, ...]


class RouteTable:
    """All routes in a dictionary of path segments: finding one costs its segments, not the number of routes."""

    def __init__(self, routers: Iterable[APIRouter], pages: Iterable[Route] = ()) -> None:
        self._root = _Node()
        for router in routers:
            for route in router.routes:
                assert isinstance(route, APIRoute)
                self._add(route, route.endpoint.access)  # type: ignore[attr-defined]  # set by `_endpoint`
        for page in pages:
            self._add(page, ANYBODY)

    def _add(self, route: Route, access: Access) -> None:
        node, names = self._root, []
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.wildcard = node.wildcard or _Node()
                node = node.wildcard
            else:
                node = node.children.setdefault(segment, _Node())
        for method in route.methods or ():
            if method in node.routes:
                raise ValueError(f"{method} {route.path} is declared twice")
            node.routes[method] = Found(route, tuple(names), access)

    def find(self, raw_path: str) -> Match | None:
        """The routes of a path (still percent-encoded), or None."""
        segments = raw_path.split("/")[1:]
        found = self._walk(self._root, segments, 0)
        if found is None:
            return None
        node, values = found
        return Match(node.routes, tuple(unquote(value) for value in values))

    def _walk(self, node: _Node, segments: Sequence[str], index: int) -> tuple[_Node, tuple[str, ...]] | None:
        if index == len(segments):
            return (node, ()) if node.routes else None
        segment = segments[index]
        exact = node.children.get(segment)
        if exact is not None:
            found = self._walk(exact, segments, index + 1)
            if found is not None:
                return found
        if node.wildcard is not None and segment:
            found = self._walk(node.wildcard, segments, index + 1)
            if found is not None:
                return found[0], (segment, *found[1])
        return None
