"""The sequences of facts that the specification numbers, each through HTTP and time (orders spec 17).

Customers get their mails, so that orders are invoiced, and products have a benefit. One fact too many fails. What is
guaranteed is given in order; what may come at any moment afterwards (grants, the invoice) in any.
"""

from collections.abc import Sequence
from typing import Any

from tests.support.benefits import attach, make_benefit
from tests.support.catalog import FREE, fixed, make_product, seats
from tests.support.checkout import VISA, finish, good, open_session
from tests.support.organizations import send_mails
from tests.support.refunds import give_back
from tests.support.seats import SEATS, buy_seats, invitation_to, invite
from tests.support.shop import Shop, client_of
from tests.support.subscribers import (
    DECLINES_LATER,
    MONTHLY,
    YEARLY,
    change,
    changed,
    forget_methods,
    last_order,
    restore_methods,
    subscribe,
)
from tests.support.tokens import session
from tests.support.usage import ingest, make_meter

TRIAL = {"trial_interval": "day", "trial_interval_count": 7}
UPDATED = "subscription.updated"
BORN = ["subscription.created", "subscription.active", UPDATED]
PAID = ["order.created", "order.updated", "order.paid"]
CONFIRMED = SUCCEEDED = "checkout.updated"
PAST_DUE = [UPDATED, "subscription.past_due"]
ENDED = [UPDATED, "subscription.canceled", "subscription.revoked"]
GRANTED, CYCLED, REVOKED = (f"benefit_grant.{what}" for what in ("created", "cycled", "revoked"))
INVOICED = "order.updated"


async def saw(shop: Shop, sequence: Sequence[str], later: Sequence[str] = ()) -> None:
    """Asserts what happened since the last look: `sequence` in this order, and `later`, of which grants at any moment.

    News of customers and of their usage are left aside.
    """
    facts = [name for name in await shop.facts() if name.partition(".")[0] not in ("customer", "usage")]
    steps, grants = ([name for name in facts if name.startswith("benefit_grant") is of] for of in (False, True))
    expected = [*sequence, *(name for name in later if not name.startswith("benefit_grant"))]
    assert (steps, sorted(grants)) == (expected, sorted(name for name in later if name.startswith("benefit_grant")))


async def offer(shop: Shop, *prices: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A product with a benefit, of which nothing is told any more."""
    made = await attach(shop, await make_product(shop, *prices, **values), await make_benefit(shop))
    await shop.settle()
    await shop.facts()
    return made


async def start(shop: Shop, product: dict[str, Any], *, card: str | None = VISA, **body: Any) -> dict[str, Any]:
    """A subscription whose beginning is nobody's news any more."""
    bought = await subscribe(shop, product, card=card, **body)
    await shop.advance(minutes=1)
    await shop.facts()
    return bought


async def test_purchases(shop: Shop) -> None:
    """Sequences 1, 2, 3 and 12d."""
    await send_mails(shop)
    for price, card in ((fixed(1000), VISA), (FREE, None)):
        product = await offer(shop, price)
        opened = await open_session(shop, product)
        await saw(shop, ["checkout.created"])
        await opened.pay(card)
        await saw(shop, [CONFIRMED, *PAID, SUCCEEDED], [GRANTED, INVOICED])
    monthly = await offer(shop, fixed(1000), **MONTHLY)
    trial = await offer(shop, fixed(1000), **MONTHLY, **TRIAL)
    free = await offer(shop, FREE, **MONTHLY)
    for name, product, card in (("m", monthly, VISA), ("t", trial, VISA), ("f", free, None)):
        await shop.facts()
        bought = await subscribe(shop, product, card=card, customer_email=f"{name}@example.com")
        await saw(shop, ["checkout.created", CONFIRMED, *BORN, *PAID, SUCCEEDED], [GRANTED, INVOICED])
        assert bought["status"] == ("trialing" if name == "t" else "active")
    upgrade = await open_session(shop, monthly, subscription_id=bought["id"])
    await shop.facts()
    await upgrade.pay(customer_email=None)
    await saw(shop, [CONFIRMED, UPDATED, *PAID, SUCCEEDED], [GRANTED, REVOKED, INVOICED])
    assert (await last_order(shop))["billing_reason"] == "subscription_update"


async def test_the_end_of_a_trial(shop: Shop) -> None:
    """Sequences 4 and 4b."""
    await send_mails(shop)
    product = await offer(shop, fixed(1000), **MONTHLY, **TRIAL)
    await start(shop, product)
    await shop.advance(days=7, minutes=1)
    await saw(shop, [UPDATED, *PAID], [CYCLED, INVOICED])
    impatient = await start(shop, product, customer_email="b@example.com")
    await changed(shop, impatient["id"], trial_end="now")
    await shop.advance(minutes=1)
    await saw(shop, [UPDATED, UPDATED, *PAID], [CYCLED, INVOICED])


async def test_renewals(shop: Shop) -> None:
    """Sequences 5 and 5b."""
    await send_mails(shop)
    await start(shop, await offer(shop, fixed(1000), **MONTHLY))
    await shop.advance(days=31, minutes=1)
    await saw(shop, [UPDATED, *PAID], [CYCLED, INVOICED])
    await shop.client.delete(f"/v1/subscriptions/{(await last_order(shop))['subscription_id']}")
    await start(shop, await offer(shop, FREE, **MONTHLY), card=None, customer_email="b@example.com")
    await shop.advance(days=31)
    await saw(shop, [UPDATED, *PAID], [CYCLED, INVOICED])


async def test_dunning(shop: Shop) -> None:
    """Sequences 6, 7, 8 and 11b."""
    await send_mails(shop)
    product = await offer(shop, fixed(1000), **MONTHLY, **TRIAL)
    await start(shop, product, card=DECLINES_LATER)
    await shop.advance(days=7, minutes=1)
    await saw(shop, [UPDATED, "order.created", *PAST_DUE], [REVOKED, INVOICED])
    await shop.advance(days=2)
    await saw(shop, [])
    order = await last_order(shop)
    async with client_of(shop.boreal, await session(shop, order["customer_id"])) as portal:
        url = f"/v1/customer-portal/orders/{order['id']}/confirm-payment"
        good(await portal.post(url, json={"confirmation_token_id": VISA}))
    await finish(shop)
    await saw(shop, [UPDATED, "subscription.active", "order.updated", "order.paid"], [GRANTED, CYCLED])
    good(await shop.client.delete(f"/v1/subscriptions/{order['subscription_id']}"))
    await start(shop, product, card=DECLINES_LATER, customer_email="b@example.com")
    await shop.advance(days=7, minutes=1)
    await saw(shop, [UPDATED, "order.created", *PAST_DUE], [REVOKED, INVOICED])
    await shop.advance(days=21)
    await saw(shop, ENDED)
    await shop.advance(days=60)
    await saw(shop, [])


async def test_a_renewal_without_a_method(shop: Shop) -> None:
    """Sequences 6b and 8."""
    await send_mails(shop)
    await start(shop, await offer(shop, fixed(1000), **MONTHLY))
    await forget_methods(shop)
    await shop.advance(days=31, minutes=1)
    await saw(shop, [UPDATED, *PAST_DUE, "order.created"], [REVOKED, INVOICED])
    await restore_methods(shop)
    await shop.advance(days=2)
    await saw(shop, [UPDATED, "subscription.active", "order.updated", "order.paid"], [GRANTED, CYCLED])


async def test_cancellations(shop: Shop) -> None:
    """Sequences 9, 10, 11 and 11a."""
    await send_mails(shop)
    product = await offer(shop, fixed(1000), **MONTHLY)
    first = (await start(shop, product))["id"]
    await changed(shop, first, cancel_at_period_end=True)
    await saw(shop, [UPDATED, "subscription.canceled"])
    await changed(shop, first, cancel_at_period_end=False)
    await saw(shop, [UPDATED, "subscription.uncanceled"])
    await changed(shop, first, cancel_at_period_end=True)
    await shop.facts()
    await shop.advance(days=31)
    await saw(shop, [UPDATED, "subscription.revoked"], [REVOKED])
    second = (await start(shop, product))["id"]
    await changed(shop, second, revoke=True)
    await saw(shop, ENDED, [REVOKED])
    assert (await change(shop, second, revoke=True)).status_code == 403
    await saw(shop, [])
    third = (await start(shop, product))["id"]
    await changed(shop, third, cancel_at_period_end=True)
    await shop.facts()
    good(await shop.client.delete(f"/v1/subscriptions/{third}"))
    await shop.settle()
    await saw(shop, [UPDATED, "subscription.revoked"], [REVOKED])


async def test_changes(shop: Shop) -> None:
    """Sequences 12, 12b, 12c, 13 and 14."""
    await send_mails(shop)
    small, big = await offer(shop, fixed(1000), **MONTHLY), await offer(shop, fixed(3000), **MONTHLY)
    yearly, free = await offer(shop, fixed(10000), **YEARLY), await offer(shop, FREE, **MONTHLY)
    bought = await start(shop, small)
    await shop.advance(days=10)
    await changed(shop, bought["id"], product_id=big["id"], proration_behavior="prorate")
    await saw(shop, [UPDATED], [GRANTED, REVOKED])
    await changed(shop, bought["id"], product_id=small["id"], proration_behavior="prorate")
    await shop.facts()
    await changed(shop, bought["id"], product_id=big["id"], proration_behavior="invoice")
    await shop.advance(minutes=1)
    await saw(shop, [UPDATED, *PAID], [GRANTED, REVOKED, INVOICED])
    await changed(shop, bought["id"], product_id=yearly["id"])
    await shop.advance(minutes=1)
    await saw(shop, [UPDATED, UPDATED, *PAID], [GRANTED, REVOKED, CYCLED, INVOICED])
    await changed(shop, bought["id"], current_billing_period_end="2027-06-01T00:00:00Z")
    await saw(shop, [UPDATED])
    await changed(shop, bought["id"], trial_end="2027-07-01T00:00:00Z")
    await saw(shop, [UPDATED])
    made = {"product_id": free["id"], "customer_id": bought["customer_id"]}
    good(await shop.client.post("/v1/subscriptions/", json=made), 201)
    await shop.settle()
    await saw(shop, BORN, [GRANTED])


async def test_seats(shop: Shop) -> None:
    """Sequences 14, 18, 19 and 20."""
    await send_mails(shop)
    product = await offer(shop, seats((1, None, 1000)), **MONTHLY)
    order = await buy_seats(shop, 3, of=product)
    await shop.settle()
    await saw(shop, ["checkout.created", CONFIRMED, *BORN, *PAID, SUCCEEDED], [INVOICED])
    await shop.advance(days=10)
    await changed(shop, order["subscription_id"], seats=4, proration_behavior="prorate")
    await saw(shop, [UPDATED])
    await changed(shop, order["subscription_id"], seats=5, proration_behavior="invoice")
    await shop.advance(minutes=1)
    await saw(shop, [UPDATED, *PAID], [INVOICED])
    seat = await invite(shop, order, "bob@example.com")
    token = await invitation_to(shop, "bob@example.com")
    await saw(shop, ["customer_seat.assigned"])
    async with client_of(shop.boreal, None) as anybody:
        good(await anybody.post(f"{SEATS}/claim", json={"invitation_token": token}))
    await shop.settle()
    await saw(shop, ["customer_seat.claimed"], [GRANTED])
    await invite(shop, order, "eve@example.com", immediate_claim=True)
    await shop.settle()
    await saw(shop, ["customer_seat.claimed"], [GRANTED])
    good(await shop.client.delete(f"{SEATS}/{seat['id']}"))
    await shop.settle()
    await saw(shop, ["customer_seat.revoked"], [REVOKED])


async def test_refunds(shop: Shop) -> None:
    """Sequences 15, 16 and 17."""
    await send_mails(shop)
    product = await offer(shop, fixed(1000))

    async def sold(token: str) -> dict[str, Any]:
        opened = await open_session(shop, product)
        await opened.pay(token)
        order = await opened.order()
        await shop.facts()
        return order

    given = ["refund.created", "order.updated", "order.refunded"]
    order = await sold(VISA)
    await give_back(shop, order, 400)
    await finish(shop)
    await saw(shop, given)
    await give_back(shop, order, 600, revoke_benefits=True)
    await finish(shop)
    await saw(shop, given, [REVOKED])
    await give_back(shop, await sold("pm_card_pendingRefund"), 400)
    await saw(shop, ["refund.created"])
    await shop.advance(days=1)
    await saw(shop, ["refund.updated", "order.updated", "order.refunded"])
    await give_back(shop, await sold("pm_card_refundFail"), 400)
    await saw(shop, given)
    await shop.advance(days=1)
    await saw(shop, ["refund.updated", "order.updated"])


async def test_billing_details_and_invoices(shop: Shop) -> None:
    """Sequence 21; without the mail the invoice comes when somebody asks for it, once."""
    opened = await open_session(shop, await offer(shop, fixed(1000)))
    await opened.pay()
    order = await opened.order()
    await shop.facts()
    url = f"/v1/orders/{order['id']}"
    good(await shop.client.patch(url, json={"billing_name": "Analytical Engines Ltd"}))
    await saw(shop, ["order.updated"])
    for told in (["order.updated"], []):
        assert (await shop.client.post(f"{url}/invoice")).status_code == 202
        await shop.settle()
        await saw(shop, told)


async def test_the_last_usage_is_billed_after_the_end(shop: Shop) -> None:
    """Sequence 9, with usage."""
    await send_mails(shop)
    meter = await make_meter(shop)
    usage = {"amount_type": "metered_unit", "meter_id": meter["id"], "unit_amount": "10"}
    product = await make_product(shop, fixed(1000), usage, **MONTHLY)
    bought = await start(shop, product, session={"external_customer_id": "ada"})
    await ingest(shop, *[{}] * 20)
    await changed(shop, bought["id"], cancel_at_period_end=True)
    await shop.facts()
    await shop.advance(days=31, minutes=1)
    await saw(shop, [UPDATED, "subscription.revoked", *PAID], [INVOICED])
    assert (await last_order(shop))["due_amount"] == 200
