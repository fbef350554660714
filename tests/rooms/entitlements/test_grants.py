"""Grants: what customers have of benefits, through which purchase, and when it ends (usage spec 9)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import sqlalchemy as sa

from boreal.rooms.entitlements.grants import commands
from tests.support.benefits import attach, make_benefit
from tests.support.catalog import make_product
from tests.support.checkout import finish, good, open_session
from tests.support.files import upload
from tests.support.shop import Shop, client_of
from tests.support.tokens import session

KEYS = {"prefix": "app", "activations": {"limit": 2, "enable_customer_admin": True}, "limit_usage": 10}


async def buy(shop: Shop, product: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The order of a purchase by Ada."""
    bought = await open_session(shop, product, **body)
    await bought.pay()
    return await bought.order()


async def grants(shop: Shop, **query: Any) -> list[dict[str, Any]]:
    return good(await shop.client.get("/v1/benefit-grants/", params={"sorting": "created_at", **query}))["items"]


async def grant_facts(shop: Shop) -> list[str]:
    return [fact for fact in await shop.facts() if fact.startswith("benefit_grant")]


async def portal_of(shop: Shop, customer_id: str) -> httpx2.AsyncClient:
    return client_of(shop.boreal, await session(shop, customer_id))


async def test_a_purchase_grants_what_comes_with_the_product(shop: Shop) -> None:
    note, keys = await make_benefit(shop, metadata={"a": 1}), await make_benefit(shop, "license_keys", properties=KEYS)
    product = await attach(shop, await make_product(shop), note, keys)
    order = await buy(shop, product)
    first, second = sorted(await grants(shop), key=lambda grant: grant["benefit"]["type"])
    assert (first["benefit"], second["benefit"]) == (note, keys)
    for grant in (first, second):
        assert (grant["order_id"], grant["subscription_id"]) == (order["id"], None)
        assert (grant["is_granted"], grant["is_revoked"], grant["error"]) == (True, False, None)
        assert (grant["granted_at"], grant["revoked_at"]) == (grant["created_at"], None)
        assert grant["customer"]["id"] == grant["customer_id"] == order["customer_id"]
        assert grant["member_id"] is None
    assert first["properties"] == {}
    assert set(second["properties"]) == {"license_key_id", "display_key"}
    assert await grant_facts(shop) == ["benefit_grant.created"] * 2
    state = good(await shop.client.get(f"/v1/customers/{order['customer_id']}/state"))
    assert sorted(state["granted_benefits"], key=lambda grant: grant["benefit_type"]) == [
        {
            "id": grant["id"],
            "created_at": grant["created_at"],
            "modified_at": None,
            "granted_at": grant["granted_at"],
            "benefit_id": grant["benefit_id"],
            "benefit_type": grant["benefit"]["type"],
            "benefit_metadata": grant["benefit"]["metadata"],
            "properties": grant["properties"],
        }
        for grant in (first, second)
    ]
    listed = good(await shop.client.get(f"/v1/benefits/{note['id']}/grants", params={"is_granted": True}))["items"]
    assert listed == [first]
    assert await grants(shop, is_granted=False) == []


async def test_a_subscription_grants_while_it_is_active(shop: Shop) -> None:
    keys = await make_benefit(shop, "license_keys", properties=KEYS)
    product = await attach(shop, await make_product(shop, recurring_interval="month"), keys)
    order = await buy(shop, product)
    (grant,) = await grants(shop)
    assert (grant["order_id"], grant["subscription_id"]) == (None, order["subscription_id"])
    await grant_facts(shop)
    await shop.advance(days=31)
    assert await grant_facts(shop) == ["benefit_grant.cycled"]
    url = f"/v1/subscriptions/{order['subscription_id']}"
    good(await shop.client.patch(url, json={"cancel_at_period_end": True}))
    await shop.settle()
    assert await grant_facts(shop) == []
    good(await shop.client.patch(url, json={"revoke": True}))
    await shop.settle()
    assert await grant_facts(shop) == ["benefit_grant.revoked"]
    (revoked,) = await grants(shop)
    assert (revoked["id"], revoked["is_granted"], revoked["is_revoked"]) == (grant["id"], False, True)
    assert (revoked["granted_at"], revoked["properties"]) == (None, grant["properties"])
    state = good(await shop.client.get(f"/v1/customers/{order['customer_id']}/state"))
    assert state["granted_benefits"] == []


async def test_a_refund_may_take_what_was_bought(shop: Shop) -> None:
    product = await attach(shop, await make_product(shop), await make_benefit(shop))
    order = await buy(shop, product)
    refund = {"order_id": order["id"], "reason": "other", "amount": 100}
    good(await shop.client.post("/v1/refunds/", json=refund))
    await finish(shop)
    assert [grant["is_granted"] for grant in await grants(shop)] == [True]
    good(await shop.client.post("/v1/refunds/", json={**refund, "revoke_benefits": True}))
    await finish(shop)
    assert [grant["is_granted"] for grant in await grants(shop)] == [False]
    assert await grant_facts(shop) == ["benefit_grant.created", "benefit_grant.revoked"]


async def test_grants_follow_the_benefits_of_the_product(shop: Shop) -> None:
    one, two = await make_benefit(shop, description="One"), await make_benefit(shop, description="Two")
    once = await attach(shop, await make_product(shop), one)
    monthly = await attach(shop, await make_product(shop, recurring_interval="month"), one)
    await buy(shop, once)
    await buy(shop, monthly)
    await grant_facts(shop)
    for product in (once, monthly):
        await attach(shop, product, two, one)
    await shop.settle()
    assert await grant_facts(shop) == ["benefit_grant.created"] * 2
    await attach(shop, once, two)
    await shop.settle()
    assert await grant_facts(shop) == ["benefit_grant.revoked"]
    await attach(shop, once, two, one)
    await shop.settle()
    assert await grant_facts(shop) == ["benefit_grant.created"]  # the same row, granted again
    assert [grant["is_granted"] for grant in await grants(shop)] == [True] * 4
    assert (await shop.client.delete(f"/v1/benefits/{two['id']}")).status_code == 204
    await shop.settle()
    assert await grant_facts(shop) == ["benefit_grant.revoked"] * 2


async def test_a_material_change_reaches_who_has_the_benefit(shop: Shop) -> None:
    keys = await make_benefit(shop, "license_keys", properties=KEYS)
    product = await attach(shop, await make_product(shop), keys)
    await buy(shop, product)
    await shop.advance(hours=1)
    (before,) = await grants(shop)
    await grant_facts(shop)
    url, body = f"/v1/benefits/{keys['id']}", {"type": "license_keys"}
    good(await shop.client.patch(url, json={**body, "properties": {**KEYS, "prefix": "new"}}))
    good(await shop.client.patch(url, json={**body, "description": "Another"}))
    await shop.settle()
    assert await grant_facts(shop) == []
    good(await shop.client.patch(url, json={**body, "properties": {**KEYS, "limit_usage": 20}}))
    await shop.settle()
    assert await grant_facts(shop) == ["benefit_grant.updated"]
    (after,) = await grants(shop)
    assert (after["properties"], after["is_granted"]) == (before["properties"], True)
    # The work may be done twice; the second time finds nothing to do.
    async with shop.app.transaction(shop.organization_id) as tx:
        tx.enqueue("renew_grant", payload={"grant_id": after["id"]})
    await shop.advance(hours=1)


async def test_a_renewal_does_not_hide_a_material_change(shop: Shop) -> None:
    """Though the grant is changed by it after its benefit was."""
    keys = await make_benefit(shop, "license_keys", properties=KEYS)
    order = await buy(shop, await attach(shop, await make_product(shop, recurring_interval="month"), keys))
    await shop.settle()
    await shop.facts()
    body = {"type": "license_keys", "properties": {**KEYS, "limit_usage": 20}}
    good(await shop.client.patch(f"/v1/benefits/{keys['id']}", json=body))
    shop.clock.advance(timedelta(hours=1))
    renewal = commands.Renewal(UUID(order["subscription_id"]), uuid4(), shop.clock.now())
    await commands.cycle(shop.app, renewal, organization_id=shop.organization_id)
    await shop.settle()
    assert await grant_facts(shop) == ["benefit_grant.cycled", "benefit_grant.updated"]
    (key,) = good(await shop.client.get("/v1/license-keys/"))["items"]
    assert key["limit_usage"] == 20


async def test_what_failed_is_over_with_its_benefit(shop: Shop) -> None:
    await buy(shop, await attach(shop, await make_product(shop), note := await make_benefit(shop)))
    failed = sa.text("UPDATE benefit_grants SET status = 'failed', granted_at = NULL")
    async with shop.app.transaction(shop.organization_id) as tx:
        await tx.execute(failed)
    assert (await shop.client.delete(f"/v1/benefits/{note['id']}")).status_code == 204
    await shop.settle()
    assert [grant["is_revoked"] for grant in await grants(shop)] == [True]


async def test_a_deleted_customer_has_nothing(shop: Shop) -> None:
    product = await attach(shop, await make_product(shop), await make_benefit(shop))
    order = await buy(shop, product)
    await shop.client.delete(f"/v1/customers/{order['customer_id']}")
    await shop.settle()
    assert [grant["is_granted"] for grant in await grants(shop)] == [False]


async def test_nobody_gets_anything_by_buying_seats(shop: Shop) -> None:
    tiers = {"tiers": [{"min_seats": 1, "max_seats": None, "price_per_seat": 900}]}
    product = await make_product(shop, {"amount_type": "seat_based", "seat_tiers": tiers})
    await attach(shop, product, await make_benefit(shop))
    await buy(shop, product, seats=3)
    assert await grants(shop) == []


async def test_customers_download_their_files(shop: Shop) -> None:
    guide, extra = await upload(shop, b"guide"), await upload(shop, b"extra", name="extra.pdf")
    missing = "11111111-1111-4111-8111-111111111111"
    properties = {"files": [guide["id"], extra["id"], missing], "archived": {extra["id"]: True}}
    benefit = await make_benefit(shop, "downloadables", properties=properties)
    product = await attach(shop, await make_product(shop), benefit)
    first, second = await buy(shop, product), await buy(shop, product)
    assert [grant["properties"] for grant in await grants(shop)] == [{"files": [guide["id"]]}] * 2
    customer_id = first["customer_id"]
    assert second["customer_id"] == customer_id
    url = "/v1/customer-portal/downloadables/"
    async with await portal_of(shop, customer_id) as customer:
        (item,) = good(await customer.get(url))["items"]
        assert (item["benefit_id"], item["file"]["id"]) == (benefit["id"], guide["id"])
        link = item["file"]["download"]["url"]
        leads = await customer.get(link)
        assert leads.status_code == 302
        assert (await customer.get(leads.headers["location"])).content == b"guide"
        assert (await customer.get(link + "x")).status_code == 404
        active = {"files": [guide["id"], extra["id"]], "archived": {}}
        await shop.advance(minutes=1)
        good(
            await shop.client.patch(
                f"/v1/benefits/{benefit['id']}", json={"type": "downloadables", "properties": active}
            )
        )
        await shop.settle()
        assert len(good(await customer.get(url))["items"]) == 2
        refund = {"order_id": first["id"], "reason": "other", "amount": 100, "revoke_benefits": True}
        good(await shop.client.post("/v1/refunds/", json=refund))
        await finish(shop)
        assert len(good(await customer.get(url))["items"]) == 2  # they still come with the other order
        good(await shop.client.post("/v1/refunds/", json={**refund, "order_id": second["id"]}))
        await finish(shop)
        assert good(await customer.get(url))["items"] == []
        assert (await customer.get(link)).status_code == 302  # given out before
    await shop.advance(hours=1)
    async with client_of(shop.boreal, None) as anybody:
        assert (await anybody.get(link)).status_code == 410
    left = {grant["order_id"]: grant["properties"] for grant in await grants(shop)}
    assert left == {first["id"]: {"files": [guide["id"], extra["id"]]}, second["id"]: {}}
