"""The customer of a purchase: what checkouts ask the room for (catalog spec 6.14)."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.core.customers import Customer, CustomerType
from boreal.kit.tx import Locked
from boreal.rooms.customers import public as customers
from boreal.rooms.customers.customers.tables import CustomerRow
from boreal.rooms.customers.public import NewCustomer
from tests.support.shop import Shop

ROWS = sa.select(CustomerRow)


async def buy(shop: Shop, email: str = "ada@example.com", **details: Any) -> Customer:
    async with shop.app.transaction(shop.organization_id) as tx:
        return await customers.lock_or_create(tx, NewCustomer(email=email, **details))


async def test_a_stranger_becomes_a_customer(shop: Shop) -> None:
    bought = await buy(
        shop,
        external_id="usr_1",
        type=CustomerType.TEAM,
        name="Ada",
        billing_name="Ada Ltd",
        billing_address={"country": "GB", "city": "London"},
        tax_id=["1", "gb_vat"],
        metadata={"a": 1},
    )
    await shop.saw("customer.created")
    assert await customers.read(shop.app.database, bought.id) == bought
    assert (bought.created_at, bought.modified_at) == (shop.clock.now(), None)
    shown = (await shop.client.get("/v1/customers/external/usr_1")).json()
    assert shown["billing_address"] == {"country": "GB", "city": "London"}
    assert (shown["name"], shown["tax_id"], shown["metadata"]) == ("Ada", ["1", "gb_vat"], {"a": 1})
    assert "billing_name" not in shown


async def test_a_known_address_is_the_same_customer(shop: Shop) -> None:
    first = await buy(shop, external_id="usr_1", name="Ada", metadata={"a": 1, "b": 1})
    await shop.facts()
    second = await buy(shop, "ADA@example.com", external_id="usr_2", billing_name="Ada Ltd", metadata={"b": 2})
    await shop.saw("customer.updated")
    assert second == replace(first, billing_name="Ada Ltd", metadata={"a": 1, "b": 2}, modified_at=shop.clock.now())
    assert await buy(shop, name="Ada") == second
    await shop.saw()


async def test_a_linked_customer_keeps_its_address(shop: Shop) -> None:
    linked = await buy(shop)
    await buy(shop, "bob@example.com")
    again = await buy(shop, "bob@example.com", customer_id=linked.id, name="Ada")
    assert (again.id, again.email, again.name) == (linked.id, "ada@example.com", "Ada")


async def test_a_linked_customer_that_was_deleted_is_made_again(shop: Shop) -> None:
    linked = await buy(shop)
    await shop.client.delete(f"/v1/customers/{linked.id}")
    again = await buy(shop, customer_id=linked.id)
    assert (again.id != linked.id, again.email) == (True, "ada@example.com")


async def test_an_external_id_that_became_known_is_its_customer(shop: Shop) -> None:
    first = await buy(shop, "ada@example.com", external_id="usr_1")
    assert (await buy(shop, "other@example.com", external_id="usr_1")).id == first.id


async def test_a_linked_customer_of_another_organization_is_not_taken(shop: Shop, other_shop: Shop) -> None:
    theirs = await buy(other_shop)
    mine = await buy(shop, customer_id=theirs.id)
    assert (mine.id != theirs.id, mine.organization_id) == (True, shop.organization_id)


async def test_sixteen_at_once_are_one_customer(shop: Shop) -> None:
    bought = await asyncio.gather(
        *(buy(shop, f"{'aA'[n % 2]}da@example.com", metadata={f"k{n}": n}, external_id=f"usr_{n}") for n in range(16))
    )
    assert len({one.id for one in bought}) == 1
    (row,) = await shop.app.database.fetch(ROWS)
    assert row["metadata"] == {f"k{n}": n for n in range(16)}
    await shop.saw("customer.created", *["customer.updated"] * 15)


async def test_the_customer_stays_locked(shop: Shop) -> None:
    bought = await buy(shop)
    async with shop.app.transaction(shop.organization_id) as tx:
        await customers.lock_or_create(tx, NewCustomer(email="ada@example.com"))
        with pytest.raises(Locked):
            async with shop.app.transaction(shop.organization_id) as other:
                await other.lock(Customer, bought.id, wait=False)


async def test_invoice_numbers_have_no_gap(shop: Shop) -> None:
    bought = await buy(shop)
    await shop.facts()

    async def take() -> int:
        async with shop.app.transaction(shop.organization_id) as tx:
            customer = await tx.lock(Customer, bought.id)
            assert customer is not None
            return await customers.take_invoice_number(tx, customer)

    assert sorted(await asyncio.gather(*(take() for _ in range(10)))) == list(range(1, 11))
    assert await take() == 11
    await shop.saw()


async def test_the_processors_customer_is_remembered(shop: Shop) -> None:
    bought = await buy(shop)
    await shop.facts()
    async with shop.app.transaction(shop.organization_id) as tx:
        locked = await tx.lock(Customer, bought.id)
        assert locked is not None
        known = await customers.set_processor_customer(tx, locked, "cus_1")
    assert known == replace(bought, processor_customer_id="cus_1")
    assert await customers.read(shop.app.database, bought.id) == known
    await shop.saw()


async def test_find_sees_the_living_of_one_organization(shop: Shop, other_shop: Shop) -> None:
    bought = await buy(shop, external_id="usr_1")
    runs, mine, theirs = shop.app.database, shop.organization_id, other_shop.organization_id
    assert await customers.find(runs, organization_id=mine, id=bought.id) == bought
    assert await customers.find(runs, organization_id=mine, external_id="usr_1") == bought
    assert await customers.find(runs, organization_id=mine, id=uuid.uuid4()) is None
    assert await customers.find(runs, organization_id=theirs, id=bought.id) is None
    assert await customers.find(runs, organization_id=theirs, external_id="usr_1") is None
    await shop.client.delete(f"/v1/customers/{bought.id}")
    assert await customers.find(runs, organization_id=mine, id=bought.id) is None
    gone = await customers.read(runs, bought.id)
    assert gone is not None
    assert gone.deleted_at == shop.clock.now()
