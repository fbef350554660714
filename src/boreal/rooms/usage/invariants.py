"""What must hold about events and meters at any moment; `meters/verification.py` counts the numbers anew."""

import sqlalchemy as sa

INVARIANTS = {
    "the values of a unique meter are as many as was counted": sa.text(
        """
        SELECT meter_id, subject, from_seq, wanted.count AS wanted, kept.count AS kept
        FROM (SELECT meter_id, subject, from_seq, count(*) AS count FROM meter_values GROUP BY 1, 2, 3) AS wanted
            FULL JOIN meter_value_counts AS kept USING (meter_id, subject, from_seq)
        WHERE wanted.count IS DISTINCT FROM kept.count
        """
    ),
    "names occurred as often as there are events": sa.text(
        """
        SELECT organization_id, name, source, wanted.count AS wanted, kept.count AS kept
        FROM (SELECT organization_id, name, source, count(*) AS count FROM events GROUP BY 1, 2, 3) AS wanted
            FULL JOIN (
                SELECT organization_id, name, source, sum(occurrences) AS count FROM event_names GROUP BY 1, 2, 3
            ) AS kept USING (organization_id, name, source)
        WHERE wanted.count IS DISTINCT FROM kept.count
        """
    ),
    "a taken key belongs to one event": sa.text(
        """
        SELECT key, count(event.id) FROM event_keys LEFT JOIN events AS event ON event.id = event_keys.event_id
        GROUP BY key, event_keys.event_id HAVING count(event.id) <> 1
        """
    ),
}
