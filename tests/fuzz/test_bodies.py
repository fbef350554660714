"""Bodies from hell: whatever comes, the reply is one that the specification knows, and a refusal leaves no trace."""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from boreal.kit.db import metadata
from boreal.main import openapi
from tests.fuzz.effort import FULL, explore
from tests.fuzz.junk import junk, near, schema_of, text_of
from tests.isolation.furnishing import furnish
from tests.isolation.operations import OPERATIONS as ALL
from tests.isolation.operations import Operation
from tests.isolation.scene import BODIES, ONLY_ONE, UNDUE, Known, path_of
from tests.support.catalog import fixed, make_product, seats
from tests.support.checkout import BUYER, finish, open_session
from tests.support.postgres import create_database, drop_database
from tests.support.shop import Shop, client_of, open_shop

OPERATIONS = [operation for operation in ALL if operation.body is not None and operation.path in openapi()["paths"]]

ADDRESS = {"country": "US", "line1": "1 Main Street", "city": "Springfield", "postal_code": "12345", "state": "NY"}
BUSINESS = {"is_business_customer": True, "customer_tax_id": "FR61954506077", "customer_billing_name": "ACME"}
RICHER: dict[str, dict[str, Any]] = {
    "POST /v1/checkouts/": {"customer_billing_address": ADDRESS, "metadata": {"a": 1}, "customer_name": "Ada"},
    "PATCH /v1/checkouts/{id}": {"customer_billing_address": ADDRESS, "success_url": "https://example.com"},
    "PATCH /v1/checkouts/client/{client_secret}": {**BUYER, **BUSINESS, "amount": 500},
    "POST /v1/products/": {"recurring_interval": "month", "trial_interval": "day", "trial_interval_count": 3},
    "PATCH /v1/products/{id}": {"prices": [fixed(2000)], "metadata": {"a": 1}},
    "POST /v1/customers/": {"billing_address": ADDRESS, "tax_id": ["FR61954506077", "eu_vat"]},
    "PATCH /v1/customers/{id}": {"billing_address": ADDRESS, "metadata": {"a": 1}},
}
"""More members for the right body of an operation, so that they are spoilt more often."""

REFUSALS = frozenset({400, 403, 404, 409, 410, 422})
_STATE = sa.text(
    " UNION ALL ".join(
        f"SELECT '{name}' AS name, count(*) AS rows, max(xmin::text::bigint) AS latest FROM {name}"
        for name in sorted(metadata.tables)
        if not name.startswith("sandbox_")  # the books of another company, which remembers whom it refused
    )
)


@dataclass
class Target:
    """Where one operation of a shop is, for who may call it, and the ids that exist there."""

    shop: Shop
    client: httpx2.AsyncClient
    method: str
    path: str
    products: list[dict[str, Any]]
    known: tuple[str, ...]
    check: Callable[[httpx2.Response], None] = lambda reply: check_refusal(reply)
    taken: int = 0
    refused: int = 0
    _last: set[tuple[Any, ...]] | None = None

    async def send(self, body: bytes) -> None:
        """Sends a body and holds the reply against what the specification allows."""
        before = self._last or await self._state()
        self._last = None
        headers = {"content-type": "application/json"}
        reply = await self.client.request(self.method, self.path, content=body, headers=headers)
        if reply.is_success:
            self.taken += 1
        else:
            self.refused += 1
            assert reply.status_code in REFUSALS, (reply.status_code, reply.text)
            self.check(reply)
        if reply.status_code in (200, 400) and self.path.endswith("/confirm"):
            await finish(self.shop)  # a payment, even a refused one, is told about later
            if reply.is_success:
                self.path = f"{(await open_session(self.shop, *self.products)).url}/confirm"
        elif not reply.is_success:
            self._last = await self._state()
            assert self._last - before == set(), reply.text

    async def _state(self) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in await self.shop.app.database.fetch(_STATE)}


def check_refusal(reply: httpx2.Response) -> None:
    """The body of a refusal has the shape of platform spec 1.7."""
    assert reply.headers["content-type"] == "application/json"
    body = json.loads(reply.text, parse_constant=pytest.fail)
    assert isinstance(body["error"], str) and body["error"]
    if not body["error"].endswith(("RequestValidationError", "PropertiesValidationError")):  # usage spec 1.2
        assert isinstance(body["detail"], str) and body["detail"]
        return
    assert reply.status_code == 422
    assert isinstance(body["detail"], list) and body["detail"]
    for fault in body["detail"]:
        assert fault.keys() <= {"type", "loc", "msg", "input", "ctx"}
        assert isinstance(fault["type"], str) and isinstance(fault["msg"], str)
        assert fault["loc"][0] in ("body", "path", "query", "header")
        assert all(isinstance(step, str | int) for step in fault["loc"])


def check_card_refusal(reply: httpx2.Response) -> None:
    """The refusal of a card, which no API has: in words for each field, or as any other body."""
    detail = reply.json()["detail"]
    if "loc" in detail[0]:
        check_refusal(reply)
    else:
        assert all(isinstance(fault["field"], str) and fault["message"] for fault in detail)


@dataclass(frozen=True)
class Furnished:
    """A shop that has one of everything, closed, in the database that every test gets a copy of."""

    database: str
    shop: Shop
    known: Known
    products: list[dict[str, Any]]


@pytest.fixture(scope="module")
async def furnished(template: str) -> AsyncIterator[Furnished]:
    """Furnished once, since that takes longer than most tests here."""
    name = f"boreal_furnished_{os.getpid()}"
    async with open_shop(await create_database(name, template=template)) as shop:
        known = await furnish(shop, "canary")
        seated = await make_product(shop, seats((1, None, 1000)), recurring_interval="month")
        products = [await make_product(shop, {"amount_type": "custom"}), seated]
        made = (await open_session(shop, *products)).made
        known |= {"checkout_id": made["id"], "checkout_secret": made["client_secret"]}
    yield Furnished(name, shop, known, products)
    await drop_database(f"{name}_copy")
    await drop_database(name)


@pytest.fixture
async def copied(furnished: Furnished) -> AsyncIterator[Shop]:
    """The furnished shop on a database of this test's own; when the test is over every invariant must hold."""
    name = f"{furnished.database}_copy"
    await drop_database(name)
    async with open_shop(await create_database(name, template=furnished.database), left=furnished.shop) as shop:
        yield shop
        await shop.check()


async def open_target(shop: Shop, furnished: Furnished, operation: Operation) -> tuple[Target, dict[str, Any]]:
    """The operation pointing at something that can be changed, and a body that it takes."""
    known, products = furnished.known, furnished.products
    if operation.name in ONLY_ONE:
        await shop.client.delete(f"/v1/test-clocks/{known['clock_id']}")
    token = known["session"] if operation.is_of_customers else shop.token
    client = client_of(shop.boreal, None if operation.is_public else token)
    prices = [price["id"] for product in products for price in product["prices"]]
    ids = (*(product["id"] for product in products), *prices, *(known[name] for name in known if name.endswith("_id")))
    right = {**BODIES[operation.name](known), **RICHER.get(operation.name, {})}
    return Target(shop, client, operation.method, path_of(operation, known), products, ids), right


@st.composite
def bodies(draw: DrawFn, right: Mapping[str, Any], schema: Mapping[str, Any], known: tuple[str, ...]) -> bytes:
    """A right body with other members, few or many, that nearly fit; what nearly fits alone; with junk; anything."""
    way = draw(st.sampled_from(["few", "few", "many", "many", "alone", "junk", "anything", "bytes"]))
    if way == "bytes":
        return draw(st.binary(max_size=50))
    made = draw(junk if way == "anything" else near(schema, known))
    if isinstance(made, dict) and way in ("few", "many"):
        names = sorted(made)
        kept = draw(st.lists(st.sampled_from(names), max_size=2)) if way == "few" and names else names
        made = {**right, **{name: made[name] for name in kept}}
    if way == "junk":
        made = {**right, draw(st.sampled_from(sorted(right))): draw(junk)}
    return text_of(made)


async def explore_bodies(
    target: Target, right: Mapping[str, Any], schema: Mapping[str, Any], *, is_undue: bool = False
) -> None:
    async with target.client:
        await explore(bodies(right, schema, target.known), target.send)
    assert (is_undue or target.taken) and target.refused, "what is only ever refused, or never, was hardly tried"
    await target.shop.settle()


@pytest.mark.timeout(3600 if FULL else 120)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
async def test_any_body_is_taken_or_refused_as_the_specification_says(
    copied: Shop, furnished: Furnished, operation: Operation
) -> None:
    target, right = await open_target(copied, furnished, operation)
    schema = schema_of(operation.method, operation.path)
    await explore_bodies(target, right, schema, is_undue=operation.name in UNDUE)


@pytest.mark.timeout(3600 if FULL else 120)
async def test_any_card_is_taken_or_refused(shop: Shop) -> None:
    card = {"number": "4242" * 4, "exp_month": 12, "exp_year": "34", "cvc": "123"}
    target = Target(
        shop, client_of(shop.boreal, None), "POST", "/sandbox/confirmation-tokens", [], ("x",), check_card_refusal
    )
    await explore_bodies(target, card, {})
