"""What must hold about announced states at any moment."""

import sqlalchemy as sa

INVARIANTS = {
    "after a change of a customer, a subscription or a grant its state was announced, or will be": sa.text(
        """
        WITH changes AS (
            SELECT coalesce(subscription.customer_id, grant_.customer_id, fact.subject_id) AS customer_id,
                fact.subject_id, max(fact.id) AS id
            FROM facts AS fact LEFT JOIN subscriptions AS subscription ON subscription.id = fact.subject_id
                LEFT JOIN benefit_grants AS grant_ ON grant_.id = fact.subject_id
            WHERE fact.position IS NOT NULL AND fact.name IN (
                'customer.created', 'customer.updated', 'customer.deleted', 'subscription.created',
                'subscription.updated', 'benefit_grant.created', 'benefit_grant.updated', 'benefit_grant.cycled',
                'benefit_grant.revoked')
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
    "a grant belongs to the organization of its customer and of its benefit": sa.text(
        """
        SELECT benefit_grants.id FROM benefit_grants
        JOIN customers ON customers.id = customer_id JOIN benefits ON benefits.id = benefit_id
        WHERE benefit_grants.organization_id <> customers.organization_id
            OR benefit_grants.organization_id <> benefits.organization_id
        """
    ),
    "who has no granted grant of a benefit has none of its files": sa.text(
        """
        SELECT downloadables.id FROM downloadables
        WHERE status = 'granted' AND NOT EXISTS (
            SELECT FROM benefit_grants WHERE benefit_grants.customer_id = downloadables.customer_id
                AND benefit_grants.benefit_id = downloadables.benefit_id AND benefit_grants.status = 'granted')
        """
    ),
}
