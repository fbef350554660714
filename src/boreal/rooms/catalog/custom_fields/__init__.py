"""Custom fields of checkout forms."""
