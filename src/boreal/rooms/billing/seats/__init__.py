"""Seats of subscriptions and orders (orders spec 14)."""
