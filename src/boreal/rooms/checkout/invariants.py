"""What must hold for checkout sessions; each query returns the rows for which it does not."""

import sqlalchemy as sa

INVARIANTS = {
    "a succeeded session has an order": sa.text(
        """
        SELECT checkouts.id FROM checkouts LEFT JOIN orders ON orders.checkout_id = checkouts.id
        WHERE checkouts.status = 'succeeded' AND orders.id IS NULL
        """
    ),
    "only a succeeded session has an order": sa.text(
        """
        SELECT checkouts.id FROM checkouts JOIN orders ON orders.checkout_id = checkouts.id
        WHERE checkouts.status <> 'succeeded'
        """
    ),
    "a busy session has an attempt under way": sa.text(
        """
        SELECT checkouts.id FROM checkouts LEFT JOIN checkout_attempts AS attempt
            ON attempt.id = checkouts.attempt_id AND attempt.state = 'started'
        WHERE checkouts.attempt_id IS NOT NULL AND attempt.id IS NULL
        """
    ),
    "an attempt under way has a safety net": sa.text(
        """
        SELECT attempt.id FROM checkout_attempts AS attempt LEFT JOIN work
            ON work.kind = 'settle_attempt' AND work.unique_key = attempt.id::text
        WHERE attempt.state = 'started' AND work.id IS NULL
        """
    ),
    "a confirmed session is being completed": sa.text(
        """
        SELECT checkouts.id FROM checkouts LEFT JOIN work
            ON work.kind = 'complete_checkout' AND work.unique_key = checkouts.id::text
        WHERE checkouts.status = 'confirmed' AND work.id IS NULL
        """
    ),
    "an order is for what the session says": sa.text(
        """
        SELECT checkouts.id FROM checkouts JOIN orders ON orders.checkout_id = checkouts.id
        WHERE checkouts.trial_end IS NULL AND (orders.currency <> checkouts.currency
            OR orders.subtotal_amount <> checkouts.amount OR orders.tax_amount <> coalesce(checkouts.tax_amount, 0))
        """
    ),
}
