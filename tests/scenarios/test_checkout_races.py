"""Many at once: the database decides, and each buyer gets one answer that is true."""

import asyncio
from collections import Counter
from typing import Any

from boreal.kit.work import Work
from boreal.rooms.checkout.checkouts import fulfilment
from tests.support.catalog import FREE, make_product
from tests.support.checkout import Session, finish, good, open_session, orders, problem, processor_of
from tests.support.payments import attempts, payments
from tests.support.shop import Shop

CUSTOM = {"amount_type": "custom", "minimum_amount": 50, "preset_amount": 700}
REFUSALS = {(409, "CheckoutLocked"), (403, "NotOpenCheckout")}


async def confirm_at_once(session: Session, times: int, **changes: Any) -> list[dict[str, Any]]:
    """Confirms one session many times at once; the confirmed views. Everybody else has to be refused."""
    replies = await asyncio.gather(*(session.confirm(**changes) for _ in range(times)))
    refused = [problem(reply)[:2] for reply in replies if reply.status_code != 200]
    assert set(refused) <= REFUSALS
    return [good(reply) for reply in replies if reply.status_code == 200]


async def test_one_session_confirmed_sixteen_times_at_once(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    (confirmed,) = await confirm_at_once(session, 16)
    assert confirmed["status"] == "confirmed"
    await finish(shop)
    assert (await session.view())["status"] == "succeeded"
    assert len(await orders(shop)) == len(await payments(shop)) == 1
    assert Counter(attempt["state"] for attempt in await attempts(shop)) == {"applied": 1}


async def test_a_free_session_confirmed_sixteen_times_at_once(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, FREE))
    (confirmed,) = await confirm_at_once(session, 16, token=None)
    assert confirmed["total_amount"] == 0
    await finish(shop)
    assert len(await orders(shop)) == 1


async def test_a_session_whose_first_confirmation_is_refused(shop: Shop) -> None:
    """Sixteen bad cards: each is refused or told to wait, and the session stays as it was."""
    session = await open_session(shop, await make_product(shop))
    replies = await asyncio.gather(*(session.confirm("pm_card_chargeDeclined") for _ in range(16)))
    found = Counter(reply.status_code for reply in replies)
    assert set(found) <= {400, 409}
    assert found[400] >= 1
    await finish(shop)
    assert await session.view() == session.made
    assert len(await payments(shop)) == found[400]
    assert (await session.pay())["status"] == "succeeded"


async def test_updates_against_a_confirmation(shop: Shop) -> None:
    """Whoever comes first: what was confirmed is what is bought."""
    session = await open_session(shop, await make_product(shop, CUSTOM))
    amounts = [1000 + number for number in range(8)]
    replies = await asyncio.gather(
        *(session.update(amount=amount) for amount in amounts),
        session.confirm(),
        *(session.patch(metadata={"turn": number}) for number in range(8)),
    )
    assert {reply.status_code for reply in replies} <= {200, 403, 409}
    if replies[8].status_code != 200:
        assert problem(replies[8])[:2] == (409, "CheckoutLocked")
        good(await session.confirm())
    await finish(shop)
    after = await session.view()
    order = await session.order()
    assert after["status"] == "succeeded"
    assert after["amount"] in (700, *amounts)
    assert (order["total_amount"], order["metadata"]) == (after["total_amount"], after["metadata"])
    (payment,) = await payments(shop)
    assert payment["amount"] == after["total_amount"]


async def test_updates_of_different_things_do_not_undo_each_other(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, CUSTOM))
    wanted = {"amount": 900, "customer_name": "Ada", "customer_email": "ada@example.com"}

    async def insist(name: str) -> None:
        while (await session.update(**{name: wanted[name]})).status_code == 409:
            await asyncio.sleep(0.01)

    await asyncio.gather(*(insist(name) for name in wanted))
    view = await session.view()
    assert {name: view[name] for name in wanted} == wanted


async def test_sessions_of_one_email_make_one_customer(shop: Shop) -> None:
    products = [await make_product(shop), await make_product(shop, FREE)]
    sessions = [await open_session(shop, products[number % 2]) for number in range(10)]
    emails = ["ada@example.com", "ADA@example.com", "Ada@Example.com"]
    replies = await asyncio.gather(
        *(session.confirm(customer_email=emails[number % 3]) for number, session in enumerate(sessions))
    )
    confirmed = [good(reply) for reply in replies]
    await finish(shop)
    (customer,) = good(await shop.client.get("/v1/customers/"))["items"]
    assert {view["customer_id"] for view in confirmed} == {customer["id"]}
    bought = await orders(shop)
    assert len(bought) == 10
    assert len({order["invoice_number"] for order in bought}) == 10
    paid = [view["payment_processor_metadata"]["customer_id"] for view in confirmed if view["total_amount"]]
    assert len(set(paid)) == 1


async def test_the_completion_runs_many_times_at_once(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, recurring_interval="month"))
    good(await session.confirm())
    work = Work(
        id=0,
        organization_id=shop.organization_id,
        kind="complete_checkout",
        unique_key=session.id,
        payload={"checkout_id": session.id},
        attempts=1,
        version=0,
        trace=None,
    )
    await shop.facts()
    await asyncio.gather(*(fulfilment.complete(shop.app, work) for _ in range(6)))
    await fulfilment.complete(shop.app, work)
    await finish(shop)
    assert len(await orders(shop)) == len(await payments(shop)) == 1
    facts = await shop.facts()
    assert facts.count("order.created") == facts.count("checkout.updated") == facts.count("subscription.created") == 1


async def test_an_event_comes_while_the_answer_is_given(shop: Shop) -> None:
    """The buyer answers the challenge twice at once, and events come twice: one order."""
    processor_of(shop).faults.doubled = 1.0
    session = await open_session(shop, await make_product(shop))
    told = good(await session.confirm("pm_card_authenticationRequired"))["payment_processor_metadata"]
    secret = told["intent_client_secret"]
    await asyncio.gather(*(processor_of(shop).answer_challenge(secret, answer) for answer in ("accept", "refuse")))
    await finish(shop)
    after = await session.view()
    (payment,) = await payments(shop)
    assert (after["status"], payment["status"]) in (("succeeded", "succeeded"), ("open", "failed"))
    assert len(await orders(shop)) == (1 if after["status"] == "succeeded" else 0)
