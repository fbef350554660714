"""Where raw events go that are to be kept outside of the database."""
