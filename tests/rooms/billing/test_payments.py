"""Payments on record, and payment methods (orders spec 4.1, catalog spec 7.4)."""

import uuid
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from asyncpg import UniqueViolationError

from boreal.core.payments import Payment, PaymentMethod, PaymentStatus
from boreal.kit.tx import IllegalTransition, Tx
from boreal.rooms.billing.payments.tables import PaymentMethodRow, PaymentRow
from boreal.rooms.billing.public import save_payment_method, update_payment
from tests.rooms.billing.buying import make_customer, pay
from tests.support.checkout import good
from tests.support.refunds import sell
from tests.support.shop import Shop

PENDING, SUCCEEDED, FAILED = PaymentStatus.PENDING, PaymentStatus.SUCCEEDED, PaymentStatus.FAILED
DECLINED: dict[str, Any] = {
    "status": FAILED,
    "decline_reason": "insufficient_funds",
    "decline_message": "Your card has insufficient funds.",
}
CHECKOUT = uuid.uuid4()


async def rows(shop: Shop) -> list[Any]:
    return await shop.app.database.fetch(sa.select(PaymentRow))


async def test_every_attempt_is_a_row(shop: Shop) -> None:
    checkout_id = uuid.uuid4()
    async with shop.app.transaction(shop.organization_id) as tx:
        failed = await pay(
            tx,
            amount=1200,
            checkout_id=checkout_id,
            customer_email="ada@example.com",
            risk_level="elevated",
            risk_score=62,
            **DECLINED,
        )
        succeeded = await pay(tx, amount=1200, checkout_id=checkout_id)
    by_id = {row["id"]: row for row in await rows(shop)}
    assert by_id.keys() == {failed.id, succeeded.id}
    row = by_id[failed.id]
    assert (row["status"], row["decline_reason"]) == ("failed", "insufficient_funds")
    assert row["decline_message"] == "Your card has insufficient funds."
    assert (row["risk_level"], row["risk_score"], row["customer_email"]) == ("elevated", 62, "ada@example.com")
    assert row["method_metadata"] == {"brand": "visa", "last4": "4242"}
    assert (row["checkout_id"], row["order_id"], row["processor_metadata"]) == (checkout_id, None, {})
    await shop.saw()


async def test_the_processors_id_again_brings_the_row_up_to_date(shop: Shop) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        first = await pay(tx, amount=1200, processor_id="ch_1", checkout_id=CHECKOUT, status=PENDING)
    async with shop.app.transaction(shop.organization_id) as tx:
        again = await pay(tx, amount=1200, processor_id="ch_1", checkout_id=CHECKOUT, risk_level="normal", risk_score=3)
        assert again.id == first.id
    (row,) = await rows(shop)
    assert (row["status"], row["risk_level"], row["modified_at"]) == ("succeeded", "normal", shop.clock.now())


async def test_how_an_attempt_ended_never_changes(shop: Shop) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        paid = await pay(tx, amount=1200, processor_id="ch_1", checkout_id=CHECKOUT)
        assert await pay(tx, amount=1200, processor_id="ch_1", checkout_id=CHECKOUT, **DECLINED) == paid
        assert await update_payment(tx, paid.id, **DECLINED) == paid
        assert (await rows(shop)) == []  # nothing is visible before the commit
    with pytest.raises(IllegalTransition):
        async with shop.app.transaction(shop.organization_id) as tx:
            before = await tx.lock(Payment, paid.id)
            assert before is not None
            await tx.save(before, replace(before, status=FAILED))


async def test_a_message_needs_a_reason(shop: Shop) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        failed = await pay(tx, amount=1200, status=FAILED, decline_message="No.")
        assert failed.decline_message is None
        pending = await pay(tx, amount=1200, status=PENDING)
        assert (await update_payment(tx, pending.id, status=FAILED, decline_message="No.")).decline_message is None


async def test_two_rows_of_one_charge_are_impossible(shop: Shop) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        paid = await pay(tx, amount=1200, processor_id="ch_1", checkout_id=CHECKOUT)
    with pytest.raises(UniqueViolationError, match="uq_payments_processor_id"):
        async with shop.app.transaction(shop.organization_id) as tx:
            await tx.save(None, replace(paid, id=uuid.uuid4()))


async def keep(tx: Tx, customer: dict[str, Any], processor_id: str, **card: Any) -> PaymentMethod:
    return await save_payment_method(
        tx,
        customer_id=UUID(customer["id"]),
        processor="sandbox",
        processor_id=processor_id,
        type="card",
        method_metadata={"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2030, "wallet": None, **card},
    )


async def test_a_method_is_kept_once_and_restored_when_added_again(shop: Shop) -> None:
    customer = await make_customer(shop)
    async with shop.app.transaction(shop.organization_id) as tx:
        method = await keep(tx, customer, "pm_1")
        assert await keep(tx, customer, "pm_1") == method
        other = await keep(tx, customer, "pm_2")
    async with shop.app.transaction(shop.organization_id) as tx:
        await tx.save(method, replace(method, deleted_at=tx.now))
    async with shop.app.transaction(shop.organization_id) as tx:
        restored = await keep(tx, customer, "pm_1", exp_year=2033)
    assert (restored.id, restored.deleted_at) == (method.id, None)
    assert restored.method_metadata["exp_year"] == 2033
    ids = await shop.app.database.fetch(sa.select(PaymentMethodRow.c.id))
    assert {row["id"] for row in ids} == {method.id, other.id}


async def listed(shop: Shop, **params: Any) -> list[dict[str, Any]]:
    return list(good(await shop.client.get("/v1/payments/", params=params))["items"])


async def test_a_payment_as_the_api_shows_it(shop: Shop, other_shop: Shop) -> None:
    order = await sell(shop, 1000)
    (payment,) = await listed(shop)
    assert payment == good(await shop.client.get(f"/v1/payments/{payment['id']}"))
    assert (await other_shop.client.get(f"/v1/payments/{payment['id']}")).status_code == 404
    assert await listed(other_shop) == []
    del payment["id"], payment["created_at"], payment["modified_at"]
    assert payment == {
        "processor": "stripe",  # the only one that the contract knows
        "status": "succeeded",
        "amount": 1000,
        "currency": "usd",
        "method": "card",
        "method_metadata": {"brand": "visa", "last4": "4242"},
        "decline_reason": None,
        "decline_message": None,
        "organization_id": str(shop.organization_id),
        "checkout_id": order["checkout_id"],
        "order_id": order["id"],
        "processor_metadata": {},
    }


async def test_filters_and_sorts_of_payments(shop: Shop) -> None:
    order_id = uuid.UUID((await sell(shop, 1000))["id"])
    checkout_id = uuid.uuid4()
    async with shop.app.transaction(shop.organization_id) as tx:
        await pay(tx, amount=30, checkout_id=checkout_id, customer_email="bob@example.com", **DECLINED)
        await pay(tx, amount=50, method="sepa_debit", method_metadata={}, status=PENDING)
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({"sorting": "amount"}, [30, 50, 1000]),
        ({"sorting": "-amount"}, [1000, 50, 30]),
        ({"sorting": "-status"}, [1000, 50, 30]),
        ({"order_id": str(order_id)}, [1000]),
        ({"checkout_id": str(checkout_id)}, [30]),
        ({"status": ["failed", "pending"], "sorting": "amount"}, [30, 50]),
        ({"method": "sepa_debit"}, [50]),
        ({"customer_email": "bob@example.com"}, [30]),
        ({"organization_id": str(uuid.uuid4())}, []),
    ]
    for params, expected in cases:
        assert [payment["amount"] for payment in await listed(shop, **params)] == expected, params
    (declined,) = await listed(shop, status="failed")
    assert declined["decline_message"] == "Your card has insufficient funds."
    (other,) = await listed(shop, status="pending")
    assert "method_metadata" not in other
