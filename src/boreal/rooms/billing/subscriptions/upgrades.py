"""Free subscriptions that a checkout turns into another plan (orders spec 6.2, catalog spec 6.5, 6.14)."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.prices import AmountType
from boreal.core.subscriptions import ACTIVE
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.rooms.billing.subscriptions.tables import SubscriptionPriceRow, SubscriptionRow
from boreal.rooms.catalog.public import ProductPriceRow

S = SubscriptionRow.c

_COSTS = (
    sa.exists()
    .where(
        SubscriptionPriceRow.c.subscription_id == S.id,
        ProductPriceRow.c.id == SubscriptionPriceRow.c.product_price_id,
        ProductPriceRow.c.amount_type != AmountType.FREE.value,
    )
    .correlate(SubscriptionRow)
)
_FIND = sa.select(S.customer_id, S.status, _COSTS.label("costs")).where(
    S.id == sa.bindparam("id", type_=PgUUID), S.organization_id == sa.bindparam("organization_id", type_=PgUUID)
)


@dataclass(frozen=True, slots=True)
class Upgradable:
    """A subscription that somebody wants to upgrade: whose it is, and whether that can be."""

    customer_id: UUID
    is_active: bool
    is_free: bool


async def find_upgradable(runs: Runs | Tx, *, organization_id: UUID, id: UUID) -> Upgradable | None:
    """A subscription of the organization; None if there is none."""
    row = await runs.fetchrow(_FIND, organization_id=organization_id, id=id)
    return Upgradable(row["customer_id"], row["status"] in ACTIVE, not row["costs"]) if row is not None else None
