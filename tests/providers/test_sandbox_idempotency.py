"""One effect and one reply per idempotency key: in parallel, after a lost reply, after a killed process."""

import asyncio
import signal
import sys
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from boreal.providers.payments.sandbox.tables import (
    SandboxEventRow,
    SandboxIntentRow,
    SandboxMethodRow,
    SandboxRefundRow,
    SandboxRequestRow,
    SandboxTokenRow,
)
from boreal.providers.ports import (
    CardEntry,
    CustomerDetails,
    IdempotencyMismatch,
    MethodUnusable,
    NewMethod,
    PostalAddress,
    ProcessorRefused,
    ProcessorUnavailable,
    RefundRequest,
    RequiresAction,
    SavedMethod,
    SetupRequest,
    Succeeded,
)
from tests.providers.conftest import PEPPER

VISA = CardEntry(number="4242424242424242", exp_month="7", exp_year="31", cvc="123")


async def count(bank, table):
    return await bank.database.fetchval(sa.select(sa.func.count()).select_from(table))


async def test_parallel_identical_calls_make_one_payment(bank):
    request = bank.request(await bank.processor.tokenize(VISA), save_for_later=True)
    calls = [bank.processor.create_payment(request, idempotency_key="same") for _ in range(20)]
    payments = await asyncio.gather(*calls)
    assert all(payment == payments[0] for payment in payments)
    assert payments[0].outcome == Succeeded()
    assert [await count(bank, table) for table in (SandboxIntentRow, SandboxMethodRow, SandboxEventRow)] == [1, 1, 1]


async def test_parallel_identical_setups_refunds_and_customers(bank):
    payment = await bank.pay()
    details = CustomerDetails(reference="new", email="grace@example.com", address=PostalAddress(country="GB"))
    setup = SetupRequest(customer=bank.customer, source=NewMethod("pm_card_visa"))
    refund = RefundRequest(payment=payment.id, amount=300)
    for made in (
        lambda: bank.processor.ensure_customer(details, idempotency_key="customer-2"),
        lambda: bank.processor.create_setup(setup, idempotency_key="setup"),
        lambda: bank.processor.refund(refund, idempotency_key="refund"),
        lambda: bank.processor.cancel_payment(payment.id, idempotency_key="cancel"),
    ):
        answers = await asyncio.gather(*(made() for _ in range(10)))
        assert all(answer == answers[0] for answer in answers)
    assert await count(bank, SandboxRefundRow) == 1
    assert (await bank.processor.get_payment(payment.id)).charge.amount_refunded == 300


async def test_one_token_pays_once_however_many_ask(bank):
    token = await bank.processor.tokenize(VISA)
    calls = [bank.processor.create_payment(bank.request(token), idempotency_key=f"k{n}") for n in range(10)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, ProcessorRefused)]
    assert {refusal.code for refusal in refused} == {"token_already_used"}
    assert len(refused) == 9
    assert await count(bank, SandboxIntentRow) == 1


async def test_a_key_belongs_to_its_request(bank):
    await bank.processor.create_payment(bank.request(), idempotency_key="k")
    for changes in (
        {"amount": 1001},
        {"currency": "eur"},
        {"source": NewMethod("pm_card_mastercard")},
        {"source": SavedMethod("pm_card_visa")},
        {"off_session": True},
        {"save_for_later": True},
        {"description": "another"},
        {"metadata": {"checkout_id": "1"}},
    ):
        with pytest.raises(IdempotencyMismatch):
            await bank.processor.create_payment(bank.request(**changes), idempotency_key="k")
    assert await count(bank, SandboxIntentRow) == 1


async def test_a_key_belongs_to_its_operation(bank):
    payment = await bank.processor.create_payment(bank.request(), idempotency_key="k")
    with pytest.raises(IdempotencyMismatch):
        await bank.processor.refund(RefundRequest(payment=payment.id, amount=1), idempotency_key="k")
    with pytest.raises(IdempotencyMismatch):
        await bank.processor.create_setup(
            SetupRequest(customer=bank.customer, source=NewMethod("pm_card_visa")), idempotency_key="k"
        )


async def test_the_reply_is_the_one_of_the_first_call(bank):
    """What became of it since is told by get_payment and find_by_idempotency_key."""
    request = bank.request("pm_card_threeDSecure2Required")
    first = await bank.processor.create_payment(request, idempotency_key="k")
    await bank.processor.answer_challenge(first.client_secret, "accept")
    again = await bank.processor.create_payment(request, idempotency_key="k")
    assert again == first
    assert again.outcome == RequiresAction(first.client_secret)
    assert (await bank.processor.get_payment(first.id)).outcome == Succeeded()
    found = await bank.processor.find_by_idempotency_key("k", customer=bank.customer)
    assert (found.id, found.outcome) == (first.id, Succeeded())


async def test_find_by_idempotency_key(bank):
    setup = await bank.processor.create_setup(
        SetupRequest(customer=bank.customer, source=NewMethod("pm_card_visa")), idempotency_key="s"
    )
    assert await bank.processor.find_by_idempotency_key("s", customer=bank.customer) == setup
    assert await bank.processor.find_by_idempotency_key("s", customer="cus_other") is None
    assert await bank.processor.find_by_idempotency_key("unknown", customer=bank.customer) is None


async def test_a_lost_reply_is_asked_again(bank):
    request = bank.request(await bank.processor.tokenize(VISA))
    bank.processor.faults.lost_after = 1.0
    with pytest.raises(ProcessorUnavailable):
        await bank.processor.create_payment(request, idempotency_key="k")
    bank.processor.faults.lost_after = 0.0
    found = await bank.processor.find_by_idempotency_key("k", customer=bank.customer)
    assert found.outcome == Succeeded()
    assert await bank.processor.create_payment(request, idempotency_key="k") == found
    assert await count(bank, SandboxIntentRow) == 1
    await bank.processor.drain()
    assert [event.object_id for event in bank.heard] == [found.id]


async def test_a_lost_request_has_done_nothing(bank):
    request = bank.request(await bank.processor.tokenize(VISA))
    bank.processor.faults.lost_before = 1.0
    with pytest.raises(ProcessorUnavailable):
        await bank.processor.create_payment(request, idempotency_key="k")
    bank.processor.faults.lost_before = 0.0
    assert await bank.processor.find_by_idempotency_key("k", customer=bank.customer) is None
    assert await count(bank, SandboxRequestRow) == 1  # the customer's
    assert (await bank.processor.create_payment(request, idempotency_key="k")).outcome == Succeeded()


async def victim(bank, dsn, token, when):
    script = Path(__file__).with_name("sandbox_victim.py")
    arguments = (dsn, PEPPER.decode(), bank.customer, token, "k", bank.clock.now().isoformat(), when)
    return await asyncio.create_subprocess_exec(sys.executable, str(script), *arguments, stdout=asyncio.subprocess.PIPE)


async def test_a_process_killed_after_the_commit(bank, dsn):
    token = await bank.processor.tokenize(VISA)
    process = await victim(bank, dsn, token, "committed")
    assert await process.wait() == -signal.SIGKILL
    assert bank.heard == []
    payment = await bank.processor.create_payment(bank.request(token), idempotency_key="k")
    assert payment == await bank.processor.find_by_idempotency_key("k", customer=bank.customer)
    assert payment.outcome == Succeeded()
    assert await count(bank, SandboxIntentRow) == 1
    # the call of the listener died with the process; the event did not
    assert [event.object_id for event in (await bank.processor.events_since(None)).events] == [payment.id]


async def test_a_process_killed_in_the_middle(bank, dsn):
    """It has claimed the key and waits for a lock on the token when it dies: nothing of it stays."""
    token = await bank.processor.tokenize(VISA)
    holder = await asyncpg.connect(dsn)
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT FROM sandbox_tokens FOR UPDATE")
    process = await victim(bank, dsn, token, "waiting")
    assert await process.stdout.readline() == b"ready\n"
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while await holder.fetchval(blocked) == 0:
        await asyncio.sleep(0.02)
    process.kill()
    await process.wait()
    await held.rollback()
    await holder.close()
    payment = await bank.processor.create_payment(bank.request(token), idempotency_key="k")
    assert payment.outcome == Succeeded()
    assert await count(bank, SandboxIntentRow) == 1


REFUSED = [
    ({"amount": 40}, "amount_too_small"),  # catalog spec 11, example 20
    ({"amount": 49}, "amount_too_small"),
    ({"amount": 0}, "amount_too_small"),
    ({"amount": -500}, "amount_too_small"),
    ({"amount": 299, "currency": "sek"}, "amount_too_small"),
    ({"amount": 29, "currency": "gbp"}, "amount_too_small"),
    ({"amount": 100_000_000}, "amount_too_large"),
    ({"customer": "cus_unknown"}, "resource_missing"),
    ({"source": NewMethod("ctoken_unknown")}, "resource_missing"),
    ({"source": NewMethod("pm_card_unknown")}, "resource_missing"),
    ({"source": NewMethod("4242424242424242")}, "resource_missing"),
    ({"source": SavedMethod("pm_unknown")}, "payment_method_unusable"),
]


async def test_refusals_create_nothing(bank):
    for changes, code in REFUSED:
        with pytest.raises(ProcessorRefused) as caught:
            await bank.processor.create_payment(bank.request(**changes), idempotency_key="k")
        assert caught.value.code == code, changes
    assert await count(bank, SandboxIntentRow) == 0
    assert await bank.processor.find_by_idempotency_key("k", customer=bank.customer) is None
    # nor is the key used up
    assert (await bank.processor.create_payment(bank.request(), idempotency_key="k")).outcome == Succeeded()


async def test_the_smallest_amounts(bank):
    for amount, currency in ((50, "usd"), (30, "gbp"), (50, "jpy"), (300, "sek")):
        assert (await bank.pay(amount=amount, currency=currency)).outcome == Succeeded()


async def test_a_token_expires_after_an_hour(bank):
    early, late = await bank.processor.tokenize(VISA), await bank.processor.tokenize(VISA)
    bank.clock.set(bank.clock.now().replace(hour=12, minute=59))
    assert (await bank.pay(early)).outcome == Succeeded()
    bank.clock.set(bank.clock.now().replace(hour=13, minute=0))
    with pytest.raises(ProcessorRefused) as caught:
        await bank.pay(late)
    assert caught.value.code == "token_expired"


async def test_a_customer_is_one_per_reference_and_brought_up_to_date(bank):
    details = CustomerDetails(
        reference="c0ffee", email="new@example.com", name="Ada L.", address=PostalAddress(country="DE", city="Köln")
    )
    assert await bank.processor.ensure_customer(details, known_id=bank.customer, idempotency_key="u1") == bank.customer
    row = await bank.database.fetchrow(sa.text("SELECT * FROM sandbox_customers"))
    assert (row["email"], row["name"], row["address"]["city"]) == ("new@example.com", "Ada L.", "Köln")


async def test_a_detached_method_is_gone(bank):
    kept = (await bank.set_up()).method
    other = await bank.processor.ensure_customer(
        CustomerDetails(reference="other", email="o@example.com"), idempotency_key="other"
    )
    with pytest.raises(MethodUnusable):
        await bank.pay(source=SavedMethod(kept.id), customer=other)
    for key in ("d1", "d1", "d2"):
        await bank.processor.detach_method(kept.id, idempotency_key=key)
    await bank.processor.detach_method("pm_unknown", idempotency_key="d3")
    assert await bank.processor.list_methods(bank.customer) == []
    with pytest.raises(MethodUnusable):
        await bank.pay(source=SavedMethod(kept.id), off_session=True)


async def test_methods_come_newest_first(bank):
    kept = []
    for name in ("pm_card_visa", "pm_card_amex", "pm_card_jcb"):
        kept.append((await bank.set_up(name)).method)
        bank.clock.set(bank.clock.now().replace(minute=bank.clock.now().minute + 1))
    await bank.pay()  # not kept
    assert await bank.processor.list_methods(bank.customer) == kept[::-1]
    assert [method.card.brand for method in kept] == ["visa", "amex", "jcb"]
    assert await count(bank, SandboxTokenRow) == 0
