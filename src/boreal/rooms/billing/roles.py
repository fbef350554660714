"""Who of a customer's members may see and change what is billed (orders spec 3.3)."""

from boreal.rooms.customers.public import require_billing_role

__all__ = ["require_billing_role"]
