"""Meters and events for tests."""

from collections.abc import Mapping
from typing import Any

from tests.support.checkout import good
from tests.support.shop import Shop

EVERYTHING: dict[str, Any] = {"conjunction": "and", "clauses": []}


async def make_meter(
    shop: Shop, func: str = "count", property: str | None = None, *, filter: Mapping[str, Any] = EVERYTHING, **more: Any
) -> dict[str, Any]:
    """A new meter of everything, or of what the filter lets pass."""
    aggregation = {"func": func} if property is None else {"func": func, "property": property}
    body = {"name": f"{func} of {property}", "filter": filter, "aggregation": aggregation, **more}
    return good(await shop.client.post("/v1/meters/", json=body), 201)


def named(name: str) -> dict[str, Any]:
    """The filter that lets only events of this name pass."""
    return {"conjunction": "and", "clauses": [{"property": "name", "operator": "eq", "value": name}]}


async def make_customer(shop: Shop, external_id: str | None = None) -> dict[str, Any]:
    """A customer, whom the merchant may know by an id of its own."""
    email = f"{external_id or 'nobody'}@example.com"
    return good(await shop.client.post("/v1/customers/", json={"email": email, "external_id": external_id}), 201)


async def ingest(shop: Shop, *events: Mapping[str, Any]) -> dict[str, Any]:
    """Takes events in; each is of `ada` and named `call`, unless it says otherwise."""
    sent = [
        {"name": "call", **({} if "customer_id" in event else {"external_customer_id": "ada"}), **event}
        for event in events
    ]
    return good(await shop.client.post("/v1/events/ingest", json={"events": sent}))
