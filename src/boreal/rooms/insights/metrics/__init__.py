"""Metrics: one number per period and one in total for everything that a business can be measured by."""
