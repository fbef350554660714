"""What follows the facts of others: purchases, refunds, seats, changes of products and of benefits (usage spec 9.3)."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import dunning
from boreal.core.orders import BillingReason
from boreal.core.subscriptions import SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.work import Kind, Later, Work
from boreal.rooms.billing.public import CustomerSeatRow, OrderRow, SubscriptionRow
from boreal.rooms.entitlements.grants import commands, scopes
from boreal.rooms.entitlements.grants.commands import Renewal
from boreal.rooms.entitlements.grants.scopes import Scope

_ORDER = sa.select(OrderRow.c.subscription_id, OrderRow.c.billing_reason, OrderRow.c.created_at).where(
    OrderRow.c.id == sa.bindparam("id", type_=PgUUID)
)
# A renewal of what bills usage alone has no order when nothing was used.
_UNBILLED = sa.select(SubscriptionRow.c.period_number, SubscriptionRow.c.current_period_start).where(
    SubscriptionRow.c.id == sa.bindparam("id", type_=PgUUID),
    SubscriptionRow.c.status == SubscriptionStatus.ACTIVE.value,
    SubscriptionRow.c.period_number > 1,
    ~sa.exists().where(
        OrderRow.c.subscription_id == SubscriptionRow.c.id, OrderRow.c.period_number == SubscriptionRow.c.period_number
    ),
)
_SEAT = sa.select(CustomerSeatRow.c.subscription_id, CustomerSeatRow.c.order_id).where(
    CustomerSeatRow.c.id == sa.bindparam("id", type_=PgUUID)
)
_FIRST = UUID(int=0)


async def grant_benefits(app: App, work: Work) -> None:
    """Settles the scope that a fact is about; a renewal that was paid also cycles what its subscription has."""
    noun, id = work.payload["fact"].partition(".")[0], UUID(work.payload["subject_id"])
    if noun == "subscription":
        await _settle(app, work, Scope(subscription_id=id))
        await _cycle_unbilled(app, work, id)
        return
    if noun == "customer_seat":
        seat = await app.database.fetchrow(_SEAT, id=id)
        assert seat is not None
        await _settle(app, work, Scope(seat["subscription_id"], seat["order_id"]))
        return
    if noun in ("refund", "dispute"):
        if not work.payload["revoke_benefits"]:
            return
        id = UUID(work.payload["order_id"])
    order = await app.database.fetchrow(_ORDER, id=id)
    assert order is not None
    if order["subscription_id"] is None:
        await _settle(app, work, Scope(order_id=id))
    elif noun == "order" and order["billing_reason"] == BillingReason.SUBSCRIPTION_CYCLE:
        scope = Scope(subscription_id=order["subscription_id"])
        await _settle(app, work, scope)
        renewal = Renewal(scope.id, id, order["created_at"])
        await commands.cycle(app, renewal, organization_id=work.organization_id)


async def _cycle_unbilled(app: App, work: Work, subscription_id: UUID) -> None:
    """A renewal without an order is paid as it is (orders spec 13.5)."""
    row = await app.database.fetchrow(_UNBILLED, id=subscription_id)
    if row is not None:
        stand_in = uuid5(subscription_id, str(row["period_number"]))
        renewal = Renewal(subscription_id, stand_in, row["current_period_start"])
        await commands.cycle(app, renewal, organization_id=work.organization_id)


async def _settle(app: App, work: Work, scope: Scope) -> None:
    """Settles a scope, and looks at it again before its grace is over."""
    standing = await commands.settle(app, scope, organization_id=work.organization_id)
    if standing is None or not standing.is_in_grace:
        return
    assert standing.grace_ends_at is not None
    async with app.transaction(work.organization_id) as tx:
        tx.enqueue(
            "end_grace",
            payload=scope.payload,
            due_at=dunning.next_look(standing.grace_ends_at, now=tx.now),
            unique_key=str(scope.id),
            sooner=True,
        )


async def end_grace(app: App, work: Work) -> None:
    """Settles a subscription whose payment is overdue, every day until its grace is over (orders spec 12.3)."""
    scope = Scope(subscription_id=UUID(work.payload["subscription_id"]))
    standing = await commands.settle(app, scope, organization_id=work.organization_id)
    if standing is not None and standing.is_in_grace:
        assert standing.grace_ends_at is not None
        now = await app.times.now(work.organization_id)
        raise Later(dunning.next_look(standing.grace_ends_at, now=now), counts=False)


async def spread_grants(app: App, work: Work) -> None:
    """Asks for the work on every scope that a change of a product, a benefit or a customer touches."""
    fact, id = work.payload["fact"], UUID(work.payload["subject_id"])
    if fact == "product.updated" and work.payload.get("benefits_changed"):
        await _spread(app, work, scopes.OF_PRODUCT, id)
    elif fact == "benefit.updated" and work.payload.get("is_deleted"):
        await _spread(app, work, scopes.OF_BENEFIT, id)
    elif fact == "benefit.updated" and work.payload.get("is_material"):
        await _spread(app, work, scopes.OF_BENEFIT, id, renew=True)
    elif fact == "customer.deleted":
        await _spread(app, work, scopes.OF_CUSTOMER, id)


async def _spread(
    app: App, work: Work, statements: Sequence[sa.Select[tuple[UUID, ...]]], id: UUID, *, renew: bool = False
) -> None:
    for statement in statements:
        after = _FIRST
        while rows := await app.database.fetch(statement, id=id, after=after):
            after = rows[-1]["place"]
            async with app.transaction(work.organization_id) as tx:
                if renew:
                    for row in rows:
                        key = str(row["grant_id"])
                        tx.enqueue("renew_grant", payload={"grant_id": key}, unique_key=key)
                    continue
                for scope in scopes.scopes_of(rows):
                    tx.enqueue("settle_grants", payload=scope.payload, unique_key=str(scope.id))


async def settle_grants(app: App, work: Work) -> None:
    """Settles one scope, or one customer of it."""
    ids = {name: UUID(id) for name, id in work.payload.items()}
    customer_id, scope = ids.pop("customer_id", None), Scope(**ids)
    if customer_id is None:
        await _settle(app, work, scope)
    else:
        await commands.settle_customer(app, scope, customer_id, organization_id=work.organization_id)


async def cycle_grants(app: App, work: Work) -> None:
    """One customer of a subscription is cycled for a renewal."""
    customer_id = UUID(work.payload["customer_id"])
    await commands.cycle_customer(app, Renewal.parse(work.payload), customer_id, organization_id=work.organization_id)


async def renew_grant(app: App, work: Work) -> None:
    """One grant follows its benefit."""
    await commands.renew(app, UUID(work.payload["grant_id"]), organization_id=work.organization_id)


KINDS = {
    "grant_benefits": Kind(grant_benefits),
    "spread_grants": Kind(spread_grants),
    "settle_grants": Kind(settle_grants),
    "cycle_grants": Kind(cycle_grants),
    "end_grace": Kind(end_grace),
    "renew_grant": Kind(renew_grant),
}

REACTIONS = {
    "order.paid": ("grant_benefits",),
    "subscription.updated": ("grant_benefits",),
    "refund.created": ("grant_benefits",),
    "refund.updated": ("grant_benefits",),
    "dispute.closed": ("grant_benefits",),
    "customer_seat.claimed": ("grant_benefits",),
    "customer_seat.revoked": ("grant_benefits",),
    "product.updated": ("spread_grants",),
    "benefit.updated": ("spread_grants",),
    "customer.deleted": ("spread_grants",),
}
