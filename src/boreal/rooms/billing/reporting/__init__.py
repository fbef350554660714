"""What others are told of orders and refunds: the source of taxes."""
