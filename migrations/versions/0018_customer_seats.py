"""Seats of subscriptions and of orders."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE customer_seats (
            id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            modified_at TIMESTAMP WITH TIME ZONE,
            organization_id UUID NOT NULL,
            subscription_id UUID,
            order_id UUID,
            status TEXT NOT NULL,
            customer_id UUID,
            invitation_hash TEXT,
            sealed_invitation TEXT,
            invitation_token_expires_at TIMESTAMP WITH TIME ZONE,
            claimed_at TIMESTAMP WITH TIME ZONE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            seat_metadata JSONB,
            CONSTRAINT pk_customer_seats PRIMARY KEY (id),
            CONSTRAINT ck_customer_seats_status CHECK (status IN ('pending', 'claimed', 'revoked')),
            CONSTRAINT ck_customer_seats_container CHECK ((subscription_id IS NULL) <> (order_id IS NULL)),
            CONSTRAINT ck_customer_seats_holder CHECK ((customer_id IS NULL) = (status = 'revoked')),
            CONSTRAINT ck_customer_seats_invitation CHECK ((invitation_hash IS NOT NULL) = (status = 'pending')),
            CONSTRAINT fk_customer_seats_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
            CONSTRAINT fk_customer_seats_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            CONSTRAINT fk_customer_seats_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
            CONSTRAINT fk_customer_seats_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
            CONSTRAINT uq_customer_seats_invitation_hash UNIQUE (invitation_hash)
        );
        CREATE INDEX ix_customer_seats_customer_id ON customer_seats (customer_id);
        CREATE UNIQUE INDEX uq_customer_seats_order_id_customer_id ON customer_seats (order_id, customer_id);
        CREATE UNIQUE INDEX uq_customer_seats_subscription_id_customer_id
            ON customer_seats (subscription_id, customer_id);
        """
    )
