"""Telling that the state of a customer changed: follows every fact that may have changed it (usage spec 13)."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.customers import Customer
from boreal.kit.app import App
from boreal.kit.work import Work
from boreal.rooms.billing.public import SubscriptionRow
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.entitlements.grants.queries import CUSTOMER_OF

GRANT_FACTS = (
    "benefit_grant.created",
    "benefit_grant.updated",
    "benefit_grant.cycled",
    "benefit_grant.revoked",
)
"""The facts about grants."""

CHANGES_STATE = (
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "subscription.updated",
    "usage.recorded",
    *GRANT_FACTS,
)
"""The facts after which the state may be another; a new subscription is also told as updated."""

_OF_SUBSCRIPTION = sa.select(SubscriptionRow.c.customer_id).where(
    SubscriptionRow.c.id == sa.bindparam("id", type_=PgUUID)
)
_LOCK_OF_SUBSCRIPTION = (
    sa.select(CustomerRow.c.id)
    .where(CustomerRow.c.id == _OF_SUBSCRIPTION.scalar_subquery())
    .with_for_update(key_share=True)
)


async def announce_customer_state(app: App, work: Work) -> None:
    """Records `customer.state_changed` for the customer of a fact, with the state as it is now.

    The customer's row is locked meanwhile, so that announcements tell states in the order in which they came about.
    Done twice, it tells the state twice, which receivers have to expect anyway.
    """
    subject_id = UUID(work.payload["subject_id"])
    async with app.transaction(work.organization_id) as tx:
        if work.payload["fact"].startswith("subscription."):
            customer_id = await tx.fetchval(_LOCK_OF_SUBSCRIPTION, id=subject_id)
        elif work.payload["fact"] in GRANT_FACTS:
            customer_id = await tx.fetchval(CUSTOMER_OF, id=subject_id)
            await tx.lock(Customer, customer_id)
        else:
            await tx.lock(Customer, subject_id)
            customer_id = subject_id
        tx.announce("customer.state_changed", subject_kind="customer", subject_id=customer_id)
