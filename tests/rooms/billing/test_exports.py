"""Exports as CSV: what they show, to whom, in which order, and that no cell is a formula (orders spec 3.2)."""

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest

from boreal.kit import spreadsheet
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product
from tests.support.shop import Shop


async def exported(shop: Shop, what: str, **params: Any) -> list[list[str]]:
    reply = await shop.client.get(f"/v1/{what}/export", params=params)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert reply.headers["content-disposition"].startswith("attachment; filename=polar-")
    assert reply.text.endswith("\r\n")
    return list(csv.reader(io.StringIO(reply.text, newline="")))


async def test_orders(shop: Shop, other_shop: Shop) -> None:
    ada = await make_customer(shop)
    book, pro = await make_product(shop, "=Book"), await make_product(shop, "Pro", **MONTHLY)
    first = await buy(shop, ada, book, subtotal_amount=1005)
    shop.clock.set(shop.clock.now() + timedelta(hours=1))
    second = await buy(shop, ada, pro, subtotal_amount=10000)
    header, *rows = await exported(shop, "orders")
    assert header == ["Email", "Created At", "Product", "Amount", "Currency", "Status", "Invoice number"]
    ended = ["2026-01-15T13:00:00+00:00", "Pro", "100.0", "usd", "paid", second["invoice_number"]]
    begun = ["2026-01-15T12:00:00+00:00", "'=Book", "10.05", "usd", "paid", first["invoice_number"]]
    assert rows == [["ada@example.com", *ended], ["ada@example.com", *begun]]
    assert len(await exported(shop, "orders", product_id=book["id"])) == 2
    assert len(await exported(shop, "orders", product_id=[book["id"], pro["id"]])) == 3
    assert len(await exported(shop, "orders", organization_id=str(uuid.uuid4()))) == 1
    assert len(await exported(other_shop, "orders", organization_id=str(shop.organization_id))) == 1


async def test_subscriptions(shop: Shop, other_shop: Shop) -> None:
    await buy(shop, await make_customer(shop), await make_product(shop, "Pro", **MONTHLY))
    header, row = await exported(shop, "subscriptions", organization_id=str(shop.organization_id))
    assert header == ["Email", "Created At", "Active", "Product", "Price", "Currency", "Interval"]
    assert row == ["ada@example.com", "2026-01-15T12:00:00+00:00", "true", "Pro", "10.0", "usd", "month"]
    assert len(await exported(other_shop, "subscriptions")) == 1


async def test_customers(shop: Shop, other_shop: Shop) -> None:
    ada = await make_customer(shop, name="+Ada", external_id="usr_1")
    gone = await make_customer(shop, "gone@example.com")
    assert (await shop.client.delete(f"/v1/customers/{gone['id']}")).status_code == 204
    header, row = await exported(shop, "customers")
    assert header == ["ID", "External ID", "Email", "Name", "Created At"]
    assert row == [ada["id"], "usr_1", "ada@example.com", "'+Ada", "2026-01-15T12:00:00+00:00"]
    assert len(await exported(other_shop, "customers")) == 1


async def test_pages_follow_each_other_without_gap(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have the same time, so that the id decides where a page ends."""
    monkeypatch.setattr(spreadsheet, "PAGE", 2)
    emails = {f"{name}@example.com" for name in ("ada", "bob", "eve", "kim", "lou")}
    for email in emails:
        await make_customer(shop, email)
    assert {row[2] for row in (await exported(shop, "customers"))[1:]} == emails
    assert len(await exported(shop, "customers")) == 6


async def test_what_is_malformed_is_refused(shop: Shop) -> None:
    assert (await shop.client.get("/v1/orders/export", params={"product_id": "x"})).status_code == 422
