"""Members of a customer."""
