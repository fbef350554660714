"""Invoices: numbers without gaps, documents made once, links to them, and what they say (orders spec 2)."""

import asyncio
import io
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pypdf
import pytest

from boreal.core.orders import Order, OrderStatus
from boreal.providers.ports import DocumentPrinter
from boreal.rooms.billing.invoices.content import content
from boreal.rooms.billing.orders.queries import read
from tests.rooms.billing.buying import buy, make_customer, make_product, portal_of, purchase_of, settle
from tests.support.checkout import good, problem
from tests.support.shop import Shop, client_of, settings

ADDRESS = {"country": "DE", "line1": "Unter den Linden 1", "postal_code": "10117", "city": "Berlin"}
MANY = 1000 if os.environ.get("TEST_INVOICES") else 200


async def invoiced(shop: Shop, order: dict[str, Any]) -> str:
    """The text of the invoice of an order, generated and fetched through the API."""
    assert good(await shop.client.post(f"/v1/orders/{order['id']}/invoice"), 202) is None
    await shop.settle()
    return await fetched(shop, order)


async def fetched(shop: Shop, order: dict[str, Any]) -> str:
    url = good(await shop.client.get(f"/v1/orders/{order['id']}/invoice"))["url"]
    async with client_of(shop.boreal, None) as anybody:
        reply = await anybody.get(url)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/pdf")
    assert order["invoice_number"] in reply.headers["content-disposition"]
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(reply.content)).pages)


async def buy_one(shop: Shop, name: str = "Ada", **values: Any) -> dict[str, Any]:
    customer = await make_customer(shop, name=name, billing_address=ADDRESS)
    order = await buy(shop, customer, await make_product(shop, "Book"), **values)
    await shop.settle()
    await shop.facts()
    return order


async def test_an_invoice_says_who_bought_what_for_how_much(shop: Shop) -> None:
    rate = {"rate_type": "percentage", "display_name": "VAT", "basis_points": 1900, "country": "DE"}
    order = await buy_one(shop, discount_amount=100, tax_amount=171, taxability_reason="standard_rated", tax_rate=rate)
    said = await invoiced(shop, order)
    await shop.saw("order.updated")
    assert good(await shop.client.get(f"/v1/orders/{order['id']}"))["is_invoice_generated"] is True
    for expected in (
        "Invoice",
        order["invoice_number"],
        "January 15, 2026",
        "Acme",
        "Unter den Linden 1",
        "10117 Berlin",
        "Germany",
        "Book",
        "$10.00",
        "Discount",
        "-$1.00",
        "VAT — Germany (19%)",
        "$1.71",
        "$10.71",
        "no payment was processed",
    ):
        assert expected in said, expected


NAMES = (
    "Łukasz Żółć",
    "Ελένη Παπαδοπούλου",
    "Жанна Щукина",
    "株式会社山田商店",
    "北京大学",
    "김서울",
    "#emph[x] $y$ \\",
)


@pytest.mark.parametrize("name", NAMES)
async def test_every_script_is_printed_and_nothing_is_markup(shop: Shop, name: str) -> None:
    assert re.sub(r"\s", "", name) in re.sub(r"\s", "", await invoiced(shop, await buy_one(shop, name)))


async def test_an_invoice_is_permanent(shop: Shop) -> None:
    order = await buy_one(shop)
    first = await invoiced(shop, order)
    await shop.facts()
    async with shop.app.transaction(shop.organization_id) as tx:
        stored = await tx.load(Order, UUID(order["id"]))
        assert stored is not None
        await tx.save(stored, replace(stored, billing_name="Somebody else"))
    await shop.saw("order.updated")
    assert await invoiced(shop, order) == first
    await shop.saw()


async def test_an_invoice_is_made_out_to_whom_the_order_is_billed_to_when_it_is_kept(shop: Shop) -> None:
    order = await buy_one(shop)
    typesetter = shop.app.get(DocumentPrinter)
    names = ["Countess of Lovelace", "Augusta Ada King"]

    class SlowPrinter:
        """Somebody changes their mind while it prints."""

        async def print(self, template: Path, content: Any) -> bytes:
            if names:
                changed = {"billing_name": names.pop(), "billing_address": ADDRESS}
                good(await shop.client.patch(f"/v1/orders/{order['id']}", json=changed))
            return await typesetter.print(template, content)

    shop.app.adapters[DocumentPrinter] = SlowPrinter()
    said = await invoiced(shop, order)
    assert "Countess of Lovelace" in said
    assert "Ada King" not in said
    assert good(await shop.client.get(f"/v1/orders/{order['id']}"))["billing_name"] == "Countess of Lovelace"


async def test_asking_many_times_makes_one(shop: Shop) -> None:
    order = await buy_one(shop)
    url = f"/v1/orders/{order['id']}/invoice"
    await asyncio.gather(*(shop.client.post(url) for _ in range(5)))
    await shop.settle()
    await shop.saw("order.updated")


async def test_what_is_refused(shop: Shop, other_shop: Shop) -> None:
    order = await buy(shop, await make_customer(shop), await make_product(shop))
    url = f"/v1/orders/{order['id']}/invoice"
    assert problem(await shop.client.get(url)) == (
        404,
        "InvoiceDoesNotExist",
        f"No invoice exists for order {order['id']}.",
    )
    assert problem(await shop.client.post(url)) == (
        422,
        "MissingInvoiceBillingDetails",
        "Billing name and address are required to generate an invoice for this order.",
    )
    async with shop.app.transaction(shop.organization_id) as tx:
        stored = await tx.load(Order, UUID(order["id"]))
        assert stored is not None
        born = replace(stored, id=uuid4(), checkout_id=None, status=OrderStatus.PENDING)
        pending = replace(born, invoice_number="X", subtotal_amount=0, first_failed_at=tx.now)  # it was given up
        await tx.save(None, pending)
    assert problem(await shop.client.post(f"/v1/orders/{pending.id}/invoice")) == (
        422,
        "NotPaidOrder",
        f"Order {pending.id} is not paid, so an invoice cannot be generated.",
    )
    for method in ("get", "post"):
        assert (await getattr(other_shop.client, method)(url)).status_code == 404


async def test_customers_fetch_their_own(shop: Shop) -> None:
    customer = await make_customer(shop, name="Ada", billing_address=ADDRESS)
    order = await buy(shop, customer, await make_product(shop))
    stranger = await portal_of(shop, await make_customer(shop, "eve@example.com"))
    async with await portal_of(shop, customer) as portal:
        url = f"/v1/customer-portal/orders/{order['id']}/invoice"
        assert (await portal.get(url)).status_code == 404
        good(await portal.post(url), 202)
        await shop.settle()
        link = good(await portal.get(url))["url"]
        assert (await stranger.get(url)).status_code == (await stranger.post(url)).status_code == 404
    async with client_of(shop.boreal, None) as anybody:
        assert (await anybody.get(link)).status_code == 200
        assert (await anybody.get(link[:-1])).status_code == 404
        shop.clock.set(shop.clock.now() + timedelta(hours=2))
        assert (await anybody.get(link)).status_code == 404


async def test_reverse_charge_and_balance_are_told(shop: Shop) -> None:
    order = await buy_one(shop)
    detail = await read(shop.app.database, UUID(order["id"]))
    assert detail is not None
    row = {
        **detail.order,
        "taxability_reason": "reverse_charge",
        "tax_rate": {"display_name": "VAT", "country": "DE", "basis_points": 0},
        "tax_id": ["DE123456789", "eu_vat"],
        "applied_balance_amount": -300,
        "due_amount": 700,
    }
    selling = replace(settings(), seller_name="Operator Ltd", seller_details=("1 High Street", "Dublin"))
    said = content(row, detail.items, seller_of="Acme", settings=selling)
    assert [(line["label"], line["value"]) for line in said["totals"]] == [
        ("Subtotal", "$10.00"),
        ("VAT (0% Reverse Charge)", "$0.00"),
        ("Total", "$10.00"),
        ("Applied balance", "-$3.00"),
        ("To be paid", "$7.00"),
    ]
    assert said["notes"] == ["Reverse charge: the tax is owed by the recipient of this invoice."]
    assert said["buyer"][-1] == "Tax ID DE123456789"
    assert said["seller"] == ["Operator Ltd", "1 High Street", "Dublin"]
    assert said["footer"] == "Operator Ltd · merchant of record for Acme"


@pytest.mark.parametrize("numbering", ["customer", "organization"])
async def test_numbers_have_no_gaps_however_many_buy_at_once(shop: Shop, numbering: str) -> None:
    """TEST_INVOICES=1 makes a thousand orders instead of two hundred."""
    await shop.app.database.pool.execute("UPDATE organizations SET invoice_numbering = $1", numbering)
    product = await make_product(shop, price={"amount_type": "free"})
    buyers = [await make_customer(shop, f"{name}@example.com") for name in ("ada", "bob")]

    async def purchase(index: int) -> str:
        bought = await purchase_of(shop, product, subtotal_amount=0)
        return (await settle(shop, buyers[index % 2], bought)).invoice_number

    numbers = await asyncio.gather(*(purchase(index) for index in range(MANY)))
    assert len(set(numbers)) == MANY
    series: dict[str, list[int]] = {}
    for number in numbers:
        prefix, _, count = number.rpartition("-")
        series.setdefault(prefix, []).append(int(count))
    assert len(series) == (2 if numbering == "customer" else 1)
    for counts in series.values():
        assert sorted(counts) == list(range(1, len(counts) + 1))
