"""Telling of alerts that were reached: `usage_alert.triggered`, once per alert, customer and window of the meter.

Nothing of this is in the way of ingestion. It happens where usage is announced, some seconds later, and when a window
ends: what was reached in it is told even if nobody had told it yet. The customer meter is locked meanwhile, so that
what is told of it is in order, lowest first; the database keeps what was told from being told again.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa

from boreal.core.usage_alerts import Threshold, ThresholdType, reached
from boreal.kit.db import Record
from boreal.kit.tx import Tx
from boreal.rooms.usage.customer_meters.balances import Balance, balances
from boreal.rooms.usage.customer_meters.commands import LOCK as LOCK_CUSTOMER_METERS

_UNTOLD = sa.text(
    """
    SELECT alert.id, alert.meter_id, alert.threshold_type, alert.threshold
    FROM usage_alerts AS alert
        JOIN customer_meters AS meter ON meter.customer_id = :customer_id AND meter.meter_id = alert.meter_id
    WHERE alert.organization_id = :organization_id AND alert.enabled
        AND (alert.customer_id IS NULL OR alert.customer_id = :customer_id)
        AND (CAST(:meter_id AS uuid) IS NULL OR alert.meter_id = CAST(:meter_id AS uuid))
        AND NOT EXISTS (
            SELECT FROM usage_alert_firings AS fired
            WHERE fired.alert_id = alert.id AND fired.customer_meter_id = meter.id
                AND fired.window_seq = coalesce(CAST(:window_seq AS bigint), meter.window_seq))
    ORDER BY alert.created_at, alert.id
    """
)
_FIRE = sa.text(
    """
    INSERT INTO usage_alert_firings
        (id, fired_at, organization_id, alert_id, customer_meter_id, window_seq, consumed_units, credited_units)
    SELECT CAST(:id AS uuid), CAST(:now AS timestamptz), alert.organization_id, alert.id,
        CAST(:customer_meter_id AS uuid), :window_seq, :consumed, :credited
    FROM usage_alerts AS alert WHERE alert.id = :alert_id
    ON CONFLICT (alert_id, customer_meter_id, window_seq) DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer had used of a meter, and been credited, in a window."""

    customer_meter_id: UUID
    window_seq: int
    consumed: Decimal
    credited: int

    @classmethod
    def of(cls, balance: Balance) -> "Standing":
        """The standing in the window that runs."""
        return cls(balance.id, balance.window_seq, balance.consumed, balance.credits.total)


async def tell(tx: Tx, customer_id: UUID) -> None:
    """Tells of every alert that the customer has reached by now and that was not told in its window."""
    untold = await _untold(tx, customer_id)
    if not untold:
        return
    meter_ids = sorted({alert["meter_id"] for alert in untold})
    await tx.execute(LOCK_CUSTOMER_METERS, customer_id=customer_id, meter_ids=meter_ids)
    for balance in await balances(tx, customer_id, meter_ids):
        alerts = [alert for alert in untold if alert["meter_id"] == balance.meter_id]
        await _fire(tx, Standing.of(balance), alerts)


async def tell_of_ended(tx: Tx, customer_id: UUID, meter_id: UUID, standing: Standing) -> None:
    """Tells of what was reached in a window that is over."""
    await tx.execute(LOCK_CUSTOMER_METERS, customer_id=customer_id, meter_ids=[meter_id])
    await _fire(tx, standing, await _untold(tx, customer_id, meter_id=meter_id, window_seq=standing.window_seq))


async def _untold(
    tx: Tx, customer_id: UUID, *, meter_id: UUID | None = None, window_seq: int | None = None
) -> list[Record]:
    return await tx.fetch(
        _UNTOLD,
        organization_id=tx.organization_id,
        customer_id=customer_id,
        meter_id=meter_id,
        window_seq=window_seq,
    )


async def _fire(tx: Tx, standing: Standing, alerts: Sequence[Record]) -> None:
    thresholds = [
        Threshold(alert["id"], alert["threshold"], alert["threshold_type"] == ThresholdType.PERCENT_OF_CREDITS)
        for alert in alerts
    ]
    for one in reached(thresholds, consumed=standing.consumed, credited=standing.credited):
        done = await tx.execute(
            _FIRE,
            id=uuid.uuid4(),
            now=tx.now,
            alert_id=one.name,
            customer_meter_id=standing.customer_meter_id,
            window_seq=standing.window_seq,
            consumed=standing.consumed,
            credited=standing.credited,
        )
        if done == "INSERT 0 1":
            tx.announce(
                "usage_alert.triggered",
                subject_kind="customer_meter",
                subject_id=standing.customer_meter_id,
                details={"alert_id": str(one.name)},
            )
            await tx.flush()  # its payload is what was told last
