"""The ledger behind sales, and what the database refuses to write into it (platform spec 11, 12)."""

import uuid
from uuid import UUID

import asyncpg
import pytest

from boreal.core import ledger
from boreal.core.fees import Terms
from boreal.rooms.finance.public import customer_credit, post, set_fee_terms
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product
from tests.support.books import holdings
from tests.support.catalog import fixed
from tests.support.catalog import make_product as offer
from tests.support.checkout import open_session
from tests.support.refunds import sell
from tests.support.shop import Shop


async def test_a_sale_is_in_the_ledger_with_its_fees(shop: Shop) -> None:
    product, customer = await make_product(shop, **MONTHLY), await make_customer(shop)
    order = await buy(shop, customer, product, subtotal_amount=3000, tax_amount=750)
    # The card of this purchase is from nowhere in particular, so it is not international: 265 - 56.
    assert (order["platform_fee_amount"], order["platform_fee_currency"]) == (209, "usd")
    assert await holdings(shop, order["id"]) == {"buyers": -3750, "merchant": 2791, "tax": 750, "platform": 209}


@pytest.mark.example("platform W15", "platform W24")
async def test_a_card_from_abroad_for_a_subscription_with_tax(shop: Shop) -> None:
    order = await sell(shop, 3000, tax=750, token="pm_card_se", recurring_interval="month")
    assert order["platform_fee_amount"] == 265
    assert await holdings(shop, order["id"]) == {"buyers": -3750, "merchant": 2735, "tax": 750, "platform": 265}


@pytest.mark.example("platform W17")
async def test_a_card_from_abroad_costs_more(shop: Shop) -> None:
    product = await offer(shop, fixed(10000), recurring_interval="month")
    checkout = await open_session(shop, product)
    await checkout.pay("pm_card_se")
    order = await checkout.order()
    assert order["platform_fee_amount"] == 640
    assert await holdings(shop) == {"buyers": -10000, "merchant": 9360, "platform": 640}


@pytest.mark.example("platform W16")
async def test_a_card_from_home(shop: Shop) -> None:
    checkout = await open_session(shop, await offer(shop, fixed(3000)))
    await checkout.pay()
    assert (await checkout.order())["platform_fee_amount"] == 160


async def test_what_costs_nothing_leaves_no_trace(shop: Shop) -> None:
    product = await make_product(shop, price={"amount_type": "free"})
    order = await buy(shop, await make_customer(shop), product, subtotal_amount=0)
    assert (order["platform_fee_amount"], order["platform_fee_currency"]) == (0, None)
    assert await holdings(shop) == {}


@pytest.mark.example("platform W22")
async def test_an_organization_may_have_terms_of_its_own(shop: Shop) -> None:
    for terms in (Terms(0, 0), Terms(389, 35)):
        async with shop.app.transaction(shop.organization_id) as tx:
            await set_fee_terms(tx, terms)
    product, customer = await make_product(shop, **MONTHLY), await make_customer(shop)
    order = await buy(shop, customer, product, subtotal_amount=10000)
    assert order["platform_fee_amount"] == 474


async def _post(shop: Shop, transaction: ledger.Transaction, source_id: UUID, customer_id: UUID) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        await post(tx, transaction, source_id=source_id, order_id=source_id, customer_id=customer_id)


async def test_credit_is_kept_per_customer_and_currency(shop: Shop) -> None:
    ada, bob = uuid.uuid4(), uuid.uuid4()
    for net, currency, customer_id in ((-500, "usd", ada), (200, "usd", ada), (-70, "eur", ada), (40, "usd", bob)):
        sale = ledger.sale(net=net, tax=0, collected=0, currency=currency)
        order_id = uuid.uuid4()
        async with shop.app.transaction(shop.organization_id) as tx:
            await post(tx, sale, source_id=order_id, order_id=order_id, customer_id=customer_id)
    found = [await customer_credit(shop.app.database, who, money) for who in (ada, bob) for money in ("usd", "eur")]
    assert found == [300, 70, -40, 0]


async def test_a_source_is_posted_once(shop: Shop) -> None:
    sale, order, customer = ledger.sale(net=1, tax=0, collected=1, currency="usd"), uuid.uuid4(), uuid.uuid4()
    await _post(shop, sale, order, customer)
    with pytest.raises(asyncpg.UniqueViolationError):
        await _post(shop, sale, order, customer)


async def test_the_database_refuses_postings_that_do_not_add_up(shop: Shop) -> None:
    source = uuid.uuid4()
    await _post(shop, ledger.sale(net=1, tax=0, collected=1, currency="usd"), source, source)
    async with shop.app.database.transaction() as connection:
        await connection.raw.execute(
            "INSERT INTO ledger_postings (transaction_id, organization_id, holder, amount, currency)"
            " SELECT id, organization_id, 'tax', 1, 'usd' FROM ledger_transactions"
        )
        with pytest.raises(asyncpg.CheckViolationError, match="do not add up"):
            await connection.raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert await holdings(shop) == {"buyers": -1, "merchant": 1}


@pytest.mark.parametrize("table", ["ledger_transactions", "ledger_postings"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET organization_id = organization_id"])
async def test_nothing_is_ever_changed(shop: Shop, table: str, change: str) -> None:
    source = uuid.uuid4()
    await _post(shop, ledger.sale(net=1, tax=0, collected=1, currency="usd"), source, source)
    with pytest.raises(asyncpg.RestrictViolationError):
        await shop.app.database.pool.execute(change.format(table))
