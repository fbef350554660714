"""When the buyer first saw a session: who sells wants to know how many do and then do not buy."""

import sqlalchemy as sa

from boreal.core.checkouts import Checkout
from boreal.kit.app import App
from boreal.rooms.checkout.checkouts.tables import CheckoutOpeningRow

_REMEMBER = sa.text(
    """
    INSERT INTO checkout_openings (checkout_id, organization_id, opened_at, distinct_id)
    VALUES (:checkout_id, :organization_id, :opened_at, :distinct_id)
    ON CONFLICT (checkout_id) DO NOTHING
    """
).bindparams(*(sa.bindparam(column.name, type_=column.type) for column in CheckoutOpeningRow.c))


async def opened(app: App, checkout: Checkout, *, distinct_id: str | None = None) -> None:
    """Remembers that the session was seen; only the first time counts (catalog spec 6.12)."""
    await app.database.execute(
        _REMEMBER,
        checkout_id=checkout.id,
        organization_id=checkout.organization_id,
        opened_at=app.clock.now(),
        distinct_id=distinct_id,
    )
