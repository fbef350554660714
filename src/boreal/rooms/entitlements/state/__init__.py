"""The state of a customer at a glance."""
