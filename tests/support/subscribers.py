"""Subscribers for tests: people who bought a recurring product, and what the API shows of them later."""

from typing import Any
from uuid import UUID

import httpx2
import sqlalchemy as sa

from boreal.rooms.billing.public import PaymentMethodRow, PaymentRow
from boreal.rooms.finance.public import customer_credit
from tests.support.catalog import fixed, make_product
from tests.support.checkout import VISA, good, open_session
from tests.support.shop import Shop

MONTHLY = {"recurring_interval": "month"}
YEARLY = {"recurring_interval": "year"}
DECLINES_LATER = "pm_card_chargeCustomerFail"
"""A card that can be kept, and is refused whenever it is charged."""

_FORGET = sa.update(PaymentMethodRow).values(deleted_at=sa.func.now())
_RESTORE = sa.update(PaymentMethodRow).values(deleted_at=None)
_PAYMENTS = sa.select(sa.func.count()).select_from(PaymentRow)


async def subscribe(
    shop: Shop,
    product: dict[str, Any] | None = None,
    *,
    card: str | None = VISA,
    session: dict[str, Any] | None = None,
    **body: Any,
) -> dict[str, Any]:
    """Buys a recurring product (10.00 a month unless told otherwise); the subscription as the API shows it."""
    product = product or await make_product(shop, fixed(1000), **MONTHLY)
    opened = await open_session(shop, product, **(session or {}))
    view = await opened.pay(card, **body)
    return await subscription(shop, view["subscription_id"])


async def subscription(shop: Shop, id: str) -> dict[str, Any]:
    """A subscription as its merchant sees it now."""
    return good(await shop.client.get(f"/v1/subscriptions/{id}"))


async def change(shop: Shop, id: str, **body: Any) -> httpx2.Response:
    """The reply to a request to change a subscription."""
    return await shop.client.patch(f"/v1/subscriptions/{id}", json=body)


async def changed(shop: Shop, id: str, **body: Any) -> dict[str, Any]:
    """The subscription after a change that has to be good, and everything that followed from it."""
    good(await change(shop, id, **body))
    await shop.settle()
    return await subscription(shop, id)


async def all_orders(shop: Shop) -> list[dict[str, Any]]:
    """All orders of the shop in the order of their invoice numbers: of one customer, oldest first."""
    found = good(await shop.client.get("/v1/orders/?limit=100&sorting=invoice_number"))["items"]
    return list(found)


async def last_order(shop: Shop) -> dict[str, Any]:
    """The newest order of the shop."""
    return max(await all_orders(shop), key=lambda order: (order["created_at"], order["invoice_number"]))


async def credit(shop: Shop, customer_id: str) -> int:
    """The customer's balance in dollars, in cents; below zero it is a debt."""
    return await customer_credit(shop.app.database, UUID(customer_id), "usd")


async def forget_methods(shop: Shop) -> None:
    """Nobody has a method to pay with any more."""
    await shop.app.database.execute(_FORGET)


async def restore_methods(shop: Shop) -> None:
    """Everybody can pay again."""
    await shop.app.database.execute(_RESTORE)


async def count_payments(shop: Shop) -> int:
    """How many attempts to move money are on record."""
    return int(await shop.app.database.fetchval(_PAYMENTS))


async def told(shop: Shop) -> list[str]:
    """Facts about orders and subscriptions since the last look."""
    return [name for name in await shop.facts() if name.partition(".")[0] in ("order", "subscription")]


def sums(order: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """Subtotal, discount, tax, applied balance and what was due."""
    return (
        order["subtotal_amount"],
        order["discount_amount"],
        order["tax_amount"],
        order["applied_balance_amount"],
        order["due_amount"],
    )
