"""The door of the customers room: wire shapes that rooms above show inside their own."""

from boreal.rooms.customers.customers.addresses import Address, AddressInput
from boreal.rooms.customers.customers.schemas import CustomerBase, TaxID

__all__ = ["Address", "AddressInput", "CustomerBase", "TaxID"]
