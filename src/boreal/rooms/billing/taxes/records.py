"""Remembering which quote of the tax source became an order, so that the source can be told of it."""

from uuid import UUID

from boreal.kit.tx import Tx
from boreal.rooms.billing.taxes.tables import TaxRecordRow

_INSERT = TaxRecordRow.insert()


async def record_later(tx: Tx, *, order_id: UUID, calculation_id: str | None) -> None:
    """The source is told of the order as soon as that is paid; nothing without an id of the quote."""
    if calculation_id is None:
        return
    await tx.execute(
        _INSERT,
        order_id=order_id,
        created_at=tx.real_now,
        organization_id=tx.organization_id,
        calculation_id=calculation_id,
        record_id=None,
    )
    tx.enqueue("record_tax", payload={"order_id": str(order_id)}, unique_key=str(order_id))
