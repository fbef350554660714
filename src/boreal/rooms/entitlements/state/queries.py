"""Reading the state of a customer.

It is computed from what is committed and never kept, so it is never older than the last write (correction 12).
"""

from typing import Any
from uuid import UUID

from boreal.core.customers import Customer
from boreal.kit.db import Connection, Row, Runs
from boreal.rooms.billing.public import active_subscriptions
from boreal.rooms.customers import public as customers
from boreal.rooms.entitlements.grants.queries import granted
from boreal.rooms.usage.public import active_meters


async def state(runs: Runs, customer: Customer | Row) -> dict[str, Any]:
    """A customer with what it has (contract `CustomerState`, usage spec 13)."""
    shown = customers.render(customer)
    return {
        **shown,
        "active_subscriptions": await active_subscriptions(runs, shown["id"]),
        "granted_benefits": await granted(runs, shown["id"]),
        "active_meters": await active_meters(runs, shown["id"]),
    }


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of `customer.state_changed`, also of a deleted customer."""
    customer = await customers.read(connection, id)
    assert customer is not None
    return await state(connection, customer)
