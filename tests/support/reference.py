"""The reference contract, where it stands beside the repository: read in place, never copied.

Without it the tests that need it are skipped, and say so.
"""

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "shared" / "contract"
IS_HERE = (FOLDER / "openapi.json").exists() and (FOLDER / "check_contract.py").exists()
MISSING = f"THE CONTRACT IS NOT CHECKED: there is no reference at {FOLDER}"

METHODS = ("get", "post", "put", "patch", "delete")


@cache
def reference() -> dict[str, Any]:
    """The reference document."""
    document: dict[str, Any] = json.loads((FOLDER / "openapi.json").read_text())
    return document


def faults(expected: dict[str, Any], actual: dict[str, Any], *, only: str | None = None) -> list[tuple[str, str, str]]:
    """Where `actual` falls short of `expected`: what is counted, the place, what is wrong. `only` names one place."""
    tally = _checker().check(expected, actual, None if only is None else f"^{re.escape(only)}$")
    assert tally.points, f"nothing is called {only}"
    found: list[tuple[str, str, str]] = tally.faults
    return found


@cache
def _checker() -> Any:
    spec = importlib.util.spec_from_file_location("boreal_check_contract", FOLDER / "check_contract.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation under the paths of a document: method in capitals, path, description."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def places(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All operations and webhooks: `GET /v1/orders/{}` and `webhook order.paid`, whatever parameters are called."""
    found = {place(method, path): operation for method, path, operation in operations(document)}
    found.update({f"webhook {event}": item["post"] for event, item in document.get("webhooks", {}).items()})
    return found


def place(method: str, path: str) -> str:
    """The name of an operation, without the names of its parameters."""
    return f"{method} {re.sub(r'{[^}]+}', '{}', path)}"


def names(node: Any) -> set[str]:
    """The schemas that a part of a document names directly."""
    if isinstance(node, dict):
        here = {node["$ref"].rpartition("/")[2]} if "$ref" in node else set()
        return here.union(*map(names, node.values()))
    return set().union(*map(names, node)) if isinstance(node, list) else set()
