"""What a paid order means for the subscription that it belongs to. The caller holds the customer's row lock."""

from dataclasses import replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.orders import OrderStatus
from boreal.core.renewals import is_due
from boreal.core.subscriptions import Subscription, SubscriptionStatus
from boreal.kit.tx import Tx
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.subscriptions.commands import lock, renew_later

_HAS_OTHER_UNPAID = sa.select(
    sa.exists().where(
        OrderRow.c.subscription_id == sa.bindparam("subscription_id", type_=PgUUID),
        OrderRow.c.id != sa.bindparam("order_id", type_=PgUUID),
        OrderRow.c.status == OrderStatus.PENDING.value,
        OrderRow.c.first_failed_at.is_not(None),
        OrderRow.c.next_payment_attempt_at.is_not(None),
    )
)


async def recover(tx: Tx, id: UUID, *, order_id: UUID, method_id: UUID | None = None) -> Subscription:
    """The subscription after this order of it was paid: active again if it was past due (orders spec 12.4).

    It stays past due while another of its orders is still charged again and again. `method_id` is charged from now on;
    None leaves the method as it is. What was past due, or has waited for this order, is renewed from now on.
    """
    before = await lock(tx, id)
    after = replace(before, payment_method_id=method_id or before.payment_method_id)
    recovers = before.status is SubscriptionStatus.PAST_DUE and not await tx.fetchval(
        _HAS_OTHER_UNPAID, subscription_id=id, order_id=order_id
    )
    if recovers:
        after = replace(after, status=SubscriptionStatus.ACTIVE, past_due_at=None)
    if after != before:
        after = await tx.save(before, replace(after, modified_at=tx.now))
    if recovers or is_due(after, now=tx.now):
        renew_later(tx, after)
    return after
