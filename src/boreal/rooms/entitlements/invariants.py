"""What must hold about announced states at any moment."""

import sqlalchemy as sa

INVARIANTS = {
    "after a change of a customer or a subscription its state was announced, or will be": sa.text(
        """
        WITH changes AS (
            SELECT coalesce(subscription.customer_id, fact.subject_id) AS customer_id, fact.subject_id,
                max(fact.id) AS id
            FROM facts AS fact LEFT JOIN subscriptions AS subscription ON subscription.id = fact.subject_id
            WHERE fact.position IS NOT NULL AND fact.name IN (
                'customer.created', 'customer.updated', 'customer.deleted', 'subscription.created',
                'subscription.updated')
            GROUP BY 1, 2
        ), announced AS (
            SELECT subject_id AS customer_id, max(id) AS id FROM facts WHERE name = 'customer.state_changed' GROUP BY 1
        )
        SELECT changes.customer_id, changes.id
        FROM changes LEFT JOIN announced ON announced.customer_id = changes.customer_id
        WHERE coalesce(announced.id, 0) < changes.id AND NOT EXISTS (
            SELECT FROM work
            WHERE kind = 'announce_customer_state' AND payload ->> 'subject_id' = changes.subject_id::text)
        """
    ),
}
