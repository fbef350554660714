"""Checkout links: long-lived addresses, each visit of which opens a fresh session.

Only what a visitor needs is here yet; the merchant's operations on links are a later step.
"""
