"""Meters in the portal: what a customer used of what it is subscribed to, or was credited."""
