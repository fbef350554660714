"""Checkout links: long-lived addresses, each visit of which opens a fresh session (catalog spec 5)."""
