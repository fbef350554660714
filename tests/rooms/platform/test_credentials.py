"""Which credential may call what, by examples (platform spec W12, but for the operations that are not served)."""

from typing import Any

from tests.support.shop import Shop, client_of
from tests.support.tokens import issue, session


async def test_subjects_and_scopes(shop: Shop) -> None:
    customer = (await shop.client.post("/v1/customers/", json={"email": "ada@example.com"})).json()

    async def call(method: str, path: str, token: str, body: Any = None) -> tuple[int, str]:
        async with client_of(shop.boreal, token) as client:
            reply = await client.request(method, path, json=body)
            return reply.status_code, (reply.json() or {}).get("error", "")

    async def holding(*scopes: str) -> str:
        return (await issue(shop, scopes)).secret

    assert await call("GET", "/v1/products/", await session(shop, customer["id"])) == (401, "Unauthorized")
    assert await call("GET", "/v1/products/", await holding("products:write")) == (200, "")
    assert await call("GET", "/v1/orders/", await holding("orders:write")) == (403, "insufficient_scope")
    key = {"key": "K", "organization_id": str(shop.organization_id)}
    bogus = await call("POST", "/v1/customer-portal/license-keys/validate", "polar_oat_bogus", key)
    assert bogus == (401, "invalid_token")
    event = {"name": "seen", "external_customer_id": "e"}
    assert (await shop.client.post("/v1/events/ingest", json={"events": [event]})).status_code == 200
    (known,) = (await shop.client.get("/v1/event-types/", params={"source": "user"})).json()["items"]
    changed = await call("PATCH", f"/v1/event-types/{known['id']}", await holding("events:write"), {"label": "Seen"})
    assert changed == (200, "")
