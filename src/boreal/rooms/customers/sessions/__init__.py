"""Customer and member sessions."""
