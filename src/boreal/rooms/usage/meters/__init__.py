"""Meters: what counts among the events."""
