"""What is sold: products, prices, discounts, custom fields and benefits."""
