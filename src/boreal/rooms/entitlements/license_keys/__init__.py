"""License keys and their activations."""
