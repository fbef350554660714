"""`/v1/refunds` (orders spec 15.2)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.routing import Routes
from boreal.kit.schemas import ListResource
from boreal.rooms.billing.refunds import queries
from boreal.rooms.billing.refunds.commands import NewRefund, create
from boreal.rooms.billing.refunds.errors import (
    RefundedAlready,
    RefundsBlocked,
    RefundUnknownPayment,
    RevokeSubscriptionBenefitsProhibited,
)
from boreal.rooms.billing.refunds.schemas import Refund, RefundCreate

routes = Routes("/v1/refunds", tags=("refunds",))


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=("refunds:read", "refunds:write"),
    returns=ListResource[Refund],
    listing=queries.REFUNDS,
    name="list",
)
async def list_refunds(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists refunds."""
    page = await queries.REFUNDS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.post(
    "/",
    audience=MERCHANT,
    scopes=("refunds:write",),
    returns=Refund,
    # The reference names a 201 that it never answers (orders spec 15.2).
    errors=((201, None), RefundedAlready, RefundsBlocked, RefundUnknownPayment, RevokeSubscriptionBenefitsProhibited),
    name="create",
)
async def create_refund(app: App, actor: Actor, body: RefundCreate) -> dict[str, Any]:
    """Gives back a part of an order, or all of it."""
    asked = NewRefund(
        order_id=body.order_id,
        amount=body.amount,
        reason=body.reason,
        comment=body.comment,
        revoke_benefits=body.revoke_benefits,
        metadata=body.metadata,
    )
    return await queries.read(app.database, await create(app, actor, asked))
