"""Seats for tests: somebody buys them, and somebody is invited to one."""

import re
from typing import Any

from boreal.providers.ports.mail import MailBox
from tests.support.catalog import make_product, seats
from tests.support.checkout import finish, good, open_session
from tests.support.shop import Shop

SEATS = "/v1/customer-seats"


async def buy_seats(
    shop: Shop,
    count: int = 3,
    *,
    once: bool = False,
    product: dict[str, Any] | None = None,
    of: dict[str, Any] | None = None,
    **checkout: Any,
) -> dict[str, Any]:
    """The order of seats: of an existing product (`of`), or at 1000 each, of a subscription unless bought once."""
    interval = {} if once else {"recurring_interval": "month"}
    sold = of or await make_product(shop, seats((1, None, 1000)), **{**interval, **(product or {})})
    bought = await open_session(shop, sold, seats=count, **checkout)
    await bought.pay(**({"customer_email": None} if "customer_id" in checkout else {}))
    await finish(shop)
    order: dict[str, Any] = await bought.order()
    return order


async def invite(shop: Shop, order: dict[str, Any], email: str, **more: Any) -> dict[str, Any]:
    """The seat of an order, or of its subscription, that somebody is invited to."""
    place = {"subscription_id": order["subscription_id"]} if order["subscription_id"] else {"order_id": order["id"]}
    return good(await shop.client.post(SEATS, json={**place, "email": email, **more}))


async def invitation_to(shop: Shop, email: str) -> str:
    """The token in the newest invitation to somebody."""
    await shop.settle()
    texts = [kept.mail.text for kept in await shop.app.get(MailBox).list_mails() if kept.mail.to == email]
    found = re.search(r"claim\?token=(\S+)", texts[0])
    assert found
    return found[1]
