"""Definitions of benefits."""
