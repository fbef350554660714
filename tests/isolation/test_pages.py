"""The pages that ask for a credential, opened by those who have another one."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.isolation.scene import Scene
from tests.support.tokens import NO_BEARER, UNKNOWN


def strangers(scene: Scene) -> dict[str, bytes]:
    """Cookies that do not open the owner's portal."""
    named = {name: value for name, value in {**UNKNOWN, **scene.spent, **NO_BEARER}.items() if value is not None}
    tokens = {name: value.removeprefix(b"Bearer ") for name, value in named.items()}
    for name, token in {"an organization": scene.owner.token, "a customer of another": scene.rivals["session"]}.items():
        tokens[name] = token.encode()
    return tokens


async def portal(scene: Scene, slug: str, token: bytes) -> tuple[int, str]:
    reply = await scene.client.get(f"/{slug}/portal", headers={"cookie": b"boreal_portal=" + token})
    return reply.status_code, reply.text


async def test_the_portal_opens_for_who_bought_there(scene: Scene) -> None:
    status, page = await portal(scene, scene.owned["slug"], scene.owned["session"].encode())
    assert status == 200 and "canary Pro" in page


async def test_the_portal_stays_closed_for_everybody_else(scene: Scene) -> None:
    for name, token in strangers(scene).items():
        status, page = await portal(scene, scene.owned["slug"], token)
        assert status == 401, name
        assert "canary" not in page, name


async def test_the_portal_shows_another_customer_nothing_of_the_first(scene: Scene) -> None:
    status, page = await portal(scene, scene.owned["slug"], scene.owned["other_session"].encode())
    assert status == 200
    assert "canary Pro" not in page and scene.owned["email"] not in page


async def test_a_link_offers_no_product_of_another(scene: Scene) -> None:
    query = {"product_id": scene.owned["product_id"], "customer_email": scene.owned["email"]}
    reply = await scene.client.get(f"/v1/checkout-links/{scene.rivals['link_secret']}/redirect", params=query)
    assert reply.status_code == 307
    secret = urlsplit(reply.headers["location"]).path.rpartition("/")[2]
    assert not parse_qs(urlsplit(reply.headers["location"]).query)
    session = (await scene.client.get(f"/v1/checkouts/client/{secret}")).json()
    assert session["product_id"] == scene.rivals["product_id"]
    assert session["customer_id"] is None and session["customer_name"] is None


@pytest.mark.parametrize("tail", ["", "/confirmation"])
async def test_the_checkout_page_asks_for_the_whole_secret(scene: Scene, tail: str) -> None:
    secret = scene.owned["checkout_secret"]
    assert (await scene.client.get(f"/checkout/{secret}")).status_code == 200
    for wrong in (secret[:-1], secret.lower(), scene.owned["checkout_id"], scene.owned["link_secret"]):
        reply = await scene.client.get(f"/checkout/{wrong}{tail}")
        assert reply.status_code == 404
        assert "canary" not in reply.text
