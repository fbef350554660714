"""`/v1/customer-portal/meters`: what a customer used (usage spec 16).

Shown are the meters by which a price of an active subscription of the customer counts, and those of which a benefit
that it holds credits units.
"""

from typing import Any

import sqlalchemy as sa

from boreal.core.benefits import BenefitType
from boreal.core.grants import GrantStatus
from boreal.core.subscriptions import ACTIVE
from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.public import SubscriptionPriceRow, SubscriptionRow
from boreal.rooms.catalog.public import BenefitRow, ProductPriceRow
from boreal.rooms.entitlements.grants.tables import BenefitGrantRow
from boreal.rooms.entitlements.meters.schemas import CustomerCustomerMeter
from boreal.rooms.usage.public import CUSTOMER_METER_CUSTOMER_ID, CUSTOMER_METER_METER_ID, OwnMeters

routes = Routes("/v1/customer-portal/meters", tags=("customer_portal", "customer_meters"))

READ = ("customer_portal:read", "customer_portal:write")

S = SubscriptionRow.c
G = BenefitGrantRow.c

_PRICED = (
    sa.select(sa.literal(1))
    .select_from(SubscriptionRow)
    .join(SubscriptionPriceRow, SubscriptionPriceRow.c.subscription_id == S.id)
    .join(ProductPriceRow, ProductPriceRow.c.id == SubscriptionPriceRow.c.product_price_id)
    .where(
        S.customer_id == CUSTOMER_METER_CUSTOMER_ID,
        sa.or_(*(S.status == status.value for status in sorted(ACTIVE))),
        ProductPriceRow.c.meter_id == CUSTOMER_METER_METER_ID,
    )
    .exists()
)
_CREDITED = (
    sa.select(sa.literal(1))
    .select_from(BenefitGrantRow)
    .join(BenefitRow, BenefitRow.c.id == G.benefit_id)
    .where(
        G.customer_id == CUSTOMER_METER_CUSTOMER_ID,
        G.status == GrantStatus.GRANTED.value,
        BenefitRow.c.type == BenefitType.METER_CREDIT.value,
        BenefitRow.c.properties.op("->>")(sa.literal("meter_id", sa.Text)) == sa.cast(CUSTOMER_METER_METER_ID, sa.Text),
    )
    .exists()
)
METERS = OwnMeters(sa.or_(_PRICED, _CREDITED))


@routes.get(
    "/",
    audience=PORTAL,
    scopes=READ,
    returns=ListResource[CustomerCustomerMeter],
    listing=METERS.listing,
    name="list",
)
async def list_meters(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists what the authenticated customer used of its meters."""
    return await METERS.listed(app.database, actor, query)


@routes.get("/{id}", audience=PORTAL, scopes=READ, returns=CustomerCustomerMeter, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets what the authenticated customer used of a meter."""
    return await METERS.get(app.database, actor, id)
