"""What happens to an organization behind the API's back."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.organizations import DEFAULT_CUSTOMER_EMAIL_SETTINGS
from tests.support.shop import Shop

_ID = sa.bindparam("id", type_=UUID)
_BLOCK = sa.text("UPDATE organizations SET blocked_at = now() WHERE id = :id").bindparams(_ID)
_SWITCH = sa.text("UPDATE organizations SET customer_email_settings = :values WHERE id = :id").bindparams(
    _ID, sa.bindparam("values", type_=JSONB)
)
_SET = sa.text(
    "UPDATE organizations SET subscription_settings = subscription_settings || :values WHERE id = :id"
).bindparams(_ID, sa.bindparam("values", type_=JSONB))


async def block(shop: Shop) -> None:
    """Blocks the organization of the shop."""
    await shop.app.database.execute(_BLOCK, id=shop.organization_id)


async def set_subscription_settings(shop: Shop, **values: Any) -> None:
    """Changes some of its settings on subscriptions."""
    await shop.app.database.execute(_SET, id=shop.organization_id, values=values)


async def send_mails(shop: Shop, *, but: tuple[str, ...] = ()) -> None:
    """Its customers get mail about orders and subscriptions, as those of organizations outside of tests do."""
    values = {name: name not in but for name in DEFAULT_CUSTOMER_EMAIL_SETTINGS}
    await shop.app.database.execute(_SWITCH, id=shop.organization_id, values=values)
