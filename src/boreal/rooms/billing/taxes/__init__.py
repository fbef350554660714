"""Quotes of taxes that became orders."""
