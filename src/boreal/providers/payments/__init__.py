"""Payment processors: adapters of the port `PaymentProcessor`."""
