"""What is below events: how many there are, and what a number of theirs comes to (usage spec 2.2, 2.3, 6)."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Record, Runs
from boreal.rooms.usage.public import EventRow

E = EventRow.c
_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))
_PATH = sa.bindparam("path", type_=ARRAY(sa.Text))

_BELOW_ROOTS = (
    sa.select(E.root_id.label("top"), sa.func.count().label("count"))
    .where(E.root_id == sa.func.any(_IDS))
    .group_by(E.root_id)
)


def _tree() -> sa.CTE:
    """Every event of the trees below some events, those included, and which of them is at its top."""
    top = sa.func.unnest(_IDS).table_valued("id").render_derived(name="tops")
    tree = sa.select(top.c.id.label("top"), top.c.id).cte("tree", recursive=True)
    child = EventRow.alias("child")
    return tree.union_all(sa.select(tree.c.top, child.c.id).where(child.c.parent_id == tree.c.id))


_TREE = _tree()
_BELOW = sa.select(_TREE.c.top, (sa.func.count() - 1).label("count")).group_by(_TREE.c.top)


def _number() -> sa.ColumnElement[Any]:
    """The number at a path of the metadata: a JSON number, or the text of an exact cost."""
    value = E.metadata.op("#>")(_PATH)
    text = sa.cast(E.metadata.op("#>>")(_PATH), sa.Numeric)
    is_cost = sa.cast(sa.literal(["_cost", "amount"], ARRAY(sa.Text)), ARRAY(sa.Text)) == _PATH
    kind = sa.func.jsonb_typeof(value)
    return sa.case((sa.or_(kind == "number", sa.and_(is_cost, kind == "string")), text))


_SUMS = (
    sa.select(_TREE.c.top, sa.func.sum(_number()).label("sum"))
    .join_from(_TREE, EventRow, E.id == _TREE.c.id)
    .group_by(_TREE.c.top)
)


async def count_below(runs: Runs, events: Sequence[Record]) -> dict[UUID, int]:
    """How many events are below each of some, at any depth; those without any are left out.

    What is below a root is found without climbing about, because every event knows its root.
    """
    roots = [event["id"] for event in events if event["root_id"] is None]
    others = [event["id"] for event in events if event["root_id"] is not None]
    found = await runs.fetch(_BELOW_ROOTS, ids=roots) if roots else []
    if others:
        found += await runs.fetch(_BELOW, ids=others)
    return {row["top"]: row["count"] for row in found if row["count"]}


async def sums(runs: Runs, events: Sequence[Record], path: Sequence[str]) -> dict[UUID, Decimal | None]:
    """What the numbers at a path come to for each event and everything below it; None where there is none."""
    rows = await runs.fetch(_SUMS, ids=[event["id"] for event in events], path=list(path))
    return {row["top"]: row["sum"] for row in rows}


def with_sum(metadata: Mapping[str, Any], path: Sequence[str], total: Decimal | None) -> dict[str, Any]:
    """The metadata with a sum in the place of its own number; nothing there, where there is no sum.

    A cost that came from below is in US dollars, the only currency of costs; a cost without an amount is taken away.

    >>> with_sum({"a": 1}, ("_cost", "amount"), Decimal("7.50"))
    {'a': 1, '_cost': {'amount': '7.5', 'currency': 'usd'}}
    >>> with_sum({"_cost": {"amount": "1", "currency": "usd"}}, ("_cost", "amount"), None)
    {}
    """
    changed = dict(metadata)
    *parents, last = path
    inner: dict[str, Any] | None = changed
    for name in parents:
        known = inner.get(name) if inner is not None else None
        if inner is None or (total is None and not isinstance(known, dict)):
            inner = None
            break
        inner[name] = inner = dict(known) if isinstance(known, dict) else {}
    if inner is not None and total is None:
        inner.pop(last, None)
    elif inner is not None and total is not None:
        exact = f"{total.normalize():f}"
        inner[last] = exact if tuple(path) == COST else (int(total) if total == int(total) else float(total))
    cost = changed.get("_cost")
    if isinstance(cost, dict):
        if "amount" in cost:
            cost = changed["_cost"] = {**cost, "currency": cost.get("currency", "usd")}
        else:
            del changed["_cost"]
    return changed


COST = ("_cost", "amount")


def paths(fields: Iterable[str]) -> list[tuple[str, ...]]:
    """Dotted names of fields as paths."""
    return [tuple(field.removeprefix("metadata.").split(".")) for field in fields]
