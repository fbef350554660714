"""What is measured: events, meters and their balances."""
