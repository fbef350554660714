"""What follows usage, a little later: telling that a customer used something (usage spec 5.3)."""

from uuid import UUID

from boreal.kit.app import App
from boreal.kit.work import Work
from boreal.rooms.customers.public import find as find_customer


async def announce_usage(app: App, work: Work) -> None:
    """Records `usage.recorded` for the customer whom the events of the last seconds are about, if there is one yet."""
    id, external_id = work.payload["customer_id"], work.payload["external_id"]
    customer = await find_customer(
        app.database,
        organization_id=work.organization_id,
        id=UUID(id) if id else None,
        external_id=external_id if not id else None,
    )
    if customer is not None:
        async with app.transaction(work.organization_id) as tx:
            tx.announce("usage.recorded", subject_kind="customer", subject_id=customer.id)
