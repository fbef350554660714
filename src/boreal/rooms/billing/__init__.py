"""The billing room: what customers owe, what they paid, and what renews.

Owns: orders with their items and invoice numbers, subscriptions with the prices they are billed by, their renewals and
changes, payments, payment methods, refunds, disputes, seats, invoices, the mails about orders.
Does not own: what is sold (catalog), who buys (customers), how a purchase comes about (checkout), what a purchase
gives access to (entitlements), where the money goes (finance).
Words: a *purchase* is a confirmed checkout as billing needs to know it; *settling* it makes its order and, for what
recurs, its subscription; a *payment* is one attempt to collect money, successful or not; the *attempt* at a refund
holds what is being asked of the processor, and counts as given back; the *anchor day* is the day of the month on which
the present run of periods began; an *entry* is something that waits to be billed; a *charge* is an attempt to collect
an order; a *span* is usage of a customer that one subscription pays for; the *standing* of a subscription is all that
its bill depends on; a *decision* is what becomes of it.
Invariants: one order and one subscription per checkout; one order per subscription and period; the items of an order
add up to its subtotal; an order that a checkout left paid has a succeeded payment of what was due;
what orders come to, was collected and given back is in the ledger; what counts as active has a renewal waiting.
Traps: everything here is changed under the customer's row lock; sums are generated columns, so they are read and never
written; an order of a trial costs nothing although its checkout shows the future price; prices of a subscription are
its own and outlive those of the product; the balance that a pending order counts on is in no ledger yet
(`orders/drafts.py:available_credit`); a renewal waits for the end of the charge before it; usage is closed before it is
billed (`changes/metering.py`), and who changes what a subscription may bill calls `usage/attachment.py`.
"""
