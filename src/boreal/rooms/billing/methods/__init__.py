"""A customer's payment methods, in the portal."""
