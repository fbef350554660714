"""Credits, and the windows of customer meters (usage spec 5.5).

Everything happens in the caller's transaction, and is noted as system events. Of one customer, treat all meters with
one call: their rows are locked in order.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa

from boreal.core.metering import Credits, quantity, rollover_units
from boreal.kit.tx import Tx
from boreal.rooms.usage.customer_meters.balances import Balance, balances
from boreal.rooms.usage.ingestion.system import SystemEvent, note
from boreal.rooms.usage.meters.closing import close
from boreal.rooms.usage.meters.measuring import Span, measure

_BEGIN = sa.text(
    """
    INSERT INTO customer_meters (
        id, created_at, organization_id, customer_id, meter_id, window_seq, credited_units, plain_units, rollover_units)
    SELECT sent.id, CAST(:now AS timestamptz), CAST(:organization_id AS uuid), CAST(:customer_id AS uuid),
        sent.meter_id, -1, 0, 0, 0
    FROM unnest(CAST(:ids AS uuid[]), CAST(:meter_ids AS uuid[])) AS sent (id, meter_id) ORDER BY sent.meter_id
    ON CONFLICT (customer_id, meter_id) DO NOTHING
    """
)
LOCK = sa.text(
    """
    SELECT FROM customer_meters WHERE customer_id = :customer_id AND meter_id = ANY(CAST(:meter_ids AS uuid[]))
    ORDER BY meter_id FOR UPDATE
    """
)
"""Locks the customer meters of a customer; what is told of them is told under this lock."""
_WATCHED = sa.text(
    """
    SELECT DISTINCT meter_id FROM usage_alerts
    WHERE organization_id = :organization_id AND enabled AND meter_id = ANY(CAST(:meter_ids AS uuid[]))
        AND (customer_id IS NULL OR customer_id = :customer_id)
    """
)
_SET = sa.text(
    """
    UPDATE customer_meters SET modified_at = CAST(:now AS timestamptz), window_seq = :window_seq,
        reset_at = CAST(:reset_at AS timestamptz), credited_units = :total, plain_units = :plain,
        rollover_units = :rollover
    WHERE id = :id
    """
)


@dataclass(frozen=True, slots=True)
class Reset:
    """Windows that began anew: at which place in the order of events; those before, and what went over, by meter."""

    place: int
    ended: Mapping[UUID, Balance]
    rolled_over: Mapping[UUID, int]


async def credit(tx: Tx, *, customer_id: UUID, meter_id: UUID, units: int, rollover: bool) -> None:
    """Credits units of a meter, or takes some back that are negative; what was credited never goes below zero."""
    await _lock(tx, customer_id, [meter_id])
    (before,) = await balances(tx, customer_id, [meter_id])
    await _set(tx, before, before.credits.add(units, rollover=rollover), window_seq=before.window_seq)
    await note(tx, [_credited(customer_id, meter_id, units, rollover)])


async def reset(
    tx: Tx,
    *,
    customer_id: UUID,
    meter_ids: Iterable[UUID],
    at: int | None = None,
    rolls_over: Mapping[UUID, bool] | None = None,
) -> Reset:
    """Begins the windows of the meters anew, with what rolls over of the old ones credited (usage spec 5.5).

    They begin at a place at which the meters were closed, or now, which closes them. A window that began later stays.
    `rolls_over` says for a meter that nothing goes over.
    """
    ids = sorted(set(meter_ids))
    await _lock(tx, customer_id, ids)
    place = at if at is not None else await close(tx, customer_ids=[customer_id], meter_ids=ids)
    noted: list[SystemEvent] = []
    windows, rolled_over = {}, {}
    for ended in await balances(tx, customer_id, ids):
        if ended.window_seq >= place:
            continue
        windows[ended.meter_id] = ended
        rolls = (rolls_over or {}).get(ended.meter_id, True)
        over = rolled_over[ended.meter_id] = await _rollover(tx, ended, at) if rolls else 0
        await _set(tx, ended, Credits().add(over, rollover=True), window_seq=place, is_reset=True)
        noted.append(SystemEvent("meter.reset", customer_id, {"meter_id": str(ended.meter_id)}))
        if over > 0:
            noted.append(_credited(customer_id, ended.meter_id, over, True))
    await note(tx, noted)
    await _tell_later(tx, customer_id, list(windows.values()), at)
    return Reset(place, windows, rolled_over)


async def _rollover(tx: Tx, ended: Balance, at: int | None) -> int:
    """What goes over of a window that ends now, or ended at a place: what was used behind it is of the next one."""
    if ended.credits.rollover == 0:
        return 0
    return rollover_units(ended.credits, await _consumed(tx, ended, at))


async def _consumed(tx: Tx, ended: Balance, at: int | None) -> Decimal:
    """What was used in a window that ends now, or ended at a place."""
    if at is None:
        return ended.consumed
    window = Span(ended.meter_id, ended.customer_id, ended.window_seq, at)
    (tally,) = await measure(tx, [[window]], billable_only=False)
    return quantity(ended.function, tally)


async def _tell_later(tx: Tx, customer_id: UUID, ended: Sequence[Balance], at: int | None) -> None:
    """Has the alerts that were reached in windows that end told, if there are any alerts."""
    ids = [balance.meter_id for balance in ended]
    rows = await tx.fetch(_WATCHED, organization_id=tx.organization_id, meter_ids=ids, customer_id=customer_id)
    watched = {row["meter_id"] for row in rows}
    for balance in ended:
        if balance.meter_id in watched:
            payload = {
                "customer_id": str(customer_id),
                "meter_id": str(balance.meter_id),
                "customer_meter_id": str(balance.id),
                "window_seq": balance.window_seq,
                "consumed": str(await _consumed(tx, balance, at)),
                "credited": balance.credits.total,
            }
            tx.enqueue("tell_usage_alerts", payload=payload, unique_key=f"{balance.id}:{balance.window_seq}")


def _credited(customer_id: UUID, meter_id: UUID, units: int, rollover: bool) -> SystemEvent:
    metadata = {"meter_id": str(meter_id), "units": units, "rollover": rollover}
    return SystemEvent("meter.credited", customer_id, metadata)


async def _lock(tx: Tx, customer_id: UUID, meter_ids: list[UUID]) -> None:
    """Locks the customer meters, made if they are not there yet; they come before the rows of usage."""
    await tx.execute(
        _BEGIN,
        now=tx.now,
        organization_id=tx.organization_id,
        customer_id=customer_id,
        ids=[uuid.uuid4() for _ in meter_ids],
        meter_ids=meter_ids,
    )
    await tx.execute(LOCK, customer_id=customer_id, meter_ids=meter_ids)


async def _set(tx: Tx, before: Balance, credits: Credits, *, window_seq: int, is_reset: bool = False) -> None:
    await tx.execute(
        _SET,
        id=before.id,
        now=tx.now,
        window_seq=window_seq,
        reset_at=tx.now if is_reset else before.reset_at,
        total=credits.total,
        plain=credits.plain,
        rollover=credits.rollover,
    )
