"""Invoices: generated once, for good, and fetched by links that expire (orders spec 2)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.orders import Order
from boreal.kit.app import App
from boreal.kit.db import Row, Runs
from boreal.kit.links import LinkSigner
from boreal.kit.work import Work
from boreal.providers.ports import DocumentPrinter
from boreal.rooms.billing.invoices.content import content
from boreal.rooms.billing.invoices.errors import InvoiceDoesNotExist, MissingInvoiceBillingDetails, NotPaidOrder
from boreal.rooms.billing.invoices.tables import InvoiceRow
from boreal.rooms.billing.orders.queries import OrderDetail, read
from boreal.rooms.platform.public import organization_by_id

LINK_LIFE = timedelta(hours=1)
_TEMPLATE = Path(__file__).parent / "invoice.typ"
_BILLED_TO = ("billing_name", "billing_address", "tax_id")

_INSERT = InvoiceRow.insert()
_DOCUMENT = sa.select(InvoiceRow.c.document).where(InvoiceRow.c.order_id == sa.bindparam("order_id", type_=PgUUID))


def has_billing_details(order: Row) -> bool:
    """Whether the order says for whom its invoice is."""
    return bool(order["billing_name"]) and order["billing_address"] is not None


async def ask_for_invoice(app: App, order: Row) -> None:
    """The invoice of a paid order will be generated, unless there is one, which stays as it is (orders spec 2.2).

    Raises `NotPaidOrder` and `MissingInvoiceBillingDetails`.
    """
    if order["status"] == "pending":
        raise NotPaidOrder(order["id"])
    if not has_billing_details(order):
        raise MissingInvoiceBillingDetails
    if order["is_invoice_generated"]:
        return
    async with app.transaction(order["organization_id"]) as tx:
        key = str(order["id"])
        tx.enqueue("generate_invoice", payload={"order_id": key}, unique_key=key)


async def generate_invoice(app: App, work: Work) -> None:
    """Kind of work: generates the invoice of an order. Safe to run again."""
    detail = await read(app.database, UUID(work.payload["order_id"]))
    assert detail is not None
    await ensure_invoice(app, detail)


async def ensure_invoice(app: App, detail: OrderDetail) -> bytes:
    """The invoice of an order that has billing details: the one that it has, or a new one, which is told of.

    It is made out to whom the order is billed to in the moment in which it becomes permanent.
    """
    order_id = detail.order["id"]
    organization = await organization_by_id(app.database, detail.order["organization_id"])
    assert organization is not None
    invoice = await document(app.database, order_id)
    while invoice is None:
        said = content(detail.order, detail.items, seller_of=organization["name"], settings=app.settings)
        printed = await app.get(DocumentPrinter).print(_TEMPLATE, said)
        invoice = await _store(app, detail.order, printed)
        if invoice is None:
            changed = await read(app.database, order_id)
            assert changed is not None
            detail = changed
    return invoice


async def _store(app: App, seen: Row, printed: bytes) -> bytes | None:
    """The invoice that the order has from now on; None if it is billed to somebody else than what was printed."""
    async with app.transaction(seen["organization_id"]) as tx:
        order = await tx.lock(Order, seen["id"])
        assert order is not None
        if order.is_invoice_generated:
            first = await document(tx.connection, order.id)
            assert first is not None
            return first
        if any(getattr(order, name) != seen[name] for name in _BILLED_TO):
            return None
        await tx.execute(
            _INSERT, order_id=order.id, created_at=tx.now, organization_id=order.organization_id, document=printed
        )
        await tx.save(order, replace(order, is_invoice_generated=True, modified_at=tx.now))
        return printed


async def document(runs: Runs, order_id: UUID) -> bytes | None:
    """The invoice of an order as PDF."""
    found: bytes | None = await runs.fetchval(_DOCUMENT, order_id=order_id)
    return found


def invoice_link(app: App, order: Row) -> dict[str, str]:
    """Where the invoice of an order can be fetched for an hour. Raises `InvoiceDoesNotExist`."""
    if not order["is_invoice_generated"]:
        raise InvoiceDoesNotExist(order["id"])
    claims = {"order_id": str(order["id"]), "name": f"Invoice-{order['invoice_number']}.pdf"}
    token = signer(app).sign(claims, expires_at=app.clock.now() + LINK_LIFE)
    return {"url": f"{app.settings.url}/invoices/{token}"}


def signer(app: App) -> LinkSigner:
    """What signs the links to invoices."""
    return LinkSigner(app.keyring.derive("links to invoices"), app.clock)
