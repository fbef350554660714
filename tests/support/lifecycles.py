"""Draws docs/lifecycles.md from the code: the transition maps, the `facts` functions and the rooms' manifests.

Nothing is written down twice. Which facts a change means is found out by asking the noun's `facts` function about
example records, one change at a time, so the page cannot say anything that the code does not do.

    python -m tests.support.lifecycles      (bin/docs) writes the page
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from boreal.kit.tx import Noun
from boreal.main import ROOMS

PAGE = Path(__file__).parents[2] / "docs" / "lifecycles.md"

HEAD = """# Lifecycles and facts

This page is generated: `bin/docs` draws it from the code, and a test fails when it is out of date.

Every noun that `tx.save` writes has a pure function `facts(before, after)` in `core`, which says what a change means.
A noun with a lifecycle also has a map of which status may follow which; `tx.save` refuses everything else. The tables
below were made by asking these functions about one change at a time. A real command may change several things at once:
then its facts are those of all of them, in the order that the function gives.

[architecture.md](architecture.md#facts) says what becomes of a fact. Deliveries of webhooks have a lifecycle of their
own without facts; it is in `core/webhooks.py`.
"""

FIXED = frozenset({"id", "created_at", "organization_id", "status"})
"""What a record keeps for life, and the status, which has a table of its own."""

_MOMENT = datetime(2026, 1, 15, tzinfo=UTC)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for room in ROOMS:
        for noun in room.nouns:
            parts += [f"## {noun.name.replace('_', ' ').capitalize()}\n", *_noun(noun, room.name)]
    parts += ["## What follows a fact\n", *_followers(), "## Kinds of work\n", *_kinds()]
    return "\n".join(parts)


def _noun(noun: Noun, room: str) -> Iterator[str]:
    yield f"A noun of the {room} room; `{noun.record.__module__.removeprefix('boreal.')}` has the rules.\n"
    if noun.transitions is not None:
        yield _diagram(noun)
        yield _statuses(noun)
        reached = {status for after in noun.transitions.values() for status in after}
        never = [f"`{status}`" for status in noun.transitions if status is not None and status not in reached]
        if never:
            yield f"Known, and never reached: {', '.join(never)}.\n"
    yield _changes(noun)


def _diagram(noun: Noun) -> str:
    assert noun.transitions is not None
    lines = ["```mermaid", "stateDiagram-v2"]
    for before, afters in noun.transitions.items():
        lines += [f"    {before or '[*]'} --> {after}" for after in sorted(afters)]
    return "\n".join([*lines, "```\n"])


def _statuses(noun: Noun) -> str:
    assert noun.transitions is not None
    lines = ["| from | to | facts |", "|---|---|---|"]
    record = example(noun.record)
    for before, afters in noun.transitions.items():
        for after in sorted(afters):
            was = replace(record, status=type(record.status)(before)) if before is not None else None
            told = noun.facts(was, replace(record, status=type(record.status)(after)))
            lines.append(f"| {before or '(new)'} | {after} | {_listed(told)} |")
    return "\n".join([*lines, ""])


def _changes(noun: Noun) -> str:
    """What changes of single fields mean, the commonest answer last; a noun without a map is asked for its birth."""
    record = example(noun.record)
    told = dict(_answers(noun, record))
    usual = Counter(told.values()).most_common(1)[0][0]
    lines = ["| change | facts |", "|---|---|"]
    if noun.transitions is None:
        lines.append(f"| made | {_listed(noun.facts(None, record))} |")
    apart: dict[tuple[str, ...], list[str]] = {}
    for change, names in told.items():
        if names != usual:
            apart.setdefault(names, []).append(change)
    lines += [f"| {', '.join(changes)} | {_listed(names)} |" for names, changes in apart.items()]
    lines.append(f"| any {'other ' if apart else ''}field | {_listed(usual)} |")
    lines.append(f"| saved as it was | {_listed(noun.facts(record, record))} |")
    return "\n".join([*lines, ""])


def _answers(noun: Noun, record: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    hints = get_type_hints(noun.record)
    for field in fields(noun.record):
        if field.name in FIXED:
            continue
        empty, full = value(hints[field.name], 0), value(hints[field.name], 1)
        forth = noun.facts(replace(record, **{field.name: empty}), replace(record, **{field.name: full}))
        back = noun.facts(replace(record, **{field.name: full}), replace(record, **{field.name: empty}))
        if forth == back:
            yield f"`{field.name}`", forth
        else:
            yield f"`{field.name}` is set", forth
            yield f"`{field.name}` is cleared", back


def example(record: type[Any]) -> Any:
    """A record of a type, with as little in it as its fields allow."""
    hints = get_type_hints(record)
    return record(**{field.name: value(hints[field.name], 0) for field in fields(record)})


def value(hint: Any, variant: int) -> Any:
    """One of two different values of a type; the first is None where that is allowed."""
    if get_origin(hint) in (Union, UnionType):
        options = [option for option in get_args(hint) if option is not type(None)]
        return None if variant == 0 and len(options) < len(get_args(hint)) else value(options[0], variant)
    kind = get_origin(hint) or hint
    if issubclass(kind, StrEnum):
        return list(kind)[variant]
    values: dict[type[Any], tuple[Any, Any]] = {
        UUID: (UUID(int=1), UUID(int=2)),
        datetime: (_MOMENT, _MOMENT + timedelta(days=1)),
        str: ("", "text"),
        int: (0, 1),
        bool: (False, True),
        dict: ({}, {"key": "value"}),
        list: ([], ["item"]),
    }
    return values[kind][variant]


def _followers() -> Iterator[str]:
    shapes = {fact: shape.__name__ for room in ROOMS for fact, shape in room.payload_schemas.items()}
    work: dict[str, list[str]] = {}
    for room in ROOMS:
        for fact, kinds in room.reactions.items():
            work.setdefault(fact, []).extend(kinds)
    yield (
        "The facts that webhook endpoints may subscribe to and that can be rendered, with the shape of their `data`,\n"
        "and the work that manifests ask for after the commit. A fact may stand here before anything makes it.\n"
    )
    yield "| fact | `data` | work |\n|---|---|---|"
    for fact in sorted(shapes.keys() | work.keys()):
        shape = f"`{shapes[fact]}`" if fact in shapes else "not told"
        yield f"| `{fact}` | {shape} | {_listed(work.get(fact, ()))} |"
    yield ""


def _kinds() -> Iterator[str]:
    yield (
        "A lease is how long a worker may take before the row is given to another one. Kinds that recur wait once for\n"
        "the whole installation and come back by themselves.\n"
    )
    yield "| kind | room | queue | lease | attempts | recurs |\n|---|---|---|---|---|---|"
    for room in ROOMS:
        for name, kind in sorted(room.kinds.items()):
            recurs = "yes" if name in room.recurring else ""
            yield f"| `{name}` | {room.name} | {kind.queue} | {kind.lease_s:g} s | {kind.max_attempts} | {recurs} |"
    yield ""


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


if __name__ == "__main__":
    PAGE.write_text(page())
