"""Benefits for tests, made through the API."""

from typing import Any
from uuid import uuid4

from boreal.rooms.usage.public import MeterRow
from tests.support.checkout import good
from tests.support.shop import Shop

PROPERTIES: dict[str, dict[str, Any]] = {
    "custom": {"note": "Thank you"},
    "license_keys": {"prefix": "app", "expires": None, "activations": None, "limit_usage": None},
}


async def make_meter(shop: Shop) -> str:
    """The id of a meter that counts every event."""
    id = uuid4()
    await shop.app.database.execute(
        MeterRow.insert(),
        id=id,
        created_at=shop.clock.now(),
        organization_id=shop.organization_id,
        name="Calls",
        filter={"conjunction": "and", "clauses": []},
        aggregation={"func": "count"},
        metadata={},
        modified_at=None,
        archived_at=None,
        archived_seq=None,
    )
    return str(id)


async def make_benefit(shop: Shop, type: str = "custom", **body: Any) -> dict[str, Any]:
    """A benefit as the API shows it."""
    asked = {"type": type, "description": "Thanks", "properties": PROPERTIES.get(type), **body}
    return good(await shop.client.post("/v1/benefits/", json=asked), 201)


async def attach(shop: Shop, product: dict[str, Any], *benefits: dict[str, Any]) -> dict[str, Any]:
    """The product with exactly these benefits."""
    asked = {"benefits": [benefit["id"] for benefit in benefits]}
    return good(await shop.client.post(f"/v1/products/{product['id']}/benefits", json=asked))
