"""Sales through the checkout that can be given back, and refunds as merchants ask for them."""

from typing import Any

import httpx2

from boreal.providers.ports import TaxQuotes
from tests.support.catalog import fixed, make_product
from tests.support.checkout import VISA, FlatTax, good, open_session
from tests.support.shop import Shop


async def sell(shop: Shop, net: int = 1000, *, tax: int = 0, token: str = VISA, **body: Any) -> dict[str, Any]:
    """A paid order of `net` with this much tax, as the API shows it; `body` is for the product."""
    shop.app.adapters[TaxQuotes] = FlatTax(tax * 10_000 // net)
    session = await open_session(shop, await make_product(shop, fixed(net), **body))
    await session.pay(token)
    order = await session.order()
    assert (order["net_amount"], order["tax_amount"]) == (net, tax)
    return order


async def ask(shop: Shop, order: dict[str, Any], amount: int, **body: Any) -> httpx2.Response:
    """The reply to a request for a refund of `amount` without tax."""
    sent = {"order_id": order["id"], "amount": amount, "reason": "customer_request", **body}
    return await shop.client.post("/v1/refunds/", json=sent)


async def give_back(shop: Shop, order: dict[str, Any], amount: int, **body: Any) -> dict[str, Any]:
    """A refund that has to be accepted."""
    return good(await ask(shop, order, amount, **body))


async def order_now(shop: Shop, order: dict[str, Any]) -> dict[str, Any]:
    """The order as it is now."""
    return good(await shop.client.get(f"/v1/orders/{order['id']}"))


async def refunds(shop: Shop, **params: Any) -> list[dict[str, Any]]:
    """The refunds of the shop, newest first."""
    return list(good(await shop.client.get("/v1/refunds/", params=params))["items"])
