"""What every payment processor has to do: one suite, through the port, for each of them."""
