"""What a trace cost: an event and everything below it, as a whole and by name (ours; usage spec 6)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import EventSource
from boreal.kit.db import Record, Runs
from boreal.rooms.usage.public import EventRow

E = EventRow.c
_ID = sa.bindparam("id", type_=PgUUID)

MOST_NAMES = 100
"""How many names are told of; the sums are those of all."""

_COST = sa.cast(E.metadata.op("#>>")(sa.literal_column("'{_cost,amount}'")), sa.Numeric)
_AMOUNT = sa.func.sum(sa.case((E.source == EventSource.USER.value, _COST)))
_COUNT = sa.func.count()


def _below() -> sa.Select[Any]:
    tree = sa.select(E.id).where(E.id == _ID).cte("tree", recursive=True)
    child = EventRow.alias("child")
    tree = tree.union_all(sa.select(child.c.id).where(child.c.parent_id == tree.c.id))
    return sa.select(tree.c.id)


def _by_name(belongs: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(
            E.name,
            _COUNT.label("events"),
            _AMOUNT.label("amount"),
            sa.cast(sa.func.sum(_COUNT).over(), sa.BigInteger).label("all_events"),
            sa.func.sum(_AMOUNT).over().label("whole_amount"),
        )
        .where(belongs)
        .group_by(E.name)
        .order_by(_AMOUNT.desc().nulls_last(), E.name)
        .limit(MOST_NAMES)
    )


_OF_ROOT = _by_name(sa.or_(E.id == _ID, E.root_id == _ID))
"""Every event knows its root, so that nothing has to be climbed about."""

_OF_BRANCH = _by_name(E.id.in_(_below()))


async def costs(runs: Runs, event: Record) -> dict[str, Any]:
    """What an event and everything below it cost, to the last digit, and by name, the dearest first."""
    rows = await runs.fetch(_OF_ROOT if event["root_id"] is None else _OF_BRANCH, id=event["id"])
    return {
        "event_id": event["id"],
        "amount": _text(rows[0]["whole_amount"]),
        "currency": "usd",
        "events": rows[0]["all_events"],
        "names": [{"name": row["name"], "amount": _text(row["amount"]), "events": row["events"]} for row in rows],
    }


def _text(amount: Any) -> str:
    return f"{amount.normalize():f}" if amount else "0"
