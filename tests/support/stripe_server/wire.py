"""How Stripe speaks HTTP: nested forms in, objects, lists and errors out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PART = re.compile(r"\[([^\]]*)\]")


class StripeProblem(Exception):
    """An error as Stripe answers it."""

    def __init__(self, status: int, type: str, message: str, *, code: str = "", param: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        told = {"type": type, "message": message, "code": code, "param": param, **more}
        self.body = {"error": {name: value for name, value in told.items() if value != ""}}


def invalid(message: str, *, code: str = "", param: str = "", status: int = 400) -> StripeProblem:
    """A request that Stripe does not accept."""
    return StripeProblem(status, "invalid_request_error", message, code=code, param=param)


def missing(what: str, id: str, *, param: str = "id") -> StripeProblem:
    """An id that nothing has."""
    status = 404 if param == "id" else 400
    return invalid(f"No such {what}: '{id}'", code="resource_missing", param=param, status=status)


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The parameters of a form: `a[b]=1&c[0]=x` becomes `{"a": {"b": "1"}, "c": ["x"]}`."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        head = name.split("[", 1)[0]
        path = [head, *_PART.findall(name)]
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part, {})
        last = path[-1] or str(len(place))
        place[last] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(item) for name, item in value.items()}
    return list(inner.values()) if inner and all(name.isdigit() for name in inner) else inner


def integer(params: Mapping[str, Any], name: str) -> int:
    """A parameter that is a whole number."""
    text = str(params.get(name, ""))
    if not re.fullmatch(r"-?[0-9]+", text):
        raise invalid(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    return int(text)


def flag(params: Mapping[str, Any], name: str) -> bool:
    """A parameter that is `true` or `false`."""
    text = params.get(name, "false")
    if text not in ("true", "false"):
        raise invalid(f"Invalid boolean: {text}", param=name)
    return bool(text == "true")


def page(items: Sequence[dict[str, Any]], params: Mapping[str, Any], *, url: str) -> dict[str, Any]:
    """A page of a list whose items come oldest first: Stripe shows the newest first."""
    limit = integer(params, "limit") if "limit" in params else 10
    if not 1 <= limit <= 100:
        raise invalid("Limit has to be between 1 and 100", param="limit")
    newest = list(reversed(items))
    ids = [item["id"] for item in newest]
    start, end = 0, len(newest)
    for name in ("starting_after", "ending_before"):
        if name in params and params[name] not in ids:
            raise missing("object", params[name], param=name)
    if "starting_after" in params:
        start = ids.index(params["starting_after"]) + 1
    if "ending_before" in params:
        end = ids.index(params["ending_before"])
        start = max(start, end - limit)
        return {"object": "list", "url": url, "data": newest[start:end], "has_more": start > 0}
    shown = newest[start : min(end, start + limit)]
    return {"object": "list", "url": url, "data": shown, "has_more": start + limit < end}


def expanded(thing: dict[str, Any], params: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The object with what the request wants expanded; `known` finds objects by id."""
    shown = dict(thing)
    for name in params.get("expand", ()):
        if name not in thing:
            raise invalid(f"This property cannot be expanded ({name}).", param="expand")
        if isinstance(thing[name], str):
            shown[name] = known[thing[name]]
    return shown
