"""What customers are told by mail about orders, subscriptions and seats: rendered here, sent by the resource's work."""
