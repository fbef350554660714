"""What is refused about invoices, by the names of the API (orders spec 3.1)."""

from uuid import UUID

from boreal.kit.problems import Problem


class NotPaidOrder(Problem):
    """An order that nobody has paid has no invoice."""

    status = 422

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"Order {order_id} is not paid, so an invoice cannot be generated.")


class MissingInvoiceBillingDetails(Problem):
    """An invoice needs to say whom it is for."""

    status = 422

    def __init__(self) -> None:
        super().__init__("Billing name and address are required to generate an invoice for this order.")


class InvoiceDoesNotExist(Problem):
    """The invoice has not been generated."""

    status = 404

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"No invoice exists for order {order_id}.")
