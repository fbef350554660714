"""States of a checkout session and of the fields of its billing address (catalog spec 6.1, 6.6)."""

from enum import StrEnum


class CheckoutStatus(StrEnum):
    """Where a checkout session stands: only an open one can be edited or paid (catalog spec 6.1)."""

    OPEN = "open"
    EXPIRED = "expired"
    CONFIRMED = "confirmed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class BillingAddressFieldMode(StrEnum):
    """What the checkout form does with one field of the billing address (catalog spec 6.6)."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    DISABLED = "disabled"
