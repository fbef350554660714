"""What the source of taxes is told of sales and refunds."""
