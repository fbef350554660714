"""What must hold about customers and their sessions at any moment."""

import sqlalchemy as sa

INVARIANTS = {
    "no session belongs to another organization than its customer": sa.text(
        """
        SELECT session.id FROM customer_sessions AS session
        JOIN customers AS customer ON customer.id = session.customer_id
        WHERE session.organization_id <> customer.organization_id
        """
    ),
    "a session lasts an hour": sa.text(
        "SELECT id FROM customer_sessions WHERE expires_at <> created_at + interval '1 hour'"
    ),
    "a tax id is a number and its format": sa.text(
        """
        SELECT id FROM customers WHERE tax_id IS NOT NULL
        AND (jsonb_typeof(tax_id) <> 'array' OR jsonb_array_length(tax_id) <> 2)
        """
    ),
    "an address has a country": sa.text(
        "SELECT id FROM customers WHERE billing_address IS NOT NULL AND billing_address ->> 'country' IS NULL"
    ),
    "metadata is an object": sa.text("SELECT id FROM customers WHERE jsonb_typeof(metadata) <> 'object'"),
}
