"""Customer meters: what one customer consumed of a meter, was credited, and has left."""
