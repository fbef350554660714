"""Many subscribers at once: copies of one who bought through the API, with customer and card of their own."""

from uuid import UUID

import asyncpg

_COPIES = """
    CREATE TEMP TABLE copies ON COMMIT DROP AS
    SELECT number, gen_random_uuid() AS customer_id, gen_random_uuid() AS method_id,
        gen_random_uuid() AS subscription_id
    FROM generate_series(1, {count}) AS number
"""
_CLONES = {
    "customers": "'id', copies.customer_id, 'email', 'clone' || number || '@example.com', 'invoice_next_number', 1,"
    " 'short_id', original.short_id + number, 'processor_customer_id', 'cus_clone' || number",
    "payment_methods": "'id', copies.method_id, 'customer_id', copies.customer_id,"
    " 'processor_id', 'pm_clone' || number",
    "sandbox_customers": "'id', 'cus_clone' || number, 'reference', 'clone' || number",
    "sandbox_methods": "'id', 'pm_clone' || number, 'customer_id', 'cus_clone' || number",
    "subscriptions": "'id', copies.subscription_id, 'customer_id', copies.customer_id, 'checkout_id', NULL,"
    " 'payment_method_id', copies.method_id",
    "subscription_prices": "'subscription_id', copies.subscription_id",
}
"""What differs between a copy and its original, by table."""

_WORK = """
    INSERT INTO work (organization_id, queue, kind, unique_key, payload, due_at, created_at)
    SELECT organization_id, 'renewals', 'renew_subscription', id::text, jsonb_build_object('subscription_id', id::text),
        current_period_end, created_at
    FROM subscriptions JOIN copies ON copies.subscription_id = subscriptions.id
"""


async def clone(connection: asyncpg.Connection, subscription_id: UUID, *, count: int) -> None:
    """Copies a subscriber of the sandbox so many times. Fresh copies have no order of their first period."""
    row = await connection.fetchrow(
        """
        SELECT subscription.id AS subscription_id, customer.id AS customer_id, method.id AS method_id,
            customer.processor_customer_id, method.processor_id
        FROM subscriptions AS subscription JOIN customers AS customer ON customer.id = customer_id
        JOIN payment_methods AS method ON method.id = payment_method_id WHERE subscription.id = $1
        """,
        subscription_id,
    )
    originals = {
        "customers": ("id", row["customer_id"]),
        "payment_methods": ("id", row["method_id"]),
        "sandbox_customers": ("id", row["processor_customer_id"]),
        "sandbox_methods": ("id", row["processor_id"]),
        "subscriptions": ("id", subscription_id),
        "subscription_prices": ("subscription_id", subscription_id),
    }
    async with connection.transaction():
        await connection.execute(_COPIES.format(count=int(count)))
        for table, differences in _CLONES.items():
            column, original = originals[table]
            statement = (
                f"INSERT INTO {table} SELECT (jsonb_populate_record(original, "  # made of constants
                f"jsonb_build_object({differences}))).* FROM {table} AS original, copies WHERE original.{column} = $1"
            )
            await connection.execute(statement, original)
        await connection.execute(_WORK)
    await connection.execute("ANALYZE")
