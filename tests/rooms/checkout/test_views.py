"""Addresses in a session, and the view that the hosted pages have of it (catalog spec 6.13, 9.1)."""

import json
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.kit.facts import FactRow
from boreal.kit.problems import Invalid, ResourceNotFound
from boreal.rooms.checkout.checkouts.errors import ExpiredCheckoutError, PaymentError
from boreal.rooms.checkout.public import client_confirm, client_update, client_view, client_view_by_id
from tests.support.catalog import make_product
from tests.support.checkout import BUYER, VISA, good, open_session
from tests.support.shop import Shop


@pytest.mark.example("catalog 11.28")
async def test_the_success_url_names_the_session(shop: Shop) -> None:
    product = await make_product(shop)
    session = await open_session(shop, product, success_url="https://x.io/ok?id={CHECKOUT_ID}")
    expected = f"https://x.io/ok?id={session.id}"
    assert session.made["success_url"] == expected
    assert good(await session.get())["success_url"] == expected
    assert good(await session.confirm())["success_url"] == expected
    other = await open_session(shop, product, success_url="https://x.io/ok?id={CHECKOUT_SESSION_ID}")
    assert other.made["success_url"] == "https://x.io/ok?id={CHECKOUT_SESSION_ID}"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://x.io", "https://x.io/"),
        ("https://x.io/?a={CHECKOUT_ID}&b={X}", "https://x.io/?a={CHECKOUT_ID}&b={X}"),
        ("https://x.io/?a={", "https://x.io/?a={"),
        ("https://x.io/?a={{}}", "https://x.io/?a={{}}"),
        ("https://x.io/{CHECKOUT_ID}/ok", "https://x.io/%7BCHECKOUT_ID%7D/ok"),
    ],
)
async def test_other_success_urls(shop: Shop, given: str, shown: str) -> None:
    session = await open_session(shop, await make_product(shop), success_url=given, return_url="https://x.io")
    assert session.made["success_url"] == shown
    assert session.made["return_url"] == "https://x.io/"


async def test_pages_see_a_session_whatever_its_status(shop: Shop) -> None:
    product = await make_product(shop)
    session = await open_session(shop, product)
    secret = session.made["client_secret"]
    assert await client_view(shop.app, secret) == good(await session.get())
    updated = await client_update(shop.app, secret, {"customer_name": "Ada"})
    assert updated == good(await session.get())
    assert updated["customer_name"] == "Ada"
    confirmed = await client_confirm(shop.app, secret, {**BUYER, "confirmation_token_id": VISA})
    assert (confirmed["status"], confirmed["customer_session_token"][:10]) == ("confirmed", "polar_cst_")
    await shop.settle()
    left = await open_session(shop, product)
    await shop.advance(hours=1)
    assert (await client_view(shop.app, secret))["status"] == "succeeded"
    assert (await client_view_by_id(shop.app, uuid.UUID(session.id)))["status"] == "succeeded"
    assert (await client_view(shop.app, left.made["client_secret"]))["status"] == "expired"
    assert (await left.view())["status"] == "open"


async def test_pages_are_refused_in_the_words_of_the_api(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    secret = session.made["client_secret"]
    for view in (client_view(shop.app, "polar_c_no"), client_view_by_id(shop.app, uuid.uuid4())):
        with pytest.raises(ResourceNotFound):
            await view
    malformed: dict[str, Any] = {"amount": 30, "customer_email": "ada"}
    for act, reply in (
        (client_update, await session.update(**malformed)),
        (client_confirm, await session.confirm(None, **{**dict.fromkeys(BUYER), **malformed})),
    ):
        with pytest.raises(Invalid) as refused:
            await act(shop.app, secret, malformed)
        body = reply.json()
        for fault in body["detail"]:
            fault.pop("ctx", None)
        assert refused.value.body() == body
        assert refused.value.status == reply.status_code == 422
    with pytest.raises(Invalid) as missing:
        await client_confirm(shop.app, secret, {})
    assert missing.value.body()["error"] == "PolarRequestValidationError"
    with pytest.raises(PaymentError):
        await client_confirm(shop.app, secret, {**BUYER, "confirmation_token_id": "pm_card_chargeDeclined"})
    await shop.advance(hours=1)
    with pytest.raises(ExpiredCheckoutError):
        await client_update(shop.app, secret, {})


_PAYLOADS = sa.select(FactRow.c.name, FactRow.c.payload).where(FactRow.c.payload.is_not(None)).order_by(FactRow.c.id)


async def test_webhooks_show_what_the_api_shows_at_that_moment(shop: Shop) -> None:
    events = ["checkout.created", "checkout.updated"]
    endpoint = {"url": "https://hooks.example.com/", "format": "raw", "events": events}
    good(await shop.client.post("/v1/webhooks/endpoints", json=endpoint), 201)
    session = await open_session(shop, await make_product(shop), metadata={"plan": "pro"})
    states = [session.made]
    good(await session.update(customer_name="Ada"))
    states.append(await session.view())
    good(await session.confirm())
    states.append(await session.view())
    async with shop.app.transaction(shop.organization_id) as tx:
        await tx.execute(sa.text("DELETE FROM webhook_endpoints"))
    told = [(row["name"], json.loads(row["payload"])) for row in await shop.app.database.fetch(_PAYLOADS)]
    assert [name for name, _ in told] == ["checkout.created", "checkout.updated", "checkout.updated"]
    for (name, payload), state in zip(told, states, strict=True):
        assert payload == {"type": name, "timestamp": "2026-01-15T12:00:00Z", "data": state}


async def test_a_fraction_for_the_customer_is_told_as_text(shop: Shop) -> None:
    """The contract takes it and knows no such value in a reply; the customer gets it as it was sent."""
    sent = {"ratio": 0.5, "whole": 2, "flag": True, "word": "x"}
    session = await open_session(shop, await make_product(shop), customer_metadata=sent)
    assert session.made["customer_metadata"] == {**sent, "ratio": "0.5"}
    await session.pay()
    (customer,) = good(await shop.client.get("/v1/customers/"))["items"]
    assert customer["metadata"] == sent
