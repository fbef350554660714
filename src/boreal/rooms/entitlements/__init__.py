"""What a customer has: grants, keys, files and state."""
