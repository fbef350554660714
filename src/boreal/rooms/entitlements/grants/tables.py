"""The table of grants: one per customer, benefit and scope."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.grants import GrantStatus
from boreal.kit.db import metadata, one_of

BenefitGrantRow = sa.Table(
    "benefit_grants",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("member_id", UUID),
    sa.Column("benefit_id", UUID, sa.ForeignKey("benefits.id"), nullable=False),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id")),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id")),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("granted_at", sa.DateTime(timezone=True)),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.Column("error", JSONB(none_as_null=True)),
    sa.Column("properties", JSONB, nullable=False),
    sa.Column("previous_properties", JSONB(none_as_null=True)),
    sa.Column("cycled_order_id", UUID),
    sa.Column("benefit_properties", JSONB(none_as_null=True)),
    one_of("status", GrantStatus),
    sa.CheckConstraint("(subscription_id IS NULL) <> (order_id IS NULL)", name="scope"),
    sa.CheckConstraint("(status = 'granted') = (granted_at IS NOT NULL)", name="granted_at"),
    sa.CheckConstraint("(status = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_at"),
    sa.Index(
        "uq_benefit_grants_scope",
        "customer_id",
        "benefit_id",
        sa.text("coalesce(subscription_id, order_id)"),
        sa.text("coalesce(member_id, customer_id)"),
        unique=True,
    ),
    sa.Index("ix_benefit_grants_organization_id_created_at", "organization_id", "created_at"),
    sa.Index("ix_benefit_grants_benefit_id", "benefit_id", "id"),
    sa.Index("ix_benefit_grants_subscription_id", "subscription_id"),
    sa.Index("ix_benefit_grants_order_id", "order_id"),
)
