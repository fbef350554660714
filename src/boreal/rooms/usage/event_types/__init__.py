"""Event types: what the names of the merchant's events are called where people see them."""
