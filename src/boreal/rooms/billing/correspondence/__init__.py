"""Which mail follows what: of orders with their invoices, and of subscriptions."""
