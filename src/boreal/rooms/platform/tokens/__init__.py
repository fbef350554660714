"""Organization access tokens."""
