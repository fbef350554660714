"""What must hold about orders, payments and subscriptions at any moment.

The database itself holds that a checkout has one order and one subscription, that sums follow from amounts, and that
invoice numbers are unique.
"""

import sqlalchemy as sa

INVARIANTS = {
    "usage is billed once: spans of a customer and a meter do not overlap": sa.text(
        """
        SELECT id FROM (
            SELECT id, from_seq, max(coalesce(until_seq, 9223372036854775807)) OVER (
                PARTITION BY customer_id, meter_id ORDER BY from_seq, until_seq, id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
            FROM usage_spans
        ) AS span
        WHERE span.before > span.from_seq
        """
    ),
    "usage is billed by an order of its subscription": sa.text(
        """
        SELECT span.id FROM usage_spans AS span JOIN orders ON orders.id = span.order_id
        WHERE orders.subscription_id IS DISTINCT FROM span.subscription_id
        """
    ),
    "a subscription that has ended has no usage that waits": sa.text(
        """
        SELECT span.id FROM usage_spans AS span JOIN subscriptions ON subscriptions.id = span.subscription_id
        WHERE span.order_id IS NULL AND NOT span.is_forgone AND subscriptions.status NOT IN (
            'trialing', 'active', 'past_due')
        """
    ),
    "the items of an order add up to its subtotal": sa.text(
        """
        SELECT orders.id, subtotal_amount, coalesce(sum(item.amount), 0) AS items
        FROM orders LEFT JOIN order_items AS item ON item.order_id = orders.id
        GROUP BY orders.id HAVING coalesce(sum(item.amount), 0) <> subtotal_amount
        """
    ),
    "an order of a checkout that cost something was paid with exactly that": sa.text(
        """
        SELECT orders.id FROM orders
        WHERE checkout_id IS NOT NULL AND status <> 'pending' AND due_amount > 0 AND NOT EXISTS (
            SELECT FROM payments AS payment
            WHERE payment.order_id = orders.id AND payment.status = 'succeeded'
            AND payment.amount = orders.due_amount AND payment.currency = orders.currency)
        """
    ),
    "what a settled order came to is in the ledger": sa.text(
        """
        SELECT orders.id FROM orders LEFT JOIN (
            SELECT transaction.order_id,
                sum(posting.amount) FILTER (WHERE holder = 'merchant') AS net,
                sum(posting.amount) FILTER (WHERE holder = 'tax') AS tax,
                sum(posting.amount) FILTER (WHERE holder = 'buyers') AS collected
            FROM ledger_transactions AS transaction
            JOIN ledger_postings AS posting ON posting.transaction_id = transaction.id
            WHERE transaction.type = 'sale' GROUP BY transaction.order_id
        ) AS sale ON sale.order_id = orders.id
        WHERE coalesce(sale.net, 0) <> CASE WHEN status = 'pending' THEN 0 ELSE net_amount END
        OR coalesce(sale.tax, 0) <> CASE WHEN status = 'pending' THEN 0 ELSE tax_amount END
        OR coalesce(sale.collected, 0) <> -coalesce((
            SELECT sum(payment.amount) FROM payments AS payment
            WHERE payment.order_id = orders.id AND payment.status = 'succeeded'), 0)
        """
    ),
    "an order counts what was given back, and never more than was collected": sa.text(
        """
        SELECT orders.id FROM orders CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS amount, coalesce(sum(tax_amount), 0) AS tax
            FROM refunds WHERE order_id = orders.id AND status = 'succeeded'
        ) AS given
        WHERE refunded_amount <> given.amount OR refunded_tax_amount <> given.tax
        OR given.amount + given.tax > due_amount
        OR (status IN ('refunded', 'partially_refunded')) <> (given.amount + given.tax > 0)
        """
    ),
    "a decided dispute is in the ledger, and no other": sa.text(
        """
        SELECT dispute.id FROM disputes AS dispute CROSS JOIN LATERAL (
            SELECT coalesce(sum(posting.amount), 0) AS taken
            FROM ledger_transactions AS transaction
            JOIN ledger_postings AS posting ON posting.transaction_id = transaction.id AND posting.holder = 'buyers'
            WHERE transaction.source_id = dispute.id
        ) AS ledger
        WHERE ledger.taken <> CASE WHEN status = 'lost' THEN amount + tax_amount ELSE 0 END
        """
    ),
    "what was given back is in the ledger": sa.text(
        """
        SELECT refund.id FROM refunds AS refund CROSS JOIN LATERAL (
            SELECT coalesce(sum(posting.amount), 0) AS given
            FROM ledger_transactions AS transaction
            JOIN ledger_postings AS posting ON posting.transaction_id = transaction.id AND posting.holder = 'buyers'
            WHERE transaction.source_id = refund.id
        ) AS ledger
        WHERE ledger.given <> CASE WHEN status = 'succeeded' THEN amount + tax_amount ELSE 0 END
        """
    ),
    "a subscription from a checkout has the order of that checkout": sa.text(
        """
        SELECT subscription.id FROM subscriptions AS subscription
        WHERE checkout_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM orders
            WHERE orders.checkout_id = subscription.checkout_id AND orders.subscription_id = subscription.id
            AND orders.customer_id = subscription.customer_id)
        """
    ),
    "a subscription that counts as active has a renewal that waits": sa.text(
        """
        SELECT id FROM subscriptions WHERE status IN ('trialing', 'active') AND NOT EXISTS (
            SELECT FROM work WHERE kind = 'renew_subscription' AND unique_key = subscriptions.id::text)
        """
    ),
    "a subscription that is past due has an order that is charged again": sa.text(
        """
        SELECT id FROM subscriptions WHERE status = 'past_due' AND NOT EXISTS (
            SELECT FROM orders WHERE orders.subscription_id = subscriptions.id
            AND orders.status = 'pending' AND next_payment_attempt_at IS NOT NULL)
        """
    ),
    "an order that waits for its payment is being collected, or was given up": sa.text(
        """
        SELECT id FROM orders WHERE status = 'pending'
        AND (next_payment_attempt_at IS NOT NULL OR first_failed_at IS NULL) AND NOT EXISTS (
            SELECT FROM work WHERE kind = 'collect_order' AND unique_key = orders.id::text)
        """
    ),
    "what an order bills was billed by no other": sa.text(
        """
        SELECT orders.id FROM orders JOIN billing_entries AS entry ON entry.order_id = orders.id
        GROUP BY orders.id HAVING sum(entry.amount) <> orders.subtotal_amount AND NOT EXISTS (
            SELECT FROM order_items AS item JOIN product_prices AS price ON price.id = item.product_price_id
            WHERE item.order_id = orders.id AND price.amount_type = 'metered_unit')
        """
    ),
    "a subscription on trial has a trial that ends with its period": sa.text(
        """
        SELECT id FROM subscriptions WHERE status = 'trialing' AND trial_end IS DISTINCT FROM current_period_end
        """
    ),
    "what was collected for nothing was given back, or is about to be": sa.text(
        """
        SELECT source_id FROM ledger_transactions AS surplus WHERE type = 'surplus' AND NOT EXISTS (
            SELECT FROM ledger_transactions AS back
            WHERE back.source_id = surplus.source_id AND back.type = 'surplus_return')
        AND NOT EXISTS (SELECT FROM work WHERE kind = 'return_surplus' AND unique_key = surplus.source_id::text)
        """
    ),
    "money that was collected is that of an order, of a checkout or is given back": sa.text(
        """
        SELECT id FROM payments WHERE status = 'succeeded' AND order_id IS NULL AND checkout_id IS NULL
        AND NOT EXISTS (SELECT FROM ledger_transactions WHERE source_id = payments.id AND type = 'surplus')
        """
    ),
}
