"""A free subscription upgraded through a checkout (catalog spec 6.5, 6.14; orders spec 6.2)."""

import asyncio
import uuid
from collections import Counter
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.rooms.billing.public import SubscriptionRow
from tests.support.catalog import FREE, fixed, make_custom_field, make_discount, make_product
from tests.support.checkout import Session, create, faults, finish, good, open_session, orders, problem
from tests.support.organizations import set_subscription_settings
from tests.support.payments import payment_methods, payments
from tests.support.shop import Shop

MONTHLY = {"recurring_interval": "month"}
SUBSCRIBED = (403, "AlreadyActiveSubscriptionError", "You already have an active subscription.")


async def subscribe(shop: Shop, product: dict[str, Any], **body: Any) -> dict[str, Any]:
    """What Ada has of a free product."""
    session = await open_session(shop, product, **body)
    await session.pay(None)
    return dict((await session.order())["subscription"])


async def subscription(shop: Shop, id: str) -> dict[str, Any]:
    row = await shop.app.database.fetchrow(sa.select(SubscriptionRow).where(SubscriptionRow.c.id == UUID(id)))
    assert row is not None
    return dict(row)


async def test_an_upgrade(shop: Shop) -> None:
    field = await make_custom_field(shop, "size")
    asked = {"attached_custom_fields": [{"custom_field_id": field["id"], "required": False}]}
    free, paid = await make_product(shop, FREE, **MONTHLY), await make_product(shop, fixed(2000), **MONTHLY, **asked)
    discount = await make_discount(shop)
    had = await subscribe(shop, free, metadata={"a": "1", "b": "1"})
    await shop.advance(days=10)
    now = shop.clock.now()
    session = await open_session(
        shop,
        paid,
        subscription_id=had["id"],
        customer_id=str(uuid.uuid4()),
        metadata={"b": "2"},
        custom_field_data={"size": "L"},
        discount_id=discount["id"],
    )
    made = session.made
    assert (made["subscription_id"], made["customer_id"]) == (had["id"], had["customer_id"])
    assert (made["customer_email"], made["customer_name"]) == ("ada@example.com", "Ada Lovelace")
    await shop.facts()
    done = await session.pay()
    assert (done["status"], done["subscription_id"]) == ("succeeded", had["id"])
    told = [name for name in await shop.facts() if name.split(".")[0] in ("subscription", "order")]
    assert told == ["subscription.updated", "order.created", "order.updated", "order.paid"]
    order = await session.order()
    assert (order["billing_reason"], order["total_amount"]) == ("subscription_update", 1800)
    has = order["subscription"]
    assert (has["id"], has["status"], has["product_id"], has["amount"]) == (had["id"], "active", paid["id"], 1800)
    assert has["metadata"] == {"a": "1", "b": "2"}
    assert has["started_at"] == had["started_at"] != has["current_period_start"]
    row = await subscription(shop, had["id"])
    assert (row["current_period_start"], row["period_number"], row["anchor_day"]) == (now, 2, now.day)
    assert row["discount_applied_at"] == now
    (method,) = await payment_methods(shop)
    assert row["payment_method_id"] == method["id"]
    state = good(await shop.client.get(f"/v1/customers/{had['customer_id']}/state"))
    (active,) = state["active_subscriptions"]
    assert (active["id"], active["custom_field_data"]) == (had["id"], {"size": "L"})


async def test_an_upgrade_with_a_trial(shop: Shop) -> None:
    had = await subscribe(shop, await make_product(shop, FREE, **MONTHLY))
    trial = {"trial_interval": "week", "trial_interval_count": 2}
    session = await open_session(shop, await make_product(shop, **MONTHLY, **trial), subscription_id=had["id"])
    await session.pay()
    order = await session.order()
    assert (order["billing_reason"], order["total_amount"]) == ("subscription_update", 0)
    has = order["subscription"]
    assert (has["id"], has["status"], has["trial_end"]) == (had["id"], "trialing", "2026-01-29T12:00:00Z")


async def test_only_free_subscriptions_that_live(shop: Shop, other_shop: Shop) -> None:
    free, paid = await make_product(shop, FREE, **MONTHLY), await make_product(shop, **MONTHLY)
    theirs = await subscribe(other_shop, await make_product(other_shop, FREE, **MONTHLY))
    costs = await open_session(shop, paid)
    await costs.pay(customer_email="bob@example.com")
    ended = await subscribe(shop, free)
    table = SubscriptionRow
    await shop.app.database.execute(
        sa.update(table).where(table.c.id == UUID(ended["id"])).values(status="canceled", ended_at=shop.clock.now())
    )
    for id, message in (
        (theirs["id"], "Subscription does not exist."),
        ((await costs.view())["subscription_id"], "Only free subscriptions can be upgraded."),
        (ended["id"], "Subscription is not active."),
    ):
        assert faults(await create(shop, paid, subscription_id=id)) == [("subscription_id", "value_error", message)]


async def test_an_upgrade_happens_once(shop: Shop) -> None:
    await set_subscription_settings(shop, allow_multiple_subscriptions=True)
    had = await subscribe(shop, await make_product(shop, FREE, **MONTHLY))
    paid = await make_product(shop, **MONTHLY)
    sessions = [await open_session(shop, paid, subscription_id=had["id"]) for _ in range(8)]

    async def confirm(session: Session) -> str:
        reply = await session.confirm()
        return "confirmed" if reply.status_code == 200 else problem(reply)[1]

    answers = Counter(await asyncio.gather(*(confirm(session) for session in sessions)))
    assert answers["confirmed"] == 1
    assert set(answers) <= {"confirmed", "CheckoutLocked", "AlreadyActiveSubscriptionError"}
    await finish(shop)
    assert len(await payments(shop)) == 1
    left, *_others = [session for session in sessions if (await session.view())["status"] == "open"]
    assert problem(await left.confirm()) == problem(await left.update(customer_name="Ada")) == SUBSCRIBED


async def test_a_subscription_that_ended_meanwhile_is_followed_by_a_new_one(shop: Shop) -> None:
    had = await subscribe(shop, await make_product(shop, FREE, **MONTHLY))
    session = await open_session(shop, await make_product(shop, **MONTHLY), subscription_id=had["id"])
    table = SubscriptionRow
    await shop.app.database.execute(sa.update(table).values(status="canceled", ended_at=shop.clock.now()))
    done = await session.pay()
    assert done["subscription_id"] != had["id"]
    assert (await session.order())["billing_reason"] == "subscription_create"


async def test_what_is_bought_once_leaves_the_subscription_alone(shop: Shop) -> None:
    had = await subscribe(shop, await make_product(shop, FREE, **MONTHLY))
    once, monthly = await make_product(shop), await make_product(shop, **MONTHLY)
    session = await open_session(shop, monthly, once, subscription_id=had["id"])
    await session.pay(product_id=once["id"])
    assert {order["billing_reason"] for order in await orders(shop)} == {"purchase", "subscription_create"}
    assert (await subscription(shop, had["id"]))["product_id"] == UUID(had["product_id"])
