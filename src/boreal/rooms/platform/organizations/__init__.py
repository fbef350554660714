"""Organizations: the merchants that sell through an installation."""
