"""Calculations of Stripe Tax: a few places, rates and registrations, in the shape that Stripe documents."""

from collections.abc import Mapping
from typing import Any


def calculate(params: Mapping[str, Any]) -> dict[str, Any]:
    """The calculation."""
    raise NotImplementedError
