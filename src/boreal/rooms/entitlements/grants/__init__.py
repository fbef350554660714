"""What customers have of benefits."""
