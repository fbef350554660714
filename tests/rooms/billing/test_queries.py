"""How many statements billing costs: numbers, never times, which depend on the machine."""

from datetime import timedelta

from boreal.kit.claims import Claims
from boreal.kit.worker import run
from tests.support.checkout import processor_of
from tests.support.queries import counted
from tests.support.shop import Shop
from tests.support.subscribers import subscribe

RENEW = 15  # reading 2; customer, subscription, number, credit, order, charge, items, entries, facts, collection
COLLECT = 13  # charge, customer, order, payment, subscription, ledger, fee, facts
SANDBOX = 5  # its own books: key, method, payment, event, reply


async def test_a_renewal_and_its_charge(shop: Shop) -> None:
    await subscribe(shop)
    processor_of(shop).faults.silent = 1.0  # whose events would be counted, too
    shop.clock.advance(timedelta(days=31))
    for queue, ours, theirs in (("renewals", RENEW, 0), ("charges", COLLECT, SANDBOX)):
        claims = Claims(shop.app.database, queue)
        (work,) = await claims.claim(now=shop.clock.now(), batch_size=10, lease_s=30)
        with counted(shop.app.database) as queries:
            await run(shop.app, work, claims)
        sandbox = [query for query in queries if "sandbox_" in query]
        assert (len(queries) - len(sandbox), len(sandbox)) == (ours, theirs), queries
    await shop.settle()
