"""What tests share: a server, shops, receivers, and the contract."""
