"""How a purchase is made: checkout sessions and links."""
