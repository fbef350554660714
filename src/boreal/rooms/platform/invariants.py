"""What must always hold in the platform room: each query returns the rows that break a rule, so none."""

import sqlalchemy as sa

INVARIANTS = {
    "an event belongs to the organization of its endpoint and of its fact": sa.text(
        """
        SELECT event.id FROM webhook_events AS event
        JOIN webhook_endpoints AS endpoint ON endpoint.id = event.endpoint_id
        JOIN facts AS fact ON fact.id = event.fact_id
        WHERE event.organization_id <> endpoint.organization_id OR event.organization_id <> fact.organization_id
        """
    ),
    "a delivery belongs to the organization of its event": sa.text(
        """
        SELECT delivery.id FROM webhook_deliveries AS delivery
        JOIN webhook_events AS event ON event.id = delivery.event_id
        WHERE delivery.organization_id <> event.organization_id
        """
    ),
    "a pending event has work that will send it": sa.text(
        """
        SELECT event.id FROM webhook_events AS event
        WHERE event.pending AND NOT EXISTS (
            SELECT FROM work
            WHERE work.kind = 'deliver_webhooks' AND work.failed_at IS NULL
              AND work.unique_key = event.endpoint_id::text || ':' || event.subject_id::text)
        """
    ),
    "a dispatched fact has an event for every endpoint that it names": sa.text(
        """
        SELECT fact.id, named.endpoint_id FROM facts AS fact
        CROSS JOIN LATERAL unnest(fact.endpoint_ids) AS named (endpoint_id)
        JOIN webhook_endpoints AS endpoint ON endpoint.id = named.endpoint_id
        WHERE fact.position IS NOT NULL AND endpoint.deleted_at IS NULL
          AND fact.name <> 'subscription.updated' -- which chat endpoints are not always told
          AND NOT EXISTS (
            SELECT FROM webhook_events AS event
            WHERE event.fact_id = fact.id AND event.endpoint_id = named.endpoint_id)
        """
    ),
    "an event keeps its bytes until it is archived": sa.text(
        """
        SELECT event.id FROM webhook_events AS event JOIN facts AS fact ON fact.id = event.fact_id
        WHERE event.is_archived <> (coalesce(event.payload, fact.payload) IS NULL)
        """
    ),
    "an event that succeeded has a delivery that did": sa.text(
        """
        SELECT event.id FROM webhook_events AS event
        WHERE event.succeeded AND NOT EXISTS (
            SELECT FROM webhook_deliveries AS delivery WHERE delivery.event_id = event.id AND delivery.succeeded)
        """
    ),
}
