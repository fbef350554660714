"""Events of the payment processor as they arrive: remembered, so that each is heard once, and dispatched as work."""
