"""Checking and deducting at once: may a customer use so much, and if so, it is recorded."""
