"""`PATCH /v1/organizations/{id}` (platform spec 6)."""

from typing import Any

import httpx2
import pytest

from tests.support.checkout import good
from tests.support.shop import Shop, client_of
from tests.support.tokens import issue

GROUPS = ("subscription_settings", "notification_settings", "customer_email_settings", "customer_portal_settings")
DETAILS = {
    "about": "Lamps",
    "product_description": "Lamps that last",
    "intended_use": "Selling them",
    "customer_acquisition": ["website"],
    "future_annual_revenue": 100_000,
}


async def change(shop: Shop, **body: Any) -> httpx2.Response:
    return await shop.client.patch(f"/v1/organizations/{shop.organization_id}", json=body)


async def now(shop: Shop) -> dict[str, Any]:
    return good(await shop.client.get(f"/v1/organizations/{shop.organization_id}"))


async def test_only_what_is_sent_changes_and_it_is_told(shop: Shop) -> None:
    before = await now(shop)
    social = {"platform": "x", "url": "https://x.com/acme"}
    sent = {"name": "Acme Ltd", "email": "hello@Acme.example", "website": "https://acme.example", "socials": [social]}
    after = good(await change(shop, **sent))
    assert after == await now(shop)
    assert after == {
        **before,
        "modified_at": "2026-01-15T12:00:00Z",
        "name": "Acme Ltd",
        "email": "hello@acme.example",
        "website": "https://acme.example/",
        "socials": [social],
    }
    await shop.saw("organization.updated")


async def test_null_clears_what_may_be_missing_and_leaves_the_rest(shop: Shop) -> None:
    before = await now(shop)
    good(await change(shop, email="a@example.com", website="https://a.example", avatar_url="https://a.example/a.png"))
    nothing = dict.fromkeys((*GROUPS, "feature_settings", "details", "email", "website", "socials", "avatar_url"))
    assert good(await change(shop, **nothing)) == {**before, "modified_at": "2026-01-15T12:00:00Z"}
    assert (await change(shop, name=None)).status_code == 422  # correction 18


async def test_flags_are_merged_and_other_settings_replaced_whole(shop: Shop) -> None:
    before = await now(shop)
    after = good(await change(shop, feature_settings={"wallets_enabled": True}))
    assert after["feature_settings"] == {**before["feature_settings"], "wallets_enabled": True}
    portal = {"usage": {"show": False}, "subscription": {"update_seats": True, "update_plan": False}}
    after = good(await change(shop, customer_portal_settings=portal))
    assert (after["customer_portal_settings"], after["allow_customer_updates"]) == (portal, False)
    settings = {**before["subscription_settings"], "proration_behavior": "invoice"}
    after = good(await change(shop, subscription_settings=settings))
    assert (after["subscription_settings"], after["proration_behavior"]) == (settings, "invoice")
    for group in GROUPS:
        (missing, *_) = before[group]
        half = {name: value for name, value in before[group].items() if name != missing}
        (fault, *_) = (await change(shop, **{group: half})).json()["detail"]
        assert (fault["type"], fault["loc"][1:]) == ("missing", [group, missing])


async def test_details_are_taken_once(shop: Shop, other_shop: Shop) -> None:
    await shop.app.database.pool.execute("UPDATE organizations SET details_submitted_at = NULL WHERE slug = 'acme'")
    after = good(await change(shop, details=DETAILS))
    assert after["details_submitted_at"] == "2026-01-15T12:00:00Z" and "details" not in after
    await shop.advance(days=1)
    assert good(await change(shop, details={**DETAILS, "about": "Chairs"}))["details_submitted_at"] == (
        "2026-01-15T12:00:00Z"
    )
    kept = await shop.app.database.pool.fetchval("SELECT details FROM organizations WHERE slug = 'acme'")
    assert kept == {**DETAILS, "switching": True, "switching_from": None, "previous_annual_revenue": 0}
    assert (await change(shop, details={"about": "Lamps"})).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "ab"},
        {"email": "nobody"},
        {"website": "ftp://acme.example"},
        {"socials": [{"platform": "github", "url": "https://gitlab.com/acme"}]},
        {"subscription_settings": {"benefit_revocation_grace_period": -1}},
    ],
)
async def test_what_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    before = await now(shop)
    assert (await change(shop, **wrong)).status_code == 422
    assert await now(shop) == before


async def test_a_slug_never_changes_and_a_logo_of_a_service_is_none_of_ours(shop: Shop) -> None:
    after = good(await change(shop, slug="other", avatar_url="https://img.logo.dev/acme.example"))
    assert (after["slug"], after["avatar_url"]) == ("acme", None)


async def test_who_may(shop: Shop, other_shop: Shop) -> None:
    path = f"/v1/organizations/{shop.organization_id}"
    assert (await other_shop.client.patch(path, json={"name": "Mine"})).status_code == 404
    async with client_of(shop.boreal, (await issue(shop, ["organizations:read"])).secret) as reader:
        assert (await reader.patch(path, json={"name": "Mine"})).status_code == 403
