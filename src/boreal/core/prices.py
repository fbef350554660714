"""Kinds of price and where a price comes from (catalog spec 2.3).

A product has at most one static price (fixed, custom, free or seat based) and any number of metered ones.
"""

from enum import StrEnum


class AmountType(StrEnum):
    """How the amount of a price is found; the discriminator ``amount_type`` on the wire."""

    FIXED = "fixed"
    CUSTOM = "custom"
    FREE = "free"
    SEAT_BASED = "seat_based"
    METERED_UNIT = "metered_unit"


class PriceSource(StrEnum):
    """Set on the product, or made for one checkout session (contract ``ProductPriceSource``)."""

    CATALOG = "catalog"
    AD_HOC = "ad_hoc"


class PriceType(StrEnum):
    """Deprecated mirror of the product's billing type (contract ``ProductPriceType``)."""

    ONE_TIME = "one_time"
    RECURRING = "recurring"
