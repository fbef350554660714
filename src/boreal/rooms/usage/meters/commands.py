"""Making, changing and archiving meters (usage spec 4.1)."""

import uuid
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible
from boreal.kit.db import Record
from boreal.kit.problems import Fault, Invalid
from boreal.kit.tx import Tx
from boreal.rooms.platform.public import organization_of
from boreal.rooms.usage.events.tables import EventRow
from boreal.rooms.usage.meters import queries
from boreal.rooms.usage.meters.counting import CountedMeter
from boreal.rooms.usage.meters.filling import appear
from boreal.rooms.usage.meters.generations import change_meters
from boreal.rooms.usage.meters.holds import held_by
from boreal.rooms.usage.meters.schemas import MeterCreate, MeterUpdate
from boreal.rooms.usage.meters.sql import counted
from boreal.rooms.usage.meters.tables import MeterFillRow, MeterRow, MeterUsageRow

M = MeterRow.c
NEVER = -1
"""Before every event: where the window of a meter begins that was never reset."""

_INSERT = MeterRow.insert().returning(MeterRow)
_COLUMNS = ("name", "filter", "aggregation", "metadata", "archived_at", "archived_seq")
_UPDATE = (
    sa.update(MeterRow)
    .where(M.id == sa.bindparam("key"))
    .values({name: sa.bindparam(name, type_=M[name].type) for name in (*_COLUMNS, "modified_at")})
    .returning(MeterRow)
)
_FILL = sa.text(
    """
    INSERT INTO meter_fills (meter_id, from_seq, until_seq) VALUES (:meter_id, :from_seq, :until_seq)
    ON CONFLICT (meter_id, from_seq) DO UPDATE SET until_seq = excluded.until_seq
    """
).bindparams(sa.bindparam("meter_id", type_=PgUUID))
_FORGET_FILLS = sa.delete(MeterFillRow).where(MeterFillRow.c.meter_id == sa.bindparam("meter_id", type_=PgUUID))
# A row that never counted anything was only locked.
_HAS_COUNTED = sa.select(
    sa.exists().where(
        MeterUsageRow.c.meter_id == sa.bindparam("id", type_=PgUUID),
        sa.or_(MeterUsageRow.c.count > 0, MeterUsageRow.c.from_seq > 0),
    )
)

_LOCKED = "This field can't be updated because the meter is already aggregating events."
_IN_USE = {
    "product": "Cannot archive meter that is still attached to active products",
    "benefit": "Cannot archive meter that is still referenced by active benefits",
}


async def create(app: App, actor: Actor, body: MeterCreate) -> Record:
    """A new meter. Events that are there already count for usage, never for bills; reads show them at once."""
    organization_id = organization_of(actor, body.organization_id)
    async with app.transaction(organization_id) as tx:
        row = await tx.fetchrow(
            _INSERT,
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            organization_id=organization_id,
            name=body.name,
            filter=body.filter.model_dump(mode="json"),
            aggregation=body.aggregation.model_dump(mode="json"),
            metadata=body.metadata,
            archived_at=None,
            archived_seq=None,
        )
        assert row is not None
        await appear(tx, row["id"])
        place = await change_meters(tx)  # last, because ingestion waits for it
        await _fill(tx, row["id"], from_seq=NEVER, until_seq=place)
        return row


async def update(app: App, actor: Actor, *, id: UUID, body: MeterUpdate) -> Record:
    """Changes what the body names. Raises `ResourceNotFound`, or `Invalid` for what may not be changed."""
    organization_id = (await queries.get(app.database, actor, id))["organization_id"]
    async with app.transaction(organization_id) as tx:
        before = await read_visible(tx, queries.LOCK, actor, id)
        faults = await _faults(tx, before, body)
        if faults:
            raise Invalid(*faults)
        values = {name: before[name] for name in _COLUMNS} | _changes(body)
        rules_changed = any(values[name] != before[name] for name in ("filter", "aggregation"))
        if rules_changed or body.is_archived is not None:
            values |= await _begin_anew(tx, before, body, rules_changed=rules_changed)
        row = await tx.fetchrow(_UPDATE, key=id, modified_at=tx.now, **values)
        assert row is not None
        return row


async def _faults(tx: Tx, before: Record, body: MeterUpdate) -> list[Fault]:
    faults = []
    rules = [name for name in ("filter", "aggregation") if name in body.model_fields_set]
    if rules and await _counts_already(tx, before):
        faults = [Fault(("body", name), _LOCKED, "forbidden", _sent(body, name)) for name in rules]
    if body.is_archived:
        holders = await held_by(tx, before["id"])
        words = next((words for kind, words in _IN_USE.items() if kind in holders), None)
        if words is not None:
            faults.append(Fault(("body", "is_archived"), words, input=True))
    return faults


def _sent(body: MeterUpdate, name: str) -> Any:
    value = getattr(body, name)
    return None if value is None else value.model_dump(mode="json")


async def _counts_already(tx: Tx, meter: Record) -> bool:
    """Whether the meter counted an event, or will when older ones are filled in. Nothing is counted meanwhile."""
    await change_meters(tx)
    if await tx.fetchval(_HAS_COUNTED, id=meter["id"]):
        return True
    rules = CountedMeter.of(meter)
    some = sa.exists().where(
        EventRow.c.organization_id == sa.bindparam("organization_id", type_=PgUUID),
        counted(rules.condition, rules.aggregation),
    )
    found: bool = await tx.fetchval(sa.select(some), organization_id=meter["organization_id"])
    return found


def _changes(body: MeterUpdate) -> dict[str, Any]:
    changes: dict[str, Any] = {"name": body.name} if body.name is not None else {}
    for name in ("filter", "aggregation"):
        value = getattr(body, name)
        if value is not None:
            changes[name] = value.model_dump(mode="json")
    if "metadata" in body.model_fields_set:
        changes["metadata"] = body.metadata
    return changes


async def _begin_anew(tx: Tx, before: Record, body: MeterUpdate, *, rules_changed: bool) -> dict[str, Any]:
    """Changes what ingestion counts, and what has to be counted afterwards; what to store of that with the meter."""
    place = await change_meters(tx)
    stopped = before["archived_seq"]
    if rules_changed:  # nothing was counted so far, and what came while it is archived is for its return
        await tx.execute(_FORGET_FILLS, meter_id=before["id"])
        await _fill(tx, before["id"], from_seq=NEVER, until_seq=place if stopped is None else stopped)
    if body.is_archived:
        return {"archived_at": tx.now, "archived_seq": place if stopped is None else stopped}
    if body.is_archived is False and stopped is not None:
        await _fill(tx, before["id"], from_seq=stopped, until_seq=place)
        return {"archived_at": None, "archived_seq": None}
    return {}


async def _fill(tx: Tx, meter_id: UUID, *, from_seq: int, until_seq: int) -> None:
    """Has the events between two places counted afterwards; until that is done, reads count them."""
    await tx.execute(_FILL, meter_id=meter_id, from_seq=from_seq, until_seq=until_seq)
    tx.enqueue("fill_meter", payload={"meter_id": str(meter_id)}, unique_key=str(meter_id))
