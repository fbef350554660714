"""When the buyer first saw a session: who sells wants to know how many do and then do not buy."""

import sqlalchemy as sa

from boreal.kit.app import App
from boreal.kit.problems import ResourceNotFound
from boreal.rooms.checkout.checkouts.tables import CheckoutOpeningRow, CheckoutRow

_REMEMBER = sa.text(
    """
    WITH seen AS (SELECT id, organization_id FROM checkouts WHERE client_secret = :client_secret),
    kept AS (
        INSERT INTO checkout_openings (checkout_id, organization_id, opened_at, distinct_id)
        SELECT id, organization_id, :opened_at, :distinct_id FROM seen ON CONFLICT (checkout_id) DO NOTHING
    )
    SELECT id FROM seen
    """
).bindparams(
    sa.bindparam("client_secret", type_=CheckoutRow.c.client_secret.type),
    sa.bindparam("opened_at", type_=CheckoutOpeningRow.c.opened_at.type),
    sa.bindparam("distinct_id", type_=CheckoutOpeningRow.c.distinct_id.type),
)


async def remember_opening(app: App, client_secret: str, *, distinct_id: str | None = None) -> None:
    """Remembers that a session was seen; only the first time counts (catalog spec 6.12). Raises `ResourceNotFound`."""
    seen = await app.database.fetchval(
        _REMEMBER, client_secret=client_secret, opened_at=app.clock.now(), distinct_id=distinct_id
    )
    if seen is None:
        raise ResourceNotFound
