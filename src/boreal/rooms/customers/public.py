"""The door of the customers room: customers for the rooms above, their sessions, and wire shapes to show."""

from boreal.core.customers import NewCustomer
from boreal.rooms.customers.customers.addresses import Address, AddressInput
from boreal.rooms.customers.customers.commands import (
    lock_or_create,
    set_default_payment_method,
    set_processor_customer,
    take_invoice_number,
)
from boreal.rooms.customers.customers.queries import find, get, load, read, render, render_with_members
from boreal.rooms.customers.customers.schemas import Customer, CustomerBase, TaxID
from boreal.rooms.customers.customers.tables import CustomerRow
from boreal.rooms.customers.members.schemas import Member
from boreal.rooms.customers.roles import require_billing_role
from boreal.rooms.customers.sessions.commands import create_session, new_session, portal_url
from boreal.rooms.customers.tax_ids import InvalidTaxId, validate_tax_id

__all__ = [
    "Address",
    "AddressInput",
    "Customer",
    "CustomerBase",
    "CustomerRow",
    "InvalidTaxId",
    "Member",
    "NewCustomer",
    "TaxID",
    "create_session",
    "find",
    "get",
    "load",
    "lock_or_create",
    "new_session",
    "portal_url",
    "read",
    "render",
    "render_with_members",
    "require_billing_role",
    "set_default_payment_method",
    "set_processor_customer",
    "take_invoice_number",
    "validate_tax_id",
]
