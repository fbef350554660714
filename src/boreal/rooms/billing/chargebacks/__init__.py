"""Following disputes: what they do to orders, refunds, subscriptions and the ledger."""
