"""More than a year of a subscription by a test clock: in a few long steps, and day by day.

Once the declined renewal has recovered every day is like another, and the rest goes by in months; with
`TEST_CLOCK_DAYS=395` day by day to the end.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from boreal.providers.ports.mail import MailBox
from tests.support.catalog import fixed, make_discount, make_product
from tests.support.checkout import good
from tests.support.organizations import send_mails
from tests.support.shop import Shop, found_shop
from tests.support.subscribers import (
    MONTHLY,
    all_orders,
    forget_methods,
    restore_methods,
    subscribe,
    subscription,
    sums,
)

BEGAN = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = int(os.environ.get("TEST_CLOCK_DAYS", "106"))
"""For so many days it goes day by day."""
TRIAL = {"trial_interval": "day", "trial_interval_count": 14}


@dataclass
class Story:
    """What happened: all facts in order, the orders with their sums, the subjects of the mails."""

    facts: list[str]
    orders: list[tuple[str, str, tuple[int, ...]]]
    mails: list[str]
    status: str


async def live(shop: Shop, *, step: timedelta) -> Story:
    """Thirteen months with a trial, a discount, a renewal that is declined and its recovery."""
    await send_mails(shop)
    clock = good(await shop.client.post("/v1/test-clocks/", json={"time": BEGAN.isoformat()}), 201)
    product = await make_product(shop, fixed(1000), **MONTHLY, **TRIAL)
    discount = await make_discount(shop, duration="repeating", duration_in_months=3, basis_points=2000)
    email = f"{shop.organization_id}@example.com"
    session = {"discount_id": discount["id"]}
    bought = await subscribe(shop, product, session=session, customer_email=email)
    time = BEGAN
    for until, then in ((100, forget_methods), (104, restore_methods), (395, None)):
        end = BEGAN + until * DAY
        while time < end:
            time = min(time + (step if time < BEGAN + DAYS * DAY else max(step, 31 * DAY)), end)
            path = f"/v1/test-clocks/{clock['id']}/advance"
            good(await shop.client.post(path, json={"time": time.isoformat()}), 202)
            await shop.settle()
        if then is not None:
            await then(shop)
    mails = [kept.mail for kept in await shop.app.get(MailBox).list_mails(limit=100)]
    return Story(
        await shop.facts(),
        [(one["created_at"], one["status"], sums(one)) for one in await all_orders(shop)],
        [mail.subject for mail in mails if mail.to == email],
        (await subscription(shop, bought["id"]))["status"],
    )


async def test_thirteen_months_are_the_same_in_long_steps_and_day_by_day(shop: Shop) -> None:
    other = await found_shop(shop.boreal, shop.clock, slug="rival")
    long = await live(shop, step=400 * DAY)
    daily = await live(other, step=DAY)
    assert long.facts == daily.facts
    assert long.orders == daily.orders
    assert long.mails == [subject.replace("Rival", "Acme") for subject in daily.mails]
    assert len(long.mails) > len(long.orders)
    _told(long)


def _told(story: Story) -> None:
    """By hand: a trial until 14 February, three months at 8.00, the rest at 10.00, every period paid in the end."""
    dues = [due for _created, _status, (*_sums, due) in story.orders]
    assert dues == [0, 800, 800, 800, *([1000] * 10)][: len(dues)]
    assert {status for _created, status, _ in story.orders} == {"paid"}
    days: list[Any] = [created[:10] for created, _, _ in story.orders]
    assert days[:5] == ["2027-01-31", "2027-02-14", "2027-03-14", "2027-04-14", "2027-05-14"]
    assert (days[-1], len(days)) == ("2028-02-14", 14)
    assert story.facts.count("subscription.past_due") == 1
    assert story.facts.count("order.paid") == 14
    assert story.status == "active"
