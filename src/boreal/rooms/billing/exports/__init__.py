"""Exports of orders and subscriptions as CSV."""
