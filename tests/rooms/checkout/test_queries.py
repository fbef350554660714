"""How often each operation asks the database. A number here may go down; up only for a reason."""

from collections.abc import Sequence

from tests.support.catalog import FREE, fixed, make_custom_field, make_discount, make_product
from tests.support.checkout import good, open_session, processor_of
from tests.support.queries import counted
from tests.support.shop import Shop

CREATE = 7  # token, products, prices, organization; session, listeners, fact
READ = 3  # session with its organization, products, prices
UPDATE = 7  # as read; lock, update, listeners, fact
CONFIRM = 20
"""Read, the buyer; lock, claim (2), attempt, mark, safety net; lock, settle, the customer (2), session, payment (2),
token, listeners, facts, work. An event adds one."""
CONFIRM_FREE = 11
LIST = 4  # token, page with organizations, products, prices


def ours(queries: Sequence[str]) -> list[str]:
    """Without the sandbox's own books: another processor is asked over the network."""
    return [query for query in queries if "sandbox_" not in query]


async def test_one_session(shop: Shop) -> None:
    products = [await make_product(shop, recurring_interval="month"), await make_product(shop, fixed(2000))]
    with counted(shop.app.database) as queries:
        session = await open_session(shop, *products)
    assert len(queries) == CREATE, queries
    with counted(shop.app.database) as queries:
        good(await session.get())
    assert len(queries) == READ, queries
    with counted(shop.app.database) as queries:
        good(await session.update(customer_name="Ada"))
    assert len(queries) == UPDATE, queries
    processor_of(shop).faults.silent = 1.0
    with counted(shop.app.database) as queries:
        good(await session.confirm())
    assert len(ours(queries)) == CONFIRM, ours(queries)


async def test_a_free_session(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, FREE))
    with counted(shop.app.database) as queries:
        good(await session.confirm(None))
    assert len(queries) == CONFIRM_FREE, queries


async def test_prices_made_for_the_session(shop: Shop) -> None:
    product = await make_product(shop)
    with counted(shop.app.database) as queries:
        session = await open_session(shop, product, prices={product["id"]: [fixed(700)]})
    assert len(queries) == CREATE + 1, queries
    with counted(shop.app.database) as queries:
        good(await session.get())
    assert len(queries) == READ + 1, queries


async def test_a_list_costs_the_same_however_long_it_is(shop: Shop) -> None:
    for _ in range(3):
        for number in range(4):
            await open_session(shop, *[await make_product(shop) for _ in range(number % 2 + 1)])
        with counted(shop.app.database) as queries:
            good(await shop.client.get("/v1/checkouts/?limit=100"))
        assert len(queries) == LIST, queries


async def test_a_list_of_discounted_sessions_costs_one_more(shop: Shop) -> None:
    field = await make_custom_field(shop, "size")
    asked = {"attached_custom_fields": [{"custom_field_id": field["id"], "required": False}]}
    for _ in range(2):
        for _ in range(3):
            product, discount = await make_product(shop, **asked), await make_discount(shop)
            answers = {"custom_field_data": {"size": "L"}}
            with counted(shop.app.database) as queries:
                session = await open_session(shop, product, discount_id=discount["id"], **answers)
            assert len(queries) == CREATE + 2, queries  # the custom fields of the product, the discount
        with counted(shop.app.database) as queries:
            good(await shop.client.get("/v1/checkouts/?limit=100"))
        assert len(queries) == LIST + 2, queries
    with counted(shop.app.database) as queries:
        good(await session.get())
    assert len(queries) == READ + 2, queries
