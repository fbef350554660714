"""Taking events in: read, counted by the meters, and stored with what they add, in one transaction."""
