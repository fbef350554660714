"""Files that customers may download."""
