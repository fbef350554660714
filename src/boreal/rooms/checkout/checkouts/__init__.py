"""Checkout sessions."""
