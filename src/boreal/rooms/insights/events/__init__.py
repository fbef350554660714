"""Reading events: lists and single ones, trees of them, and the names that they have."""
