"""What becomes of subscriptions over time: renewals, changes, and what both are billed."""
