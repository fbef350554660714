"""Test clocks: time that merchants move, in sandboxes (ours; the reference has none)."""
