"""What follows the facts of others: purchases, refunds, changes of products and of benefits (usage spec 9.3)."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.orders import BillingReason
from boreal.kit.app import App
from boreal.kit.work import Kind, Work
from boreal.rooms.billing.public import OrderRow
from boreal.rooms.entitlements.grants import commands, scopes
from boreal.rooms.entitlements.grants.scopes import Scope

_ORDER = sa.select(OrderRow.c.subscription_id, OrderRow.c.billing_reason).where(
    OrderRow.c.id == sa.bindparam("id", type_=PgUUID)
)
_FIRST = UUID(int=0)


async def grant_benefits(app: App, work: Work) -> None:
    """Settles the scope that a fact is about; a renewal that was paid also cycles what its subscription has."""
    noun, id = work.payload["fact"].partition(".")[0], UUID(work.payload["subject_id"])
    if noun == "subscription":
        await commands.settle(app, Scope(subscription_id=id), organization_id=work.organization_id)
        return
    if noun == "refund":
        if not work.payload["revoke_benefits"]:
            return
        id = UUID(work.payload["order_id"])
    order = await app.database.fetchrow(_ORDER, id=id)
    assert order is not None
    if order["subscription_id"] is None:
        await commands.settle(app, Scope(order_id=id), organization_id=work.organization_id)
    elif noun == "order" and order["billing_reason"] == BillingReason.SUBSCRIPTION_CYCLE:
        scope = Scope(subscription_id=order["subscription_id"])
        await commands.settle(app, scope, organization_id=work.organization_id)
        await commands.cycle(app, scope.id, order_id=id, organization_id=work.organization_id)


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
                    name = "order_id" if scope.subscription_id is None else "subscription_id"
                    tx.enqueue("settle_grants", payload={name: str(scope.id)}, unique_key=str(scope.id))


async def settle_grants(app: App, work: Work) -> None:
    """Settles one scope."""
    scope = Scope(**{name: UUID(id) for name, id in work.payload.items()})
    await commands.settle(app, scope, organization_id=work.organization_id)


async def renew_grant(app: App, work: Work) -> None:
    """One grant follows its benefit."""
    await commands.renew(app, UUID(work.payload["grant_id"]), organization_id=work.organization_id)


KINDS = {
    "grant_benefits": Kind(grant_benefits),
    "spread_grants": Kind(spread_grants),
    "settle_grants": Kind(settle_grants),
    "renew_grant": Kind(renew_grant),
}

REACTIONS = {
    "order.paid": ("grant_benefits",),
    "subscription.updated": ("grant_benefits",),
    "refund.created": ("grant_benefits",),
    "refund.updated": ("grant_benefits",),
    "product.updated": ("spread_grants",),
    "benefit.updated": ("spread_grants",),
    "customer.deleted": ("spread_grants",),
}
