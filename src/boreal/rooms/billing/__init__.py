"""What is owed and paid: subscriptions, orders, payments."""
