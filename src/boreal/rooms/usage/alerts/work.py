"""What follows usage, a little later: telling that a customer used something, and which alerts that reached."""

from decimal import Decimal
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.work import Work
from boreal.rooms.customers.public import find as find_customer
from boreal.rooms.usage.alerts.telling import Standing, tell, tell_of_ended


async def announce_usage(app: App, work: Work) -> None:
    """Records `usage.recorded` for the customer whom the events of the last seconds are about, if there is one yet
    (usage spec 5.3), and tells of the alerts that it reached."""
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
            await tell(tx, customer.id)


async def tell_usage_alerts(app: App, work: Work) -> None:
    """Tells of the alerts that were reached in a window that is over."""
    told = work.payload
    standing = Standing(
        UUID(told["customer_meter_id"]), told["window_seq"], Decimal(told["consumed"]), told["credited"]
    )
    async with app.transaction(work.organization_id) as tx:
        await tell_of_ended(tx, UUID(told["customer_id"]), UUID(told["meter_id"]), standing)
