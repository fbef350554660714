"""Usage alerts: thresholds of meters, each told once per window to the endpoints that want to hear of it."""
