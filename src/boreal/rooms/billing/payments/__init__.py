"""Attempts to collect money, and the methods kept for later ones."""
