"""Changing who an order is billed to (orders spec 2.4)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import Field

from boreal.core import orders as book
from boreal.core.customers import Customer
from boreal.core.orders import Order
from boreal.kit.app import App
from boreal.kit.problems import Fault, Invalid
from boreal.kit.schemas import Schema
from boreal.rooms.customers.public import AddressInput


class OrderUpdate(Schema):
    """Name and address on the invoice; what is not sent stays, null clears."""

    billing_name: str | None = Field(default=None)
    billing_address: AddressInput | None = Field(default=None)


class CustomerOrderUpdate(OrderUpdate):
    """The same, as the customer sends it."""


async def update(app: App, organization_id: UUID, order_id: UUID, body: OrderUpdate) -> None:
    """Replaces what was sent; it is always news. Raises `Invalid` for another country or state of the address."""
    changes = body.model_dump(mode="json", exclude_unset=True)
    async with app.transaction(organization_id) as tx:
        seen = await tx.load(Order, order_id)
        assert seen is not None
        await tx.lock(Customer, seen.customer_id)
        before = await tx.lock(Order, order_id)
        assert before is not None
        faults = _faults(before.billing_address, changes.get("billing_address"))
        if faults:
            raise Invalid(*faults)
        after = replace(before, **changes, modified_at=tx.now)
        await tx.save(before, after, also=() if book.facts(before, after) else ("order.updated",))


def _faults(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Fault]:
    """An order was taxed where its address is, so that cannot move."""
    if before is None or after is None:
        return []
    return [
        Fault(("body", "billing_address", name), f"{name.capitalize()} cannot be changed", input=after.get(name))
        for name in ("country", "state")
        if before.get(name) != after.get(name)
    ]
