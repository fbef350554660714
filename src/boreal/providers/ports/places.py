"""Addresses, as more than one port needs them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PostalAddress:
    """Where somebody is; only the country (ISO 3166-1 alpha-2) is certain."""

    country: str
    state: str | None = None
    city: str | None = None
    postal_code: str | None = None
    line1: str | None = None
    line2: str | None = None
