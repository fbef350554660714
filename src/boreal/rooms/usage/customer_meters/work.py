"""What follows when a customer appears for whom there may be events already (usage spec 5.3)."""

from uuid import UUID

from boreal.kit.app import App
from boreal.kit.work import Work
from boreal.rooms.customers.public import read as read_customer
from boreal.rooms.usage.ingestion import statements


async def show_customer_meters(app: App, work: Work) -> None:
    """Gives a customer with an external id its customer meters, so that earlier events with that id are shown."""
    customer = await read_customer(app.database, UUID(work.payload["subject_id"]))
    if customer is None or customer.deleted_at is not None or customer.external_id is None:
        return
    async with app.transaction(work.organization_id) as tx:
        await tx.execute(
            statements.APPEAR,
            organization_id=work.organization_id,
            now=tx.now,
            customer_ids=[customer.id],
            external_ids=[],
        )
