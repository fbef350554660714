"""The past of a business, written straight into the tables: what happened long before the test began."""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.rooms.billing.public import OrderItemRow, OrderRow, SubscriptionRow
from boreal.rooms.checkout.public import CheckoutRow
from tests.support.catalog import make_product
from tests.support.checkout import open_session
from tests.support.shop import Shop

_numbers = itertools.count(1)


def at(text: str) -> datetime:
    """An instant in UTC: `2024-01-31` or `2024-01-31T12:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class History:
    """What a shop sold, to whom and when. Ids are texts, as the API tells them."""

    shop: Shop
    _made: dict[str, Any] = field(default_factory=dict)

    async def customer(self, **members: Any) -> str:
        """A new customer."""
        body = {"email": f"customer{next(_numbers)}@example.com", **members}
        return (await self._post("/v1/customers/", body))["id"]

    async def product(self, **members: Any) -> str:
        """A new product, bought once unless told otherwise."""
        return (await make_product(self.shop, **members))["id"]

    async def _default(self, name: str) -> str:
        if name not in self._made:
            make = {
                "customer": self.customer,
                "product": self.product,
                "plan": lambda: self.product(recurring_interval="month"),
            }[name]
            self._made[name] = await make()
        return self._made[name]

    async def order(
        self,
        moment: str,
        net: int,
        *,
        subscription: str | None = None,
        customer: str | None = None,
        product: str | None = None,
        **columns: Any,
    ) -> str:
        """An order that came to `net`, paid unless told otherwise."""
        id = uuid.uuid4()
        values = {
            "id": id,
            "created_at": at(moment),
            "organization_id": self.shop.organization_id,
            "customer_id": UUID(customer or await self._default("customer")),
            "product_id": UUID(product or await self._default("plan" if subscription else "product")),
            "subscription_id": UUID(subscription) if subscription else None,
            "status": "paid",
            "billing_reason": "subscription_update" if subscription else "purchase",
            "currency": "usd",
            "subtotal_amount": net + columns.get("discount_amount", 0),
            "discount_amount": 0,
            "refunded_amount": 0,
            "platform_fee_amount": 0,
            "applied_balance_amount": 0,
            "invoice_number": f"HISTORY-{next(_numbers)}",
            **columns,
        }
        item = {
            "id": uuid.uuid4(),
            "created_at": at(moment),
            "organization_id": self.shop.organization_id,
            "order_id": id,
            "label": "Something",
            "amount": values["subtotal_amount"],
        }
        await self._insert(OrderRow, values)
        await self._insert(OrderItemRow, item)
        return str(id)

    async def subscription(
        self, started: str, amount: int, *, customer: str | None = None, product: str | None = None, **columns: Any
    ) -> str:
        """A subscription, monthly and active unless told otherwise."""
        id = uuid.uuid4()
        values = {
            "id": id,
            "created_at": at(started),
            "organization_id": self.shop.organization_id,
            "customer_id": UUID(customer or await self._default("customer")),
            "product_id": UUID(product or await self._default("plan")),
            "status": "active",
            "amount": amount,
            "currency": "usd",
            "recurring_interval": "month",
            "anchor_day": at(started).day,
            "current_period_start": at(started),
            "current_period_end": at("2100-01-01"),
            "started_at": at(started),
            **{name: at(value) if name.endswith("_at") else value for name, value in columns.items()},
        }
        await self._insert(SubscriptionRow, values)
        return str(id)

    async def change(self, subscription: str, **columns: Any) -> None:
        """Changes a subscription behind everybody's back."""
        values = {name: UUID(value) if name.endswith("_id") else value for name, value in columns.items()}
        statement = sa.update(SubscriptionRow).where(SubscriptionRow.c.id == UUID(subscription)).values(values)
        await self.shop.app.database.execute(statement)

    async def checkout(self, moment: str, *, product: str, paid: bool = False) -> None:
        """A checkout session that was opened at a moment, and paid or not."""
        session = await open_session(self.shop, {"id": product})
        if paid:
            await session.pay()
        statement = sa.update(CheckoutRow).where(CheckoutRow.c.id == UUID(session.id)).values(created_at=at(moment))
        await self.shop.app.database.execute(statement)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = await self.shop.client.post(path, json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()

    async def _insert(self, table: sa.Table, values: dict[str, Any]) -> None:
        complete = {**_anything(table, values["created_at"]), **values}
        # Every value as a bind that is known, so that `insert` compiles once per set of columns.
        statement = table.insert().values({name: sa.bindparam(name, type_=table.c[name].type) for name in complete})
        await self.shop.app.database.execute(statement, **complete)


def _anything(table: sa.Table, moment: datetime) -> dict[str, Any]:
    """Something for each column that needs a value, so that tables may grow."""
    kinds = {bool: False, int: 1, str: "", object: {}, datetime: moment}
    return {
        column.name: kinds[column.type.python_type]
        for column in table.columns
        if not (column.nullable or column.server_default or column.computed or column.primary_key)
        and column.type.python_type in kinds
    }


async def report(shop: Shop, start: str, end: str, interval: str, **parameters: Any) -> dict[str, Any]:
    """The reply of `GET /v1/metrics/`."""
    query = {"start_date": start, "end_date": end, "interval": interval, **parameters}
    reply = await shop.client.get("/v1/metrics/", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def column(made: dict[str, Any], slug: str) -> list[Any]:
    """One metric, period by period."""
    return [period[slug] for period in made["periods"]]
