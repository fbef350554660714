"""How a product is billed."""

from enum import StrEnum


class ProductBillingType(StrEnum):
    """Billed once or in periods; a filter of order lists (contract ``ProductBillingType``)."""

    ONE_TIME = "one_time"
    RECURRING = "recurring"
