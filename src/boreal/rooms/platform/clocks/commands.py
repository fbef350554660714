"""Setting up, moving and removing test clocks.

A clock is for organizations of a sandbox: money that is real happens in real time.
"""

import uuid
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible
from boreal.kit.clockwork import move
from boreal.kit.problems import Fault, Invalid, NotPermitted
from boreal.kit.times import ClockRow
from boreal.kit.tx import Tx
from boreal.kit.work import Kind, Work
from boreal.rooms.platform.clocks import queries

_INSERT = ClockRow.insert().returning(ClockRow)
_DELETE = sa.delete(ClockRow).where(ClockRow.c.id == sa.bindparam("key"))
_AIM = (
    sa.update(ClockRow)
    .where(ClockRow.c.id == sa.bindparam("key"))
    .values(target_time=sa.bindparam("target"), modified_at=sa.bindparam("now"))
    .returning(ClockRow)
)
_FLAG_AHEAD = sa.text(
    """
    UPDATE work SET on_clock = true
    WHERE organization_id = :organization_id AND NOT on_clock AND failed_at IS NULL AND claimed_at IS NULL
        AND due_at > :now AND NOT kind = ANY(:real_time)
    """
).bindparams(
    sa.bindparam("organization_id", type_=PgUUID),
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("real_time", type_=ARRAY(sa.Text)),
)
_UNFLAG = sa.text(
    "UPDATE work SET on_clock = false, claimed_at = NULL WHERE organization_id = :organization_id AND on_clock"
).bindparams(sa.bindparam("organization_id", type_=PgUUID))


async def create(app: App, *, organization_id: UUID, name: str, time: datetime) -> dict[str, Any]:
    """From now on the organization lives at `time`, which stands still; what it had ahead waits for the clock.

    Raises `NotPermitted` outside of a sandbox, and `Invalid` if the organization has a clock.
    """
    if not app.settings.is_sandbox:
        raise NotPermitted("Test clocks are for sandboxes.")
    try:
        async with app.transaction(organization_id) as tx:
            row = await tx.fetchrow(
                _INSERT,
                id=uuid.uuid4(),
                created_at=tx.real_now,
                modified_at=None,
                organization_id=organization_id,
                name=name,
                time=time,
                target_time=None,
            )
    except asyncpg.UniqueViolationError:
        fault = Fault(("body", "organization_id"), "The organization has a test clock.", "value_error")
        raise Invalid(fault) from None
    await app.times.settle()
    real_time = [kind for kind, how in app.kinds.items() if how.real_time]
    async with app.transaction(organization_id) as tx:
        await tx.execute(_FLAG_AHEAD, organization_id=organization_id, now=tx.real_now, real_time=real_time)
    assert row is not None
    return queries.render(row)


async def advance(app: App, actor: Actor, *, id: UUID, time: datetime) -> dict[str, Any]:
    """The clock is on its way to `time`; a worker does everything that falls due until then, in order.

    Raises `ResourceNotFound`, and `Invalid` if the clock is later than that or on its way.
    """
    async with app.transaction(await _organization_of(app, actor, id)) as tx:
        clock = await _lock(tx, actor, id)
        if clock["target_time"] is not None:
            raise Invalid(Fault(("body", "time"), "The clock is being moved.", "value_error", time.isoformat()))
        if time <= clock["time"]:
            raise Invalid(Fault(("body", "time"), "A clock only moves forward.", "value_error", time.isoformat()))
        row = await tx.fetchrow(_AIM, key=id, target=time, now=tx.real_now)
        tx.enqueue("move_test_clock", payload={"clock_id": str(id)}, unique_key=str(id), sooner=True)
    assert row is not None
    return queries.render(row)


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """The organization lives in real time again, with what it has ahead. Raises `ResourceNotFound` and `Invalid`."""
    organization_id = await _organization_of(app, actor, id)
    async with app.transaction(organization_id) as tx:
        clock = await _lock(tx, actor, id)
        if clock["target_time"] is not None:
            raise Invalid(Fault(("path", "id"), "The clock is being moved.", "value_error", str(id)))
        await tx.execute(_DELETE, key=id)
        await tx.execute(_UNFLAG, organization_id=organization_id)
    await app.times.settle()


async def _organization_of(app: App, actor: Actor, id: UUID) -> UUID:
    row = await read_visible(app.database, queries.GET, actor, id)
    organization_id: UUID = row["organization_id"]
    return organization_id


async def _lock(tx: Tx, actor: Actor, id: UUID) -> Any:
    return await read_visible(tx, queries.LOCK, actor, id)


async def move_test_clock(app: App, work: Work) -> None:
    """Moves a clock to where it is to be."""
    await move(app, UUID(work.payload["clock_id"]))


KINDS = {"move_test_clock": Kind(move_test_clock, queue="clocks", lease_s=300, real_time=True)}
