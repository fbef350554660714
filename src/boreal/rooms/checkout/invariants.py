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
        WHERE orders.currency <> checkouts.currency OR orders.product_id <> checkouts.product_id
            OR checkouts.trial_end IS NULL AND (orders.subtotal_amount <> checkouts.amount
                OR orders.discount_id IS DISTINCT FROM checkouts.discount_id
                OR orders.discount_amount > 0 AND orders.discount_id IS NULL
                OR orders.tax_amount <> coalesce(checkouts.tax_amount, 0))
            OR checkouts.trial_end IS NOT NULL AND orders.total_amount <> 0
        """
    ),
    "an order of a session was paid once, and in full": sa.text(
        """
        SELECT checkouts.id FROM checkouts JOIN orders ON orders.checkout_id = checkouts.id
        LEFT JOIN payments ON payments.checkout_id = checkouts.id AND payments.status = 'succeeded'
        GROUP BY checkouts.id, orders.id
        HAVING coalesce(sum(payments.amount), 0) <> orders.total_amount OR count(payments.id) > 1
        """
    ),
    "nobody paid for a session that gave them nothing": sa.text(
        """
        SELECT checkouts.id FROM checkouts JOIN payments ON payments.checkout_id = checkouts.id
        WHERE payments.status = 'succeeded' AND checkouts.status NOT IN ('confirmed', 'succeeded')
        """
    ),
    "a session waits for its payment only while it is confirmed": sa.text(
        "SELECT id FROM checkouts WHERE status IN ('open', 'expired') AND intent_id IS NOT NULL"
    ),
    "what an attempt asked is kept only while it is needed": sa.text(
        "SELECT id FROM checkout_attempts WHERE state <> 'started' AND (request <> '{}' OR candidate <> '{}')"
    ),
    "a session has a discount of its own organization": sa.text(
        """
        SELECT checkouts.id FROM checkouts LEFT JOIN discounts ON discounts.id = checkouts.discount_id
        WHERE checkouts.discount_id IS NOT NULL
            AND checkouts.organization_id IS DISTINCT FROM discounts.organization_id
        """
    ),
    "whoever confirmed with a discount redeemed it": sa.text(
        """
        SELECT checkouts.id FROM checkouts LEFT JOIN discount_redemptions AS redemption
            ON redemption.checkout_id = checkouts.id AND redemption.discount_id = checkouts.discount_id
        WHERE checkouts.status IN ('confirmed', 'succeeded') AND checkouts.discount_id IS NOT NULL
            AND redemption.checkout_id IS NULL
        """
    ),
    "whoever did not confirm redeemed nothing": sa.text(
        """
        SELECT checkouts.id FROM checkouts
        JOIN discount_redemptions AS redemption ON redemption.checkout_id = checkouts.id
        WHERE checkouts.status IN ('open', 'expired') AND checkouts.attempt_id IS NULL
        """
    ),
    "only who confirms claims a subscription": sa.text(
        """
        SELECT claim.key FROM subscription_claims AS claim JOIN checkouts ON checkouts.id = claim.checkout_id
        WHERE checkouts.status <> 'confirmed' AND checkouts.attempt_id IS NULL
        """
    ),
    "a fulfilled trial is remembered": sa.text(
        """
        SELECT checkouts.id FROM checkouts LEFT JOIN trial_redemptions AS trial ON trial.checkout_id = checkouts.id
        WHERE checkouts.status = 'succeeded' AND (checkouts.trial_end IS NULL) <> (trial.checkout_id IS NULL)
        """
    ),
}
