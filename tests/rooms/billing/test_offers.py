"""What an order and a subscription show of the discount and of the custom fields of their purchase."""

from typing import Any
from uuid import UUID

from boreal.rooms.billing.subscriptions import queries
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product
from tests.support.catalog import make_custom_field, make_discount
from tests.support.queries import counted
from tests.support.shop import Shop


async def subscription_of(shop: Shop, order: dict[str, Any]) -> dict[str, Any]:
    async with shop.app.database.transaction() as connection:
        return await queries.payload(connection, UUID(order["subscription_id"]))


async def test_orders_and_subscriptions_show_the_discount(shop: Shop) -> None:
    made = await make_discount(shop, name="Spring", code="SPRING", metadata={"a": 1})
    order = await buy(
        shop,
        await make_customer(shop),
        await make_product(shop, **MONTHLY),
        discount_id=UUID(made["id"]),
        discount_amount=100,
    )
    del made["products"]
    assert order["discount"] == made
    subscription = await subscription_of(shop, order)
    assert (subscription["discount"]["id"], subscription["amount"]) == (UUID(made["id"]), 900)
    await shop.client.delete(f"/v1/discounts/{made['id']}")
    shown = (await shop.client.get(f"/v1/orders/{order['id']}")).json()
    assert shown["discount"]["id"] == made["id"], "who has a discount keeps it when it is deleted"


async def test_orders_sort_by_the_name_of_their_discount(shop: Shop) -> None:
    customer, product = await make_customer(shop), await make_product(shop)
    names = ("Spring", "Autumn", None)
    for name in names:
        id = UUID((await make_discount(shop, name=name))["id"]) if name else None
        await buy(shop, customer, product, discount_id=id)
    for sorting, expected in (("discount", ["Autumn", "Spring", None]), ("-discount", [None, "Spring", "Autumn"])):
        with counted(shop.app.database) as statements:
            reply = await shop.client.get("/v1/orders/", params={"sorting": sorting})
        shown = [order["discount"] and order["discount"]["name"] for order in reply.json()["items"]]
        assert shown == expected
        assert len(statements) == 5, "token, page, items, prices, discounts"


async def test_answers_are_shown_by_the_present_slug(shop: Shop) -> None:
    size, note = await make_custom_field(shop, "size"), await make_custom_field(shop, "note")
    customer = await make_customer(shop)
    answers = {size["id"]: "L", note["id"]: None}
    order = await buy(shop, customer, await make_product(shop, **MONTHLY), custom_field_data=answers)
    assert order["custom_field_data"] == {"size": "L", "note": None}
    await shop.client.patch(f"/v1/custom-fields/{size['id']}", json={"type": "text", "slug": "fit"})
    await shop.client.delete(f"/v1/custom-fields/{note['id']}")
    (listed,) = (await shop.client.get("/v1/orders/")).json()["items"]
    state = (await shop.client.get(f"/v1/customers/{customer['id']}/state")).json()
    subscription = await subscription_of(shop, order)
    renamed = {"fit": "L", "note": None}
    assert listed["custom_field_data"] == subscription["custom_field_data"] == renamed
    assert state["active_subscriptions"][0]["custom_field_data"] == renamed
