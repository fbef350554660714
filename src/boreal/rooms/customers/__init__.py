"""Who buys: customers, their members and sessions."""
