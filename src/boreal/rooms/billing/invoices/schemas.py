"""Wire shapes of invoices (orders spec 3.1, 3.3)."""

from boreal.kit.schemas import Schema


class OrderInvoice(Schema):
    """Where an invoice can be fetched for a while."""

    url: str


class CustomerOrderInvoice(Schema):
    """Where a customer can fetch an invoice for a while."""

    url: str
