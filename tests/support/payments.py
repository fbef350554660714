"""The books of payments, as no API shows them yet."""

from typing import Any

import sqlalchemy as sa

from boreal.rooms.billing.public import PaymentMethodRow, PaymentRow
from boreal.rooms.checkout.checkouts.tables import CheckoutAttemptRow
from tests.support.shop import Shop

_PAYMENTS = sa.select(PaymentRow).order_by(PaymentRow.c.created_at, PaymentRow.c.id)
_METHODS = sa.select(PaymentMethodRow).order_by(PaymentMethodRow.c.created_at, PaymentMethodRow.c.id)
_ATTEMPTS = sa.select(CheckoutAttemptRow).order_by(CheckoutAttemptRow.c.created_at, CheckoutAttemptRow.c.id)


async def payments(shop: Shop) -> list[dict[str, Any]]:
    """All records of payments, oldest first."""
    return [dict(row) for row in await shop.app.database.fetch(_PAYMENTS)]


async def payment_methods(shop: Shop) -> list[dict[str, Any]]:
    """All kept payment methods, oldest first."""
    return [dict(row) for row in await shop.app.database.fetch(_METHODS)]


async def attempts(shop: Shop) -> list[dict[str, Any]]:
    """All attempts to confirm a session, oldest first."""
    return [dict(row) for row in await shop.app.database.fetch(_ATTEMPTS)]
