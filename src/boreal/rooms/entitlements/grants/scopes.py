"""Scopes: the subscription or the order through which a customer has benefits, and whether it entitles to them now.

Nothing about it is kept: it follows from the subscription, the order and its refunds. So whatever happened, and however
often its news arrives, comparing the grants of a scope with its product is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.grants import GrantStatus
from boreal.core.orders import BillingReason, OrderStatus
from boreal.core.refunds import RefundStatus
from boreal.core.subscriptions import ACTIVE
from boreal.kit.db import Record, Runs
from boreal.rooms.billing.public import OrderRow, RefundRow, SubscriptionRow
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.entitlements.grants.tables import BenefitGrantRow

S = SubscriptionRow.c
O = OrderRow.c  # noqa: E741  # orders
G = BenefitGrantRow.c

_ID = sa.bindparam("id", type_=PgUUID)
_AFTER = sa.bindparam("after", type_=PgUUID)
_ALIVE = CustomerRow.c.deleted_at.is_(None)

# With seats nobody gets anything by the purchase itself (usage spec 9.4). What their holders should get instead, with
# their seats, is not given yet.
_SUBSCRIBED = sa.and_(sa.or_(*(S.status == status.value for status in sorted(ACTIVE))), S.seats.is_(None))
_TAKEN_BACK = (
    sa.exists()
    .where(
        RefundRow.c.order_id == O.id,
        RefundRow.c.revoke_benefits,
        sa.or_(*(RefundRow.c.status == status.value for status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED))),
    )
    .correlate(OrderRow)
)
_BOUGHT = sa.and_(
    O.billing_reason == BillingReason.PURCHASE.value,
    O.status != OrderStatus.PENDING.value,
    O.product_id.is_not(None),
    O.seats.is_(None),
    ~_TAKEN_BACK,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One of the two is set."""

    subscription_id: UUID | None = None
    order_id: UUID | None = None

    @property
    def id(self) -> UUID:
        """The one that is set."""
        found = self.subscription_id or self.order_id
        assert found is not None
        return found


_SUBSCRIPTION = (
    sa.select(S.customer_id, S.product_id, sa.and_(_SUBSCRIBED, _ALIVE).label("entitles"))
    .join_from(SubscriptionRow, CustomerRow, CustomerRow.c.id == S.customer_id)
    .where(S.id == _ID)
)
_ORDER = (
    sa.select(O.customer_id, O.product_id, sa.and_(_BOUGHT, _ALIVE).label("entitles"))
    .join_from(OrderRow, CustomerRow, CustomerRow.c.id == O.customer_id)
    .where(O.id == _ID)
)


async def read(runs: Runs, scope: Scope) -> Record | None:
    """`customer_id`, `product_id` and `entitles`: whether what comes with the product is the customer's now."""
    return await runs.fetchrow(_ORDER if scope.subscription_id is None else _SUBSCRIPTION, id=scope.id)


_PAGE = 500
_LISTS = (
    sa.select(S.id.label("subscription_id"), sa.null().cast(PgUUID).label("order_id"), S.id.label("place"))
    .where(S.product_id == _ID, _SUBSCRIBED, S.id > _AFTER)
    .order_by(S.id)
    .limit(_PAGE),
    sa.select(sa.null().cast(PgUUID).label("subscription_id"), O.id.label("order_id"), O.id.label("place"))
    .where(O.product_id == _ID, _BOUGHT, O.id > _AFTER)
    .order_by(O.id)
    .limit(_PAGE),
)
_HELD = (
    sa.select(G.subscription_id, G.order_id, G.id.label("place"), G.id.label("grant_id"))
    .where(G.status != GrantStatus.REVOKED.value, G.id > _AFTER)
    .order_by(G.id)
    .limit(_PAGE)
)
OF_PRODUCT = _LISTS
"""Scopes that the product entitles to something, a page of each after `after`."""
OF_BENEFIT = (_HELD.where(G.benefit_id == _ID),)
"""Grants of a benefit, also failed ones."""
OF_CUSTOMER = (_HELD.where(G.customer_id == _ID),)
"""Grants of a customer, also failed ones."""


def scopes_of(rows: Sequence[Record]) -> list[Scope]:
    """The scopes of some rows, each once."""
    return list(dict.fromkeys(Scope(row["subscription_id"], row["order_id"]) for row in rows))
