"""Nothing secret in the logs: a whole sale with many a mishap, at the level where most is said, then a search."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from boreal.kit.postgres import EmbeddedPostgres
from tests.scenarios.test_processes import BUYER, Shop, ready
from tests.support.processes import running, short_folder
from tests.support.receiver import Reply, open_receiver

CARD, CVC, DECLINED = "4242424242424242", "847", "4000000000000002"
OAT = "polar_oat_" + "W" * 43
NAME = "Augusta Byron-King"


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the demo keeps its data and its log."""
    with short_folder() as folder:
        yield folder


async def post(shop: Shop, path: str, body: dict[str, Any], *, status: int, **headers: str) -> Any:
    reply = await shop.client.post(path, json=body, headers=headers)
    assert reply.status_code == status, reply.text
    return reply.json()


async def trade(shop: Shop, url: str) -> list[str]:
    """Sells, with mishaps on the way; returns everything secret that went over the wire."""
    endpoint = {"url": url, "format": "raw", "events": ["order.paid", "checkout.created"]}
    webhook = (await post(shop, "/v1/webhooks/endpoints", endpoint, status=201))["secret"]
    scopes = {"comment": "another", "scopes": ["orders:read"]}
    token = (await post(shop, "/v1/organization-access-tokens/", scopes, status=201))["token"]
    made = await post(shop, "/v1/checkouts/", {"products": shop.ready["product_ids"][:1]}, status=201)
    confirm = f"/v1/checkouts/client/{made['client_secret']}/confirm"
    card = {"exp_month": 12, "exp_year": 2040, "cvc": CVC}
    good, bad = [
        (await post(shop, "/sandbox/confirmation-tokens", {"number": number, **card}, status=200))["id"]
        for number in (CARD, DECLINED)
    ]
    await post(shop, "/sandbox/confirmation-tokens", {"number": CARD + "1", **card}, status=422)
    buyer = {**BUYER, "customer_name": NAME}
    await post(shop, confirm, {**buyer, "confirmation_token_id": [good]}, status=422)
    await post(shop, confirm, {**buyer, "confirmation_token_id": bad}, status=400)
    paid = {**buyer, "confirmation_token_id": good}
    confirmed = await post(shop, confirm, paid, status=200, **{"idempotency-key": OAT})
    await post(shop, "/v1/orders/", {}, status=401, authorization=f"Bearer {OAT}")
    await post(shop, f"/v1/orders/{OAT}", {"card": CARD}, status=405)
    order = await shop.completed(made["id"], within_s=20)
    session = await post(shop, "/v1/customer-sessions/", {"customer_id": order["customer_id"]}, status=201)
    portal = await shop.client.get("/northwind/portal", params={"customer_session_token": session["token"]})
    assert portal.status_code < 400
    link = shop.ready["checkout_url"].split("/")[-2]
    assert (await shop.client.get(f"/v1/checkout-links/{link}/redirect")).status_code < 400
    secrets = [webhook, token, made["client_secret"], good, bad, confirmed["customer_session_token"], session["token"]]
    return [*secrets, link, shop.ready["access_token"]]


async def fetch(data: Path, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(EmbeddedPostgres(data).dsn)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def mail_lines(data: Path) -> list[str]:
    """The lines of the captured mails, as far as they say something."""
    rows = await fetch(data, "SELECT subject, text, html FROM captured_mails")
    lines = [line.strip() for row in rows for part in row.values() for line in re.split(r"[\n<>]", part)]
    return [line for line in lines if len(line) > 15]


async def test_a_whole_sale_leaves_nothing_secret_in_any_log(place: Path) -> None:
    options = ("--port", "0", "--data-dir", str(place / "data"), "--ready-file", str(place / "ready"))
    level = {"BOREAL_LOG_LEVEL": "debug", "BOREAL_LOG_FORMAT": "json"}
    async with open_receiver() as receiver:
        receiver.script(Reply(500, b"no"), Reply(drop=True))
        with running(place, "demo", *options, **level) as boreal:
            shop = await ready(boreal, place / "ready")
            secrets = await trade(shop, receiver.url)
            await receiver.wait_for(4, timeout_s=20)
            mail = await mail_lines(place / "data")
            await fetch(place / "data", "ALTER TABLE checkouts RENAME TO hidden")
            for path in (f"/v1/checkouts/client/{secrets[2]}/confirm", "/v1/checkouts/"):
                await post(shop, path, {**BUYER, "products": shop.ready["product_ids"]}, status=500)
            boreal.kill(*boreal.family()[1:])
            while (await shop.client.get("/v1/orders/")).status_code != 503:
                await asyncio.sleep(0.01)
            await boreal.stop()
    log = boreal.log.read_text() + (place / "data" / "postgres" / "log").read_text()
    events = Counter(json.loads(line)["event"] for line in boreal.log.read_text().splitlines())
    assert {"request", "webhook_sent", "request_failed", "database_away"} <= events.keys(), events
    assert "Traceback" in log, "a failure is described, too"
    assert any(NAME in line for line in mail)
    keys = (place / "data" / "keys").read_text().split()
    for secret in (*secrets, *mail, *keys[1:], CARD, DECLINED, OAT, NAME, f'"{CVC}"', f"'{CVC}'"):
        assert secret not in log, secret
    assert re.findall(r"polar_(?!cl_|\w+\.py)[a-z]+_\w{20,}", log) == []
