"""One of everything for an organization: what it has, by the names that the tables of `scene` use."""

from datetime import timedelta
from json import dumps
from typing import Any
from uuid import UUID

from tests.support.benefits import attach, make_benefit
from tests.support.catalog import FREE, make_product
from tests.support.checkout import VISA, Session, finish, good, open_session
from tests.support.files import begin, send, upload_picture
from tests.support.payments import payment_methods
from tests.support.refunds import give_back
from tests.support.seats import buy_seats, invitation_to, invite
from tests.support.shop import Shop, client_of
from tests.support.tokens import issue, session
from tests.support.usage import ingest, make_meter


async def furnish(shop: Shop, word: str) -> dict[str, str]:
    """Gives a shop one of everything, with a word of its own in every text; what it then has, by name."""
    url = "http://127.0.0.1:9/" + word  # nobody listens there, so each attempt is a delivery that failed
    endpoint = await _endpoint(shop, url)
    file = await _file(shop, word)
    product = await _product(shop, word, file["file_id"])
    discount = await _discount(shop, word, product["id"])
    buyers = [await _customer(shop, word, name) for name in ("ada", "bob", "eve")]
    bought = await open_session(shop, product, customer_id=buyers[0]["id"], metadata={"word": word})
    await bought.pay(customer_name=f"{word} Ada", customer_email=None)
    order = await bought.order()
    await give_back(shop, order, 100, comment=f"{word} refund", metadata={"word": word})
    good(await shop.client.post(f"/v1/orders/{order['id']}/invoice"), 202)
    dispute = await _dispute(shop, word, buyers[0]["id"])
    checkout, custom = await open_session(shop, product), await open_session(shop, product)
    link = await _link(shop, word, product["id"])
    await finish(shop)
    deliveries = good(await shop.client.get("/v1/webhooks/deliveries"))["items"]
    organization = good(await shop.client.get(f"/v1/organizations/{shop.organization_id}"))
    return {
        "word": word,
        "organization_id": str(shop.organization_id),
        "slug": organization["slug"],
        **await _clock(shop, word),
        "token_id": (await issue(shop)).id,
        "endpoint_id": endpoint["id"],
        "event_id": deliveries[0]["webhook_event"]["id"],
        "custom_field_id": product["attached_custom_fields"][0]["custom_field_id"],
        "free_product_id": await _free_product(shop, word, order["subscription_id"]),
        "discount_id": discount["id"],
        "discount_code": discount["code"],
        "product_id": product["id"],
        "product_price_id": product["prices"][0]["id"],
        "customer_id": buyers[0]["id"],
        "email": buyers[0]["email"],
        "external_id": buyers[0]["external_id"],
        "other_external_id": buyers[2]["external_id"],
        **await _measured(shop, word, buyers[0]["external_id"], product),
        **await _occurrence(shop, word, buyers[0]["external_id"]),
        "order_id": order["id"],
        "payment_method_id": await _method(shop, buyers[0]["id"]),
        "dispute_id": dispute["id"],
        "payment_id": dispute["payment_id"],
        "subscription_id": order["subscription_id"],
        "checkout_id": checkout.id,
        "checkout_secret": _secret(checkout),
        "custom_checkout_id": custom.id,
        "custom_checkout_secret": _secret(custom),
        **await _seats(shop, word, buyers[0]["id"]),
        "link_id": link["id"],
        "link_secret": link["client_secret"],
        **await _spare_method(shop, buyers[0]["id"]),
        **await _file(shop, word),
        **file,
        "picture_id": product["medias"][0]["id"],
        "benefit_id": product["benefits"][0]["id"],
        **await _entitlements(shop, word, buyers[0]["id"]),
        "other_session": await session(shop, buyers[1]["id"]),
    }


async def _entitlements(shop: Shop, word: str, customer_id: str) -> dict[str, str]:
    """A session of a customer who bought the product, and what they have by it."""
    token = await session(shop, customer_id)
    async with client_of(shop.boreal, token) as customer:
        (item,) = good(await customer.get("/v1/customer-portal/downloadables/"))["items"]
        (key,) = good(await customer.get("/v1/customer-portal/license-keys/"))["items"]
    asked = {"key": key["key"], "organization_id": key["organization_id"], "label": word, "meta": {"word": word}}
    made = [good(await shop.client.post("/v1/license-keys/activate", json=asked)) for _ in range(2)]
    return {
        "session": token,
        "download_token": item["file"]["download"]["url"].rpartition("/")[2],
        "license_key_id": key["id"],
        "license_key": key["key"],
        "activation_id": made[0]["id"],
        "open_activation_id": made[1]["id"],
    }


async def _product(shop: Shop, word: str, file_id: str) -> dict[str, Any]:
    field = await _custom_field(shop, word)
    benefit = await make_benefit(shop, description=f"{word} thanks", properties={"note": word}, metadata={"w": word})
    keys = await make_benefit(
        shop,
        "license_keys",
        description=f"{word} keys",
        properties={"prefix": word, "activations": {"limit": 50, "enable_customer_admin": True}},
    )
    files = {"files": [file_id], "archived": {}}
    downloads = await make_benefit(shop, "downloadables", description=f"{word} files", properties=files)
    picture = await upload_picture(shop, name=f"{word}.png")
    product = await make_product(
        shop,
        name=f"{word} Pro",
        medias=[picture["id"]],
        recurring_interval="month",
        metadata={"word": word},
        attached_custom_fields=[{"custom_field_id": field["id"], "required": False}],
    )
    return await attach(shop, product, benefit, keys, downloads)


async def _spare_method(shop: Shop, customer_id: str) -> dict[str, str]:
    """A payment method that the customer added in the portal, and the setup behind it."""
    body = {"confirmation_token_id": VISA, "set_default": False, "return_url": "https://example.com/"}
    async with client_of(shop.boreal, await session(shop, customer_id)) as portal:
        reply = await portal.post("/v1/customer-portal/customers/me/payment-methods", json=body)
    method = good(reply, 201)["payment_method"]
    setup = await shop.app.database.pool.fetchval(
        "SELECT setup.id FROM sandbox_intents AS setup JOIN payment_methods AS kept"
        " ON kept.processor_id = setup.method_id WHERE kept.id = $1 AND setup.kind = 'setup'",
        UUID(method["id"]),
    )
    return {"spare_method_id": method["id"], "setup_id": setup}


async def _file(shop: Shop, word: str) -> dict[str, str]:
    begun = await begin(shop, b"content", name=f"{word}.pdf", version=word)
    completion = await send(shop, begun, b"content")
    good(await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion))
    return {
        "file_id": begun["id"],
        "file_path": begun["path"],
        "upload_id": begun["upload"]["id"],
        "completion": dumps(completion),
    }


async def _method(shop: Shop, customer_id: str) -> str:
    return next(str(one["id"]) for one in await payment_methods(shop) if str(one["customer_id"]) == customer_id)


async def _free_product(shop: Shop, word: str, subscription_id: str) -> str:
    """A product that costs nothing, and a subscription that is to change to it."""
    free = await make_product(shop, FREE, name=f"{word} Free", recurring_interval="month")
    schedule = f"/v1/subscriptions/{subscription_id}/scheduled-change"
    good(await shop.client.post(schedule, json={"product_id": free["id"]}), 201)
    return str(free["id"])


async def _seats(shop: Shop, word: str, customer_id: str) -> dict[str, str]:
    order = await buy_seats(shop, 9, once=True, product={"name": f"{word} Team"}, customer_id=customer_id)
    email = f"{word}.seat@example.com"
    seat = await invite(shop, order, email, metadata={"word": word})
    other = f"{word}.other@example.com"
    await invite(shop, order, other)
    token = await invitation_to(shop, other)
    return {"team_id": order["id"], "seat_id": seat["id"], "invitation_token": token}


async def _clock(shop: Shop, word: str) -> dict[str, str]:
    now = shop.clock.now()
    made = good(await shop.client.post("/v1/test-clocks/", json={"name": word, "time": now.isoformat()}), 201)
    return {"clock_id": made["id"], "soon": (now + timedelta(minutes=1)).isoformat()}


async def _dispute(shop: Shop, word: str, customer_id: str) -> dict[str, Any]:
    """A dispute about a payment of the customer's."""
    product = await make_product(shop, name=f"{word} Book")
    sold = await open_session(shop, product, customer_id=customer_id, metadata={"word": word})
    await sold.pay("pm_card_createDispute", customer_name=f"{word} Ada", customer_email=None)
    await shop.advance(seconds=15)
    (dispute,) = good(await shop.client.get("/v1/disputes/"))["items"]
    return dict(dispute)


def _hears(url: str) -> dict[str, Any]:
    return {"url": url, "format": "raw", "events": ["customer.created", "order.created"]}


async def _link(shop: Shop, word: str, product_id: str) -> dict[str, Any]:
    body = {"payment_processor": "stripe", "products": [product_id], "label": word, "metadata": {"word": word}}
    return good(await shop.client.post("/v1/checkout-links/", json=body), 201)


async def _custom_field(shop: Shop, word: str) -> dict[str, Any]:
    body = {"type": "text", "slug": word, "name": f"{word} field", "properties": {}, "metadata": {"word": word}}
    return good(await shop.client.post("/v1/custom-fields/", json=body), 201)


async def _discount(shop: Shop, word: str, product_id: str) -> dict[str, Any]:
    body = {
        "name": f"{word} sale",
        "type": "percentage",
        "duration": "once",
        "basis_points": 1000,
        "code": f"{word}10",
        "products": [product_id],
        "metadata": {"word": word},
    }
    return good(await shop.client.post("/v1/discounts/", json=body), 201)


async def _endpoint(shop: Shop, url: str) -> dict[str, Any]:
    endpoint = good(await shop.client.post("/v1/webhooks/endpoints", json=_hears(url)), 201)
    own = f"/v1/webhooks/endpoints/{endpoint['id']}/own-events"
    good(await shop.client.put(own, json={"events": ["usage_alert.triggered"]}))
    return endpoint


async def _measured(shop: Shop, word: str, external_id: str, product: dict[str, Any]) -> dict[str, str]:
    rule = {"property": word, "operator": "eq", "value": word}
    condition = {"conjunction": "and", "clauses": [rule]}
    meter = await make_meter(shop, filter=condition, name=f"{word} calls", metadata={"word": word})
    found = good(await shop.client.get("/v1/customer-meters/", params={"external_customer_id": external_id}))
    units = {"units": 100, "rollover": False, "meter_id": meter["id"]}
    benefit = await make_benefit(shop, "meter_credit", description=f"{word} units", properties=units)
    await attach(shop, product, *product["benefits"], benefit)
    threshold = {"meter_id": meter["id"], "threshold_type": "units", "threshold": 1, "name": f"{word} alert"}
    alert = good(await shop.client.post("/v1/usage-alerts/", json=threshold), 201)
    await ingest(shop, {"name": f"{word} use", "external_customer_id": external_id, "metadata": {word: word}})
    await shop.advance(seconds=20)
    return {
        "meter_id": meter["id"],
        "customer_meter_id": found["items"][0]["id"],
        "usage_alert_id": alert["id"],
    }


async def _occurrence(shop: Shop, word: str, external_id: str) -> dict[str, str]:
    await ingest(shop, {"name": f"{word}_call", "external_customer_id": external_id, "metadata": {"word": word}})
    (found,) = good(await shop.client.get("/v1/events/", params={"name": f"{word}_call"}))["items"]
    types = good(await shop.client.get("/v1/event-types/"))["items"]
    return {
        "occurrence_id": found["id"],
        "event_name": found["name"],
        "event_type_id": next(one["id"] for one in types if one["name"] == found["name"]),
    }


async def _customer(shop: Shop, word: str, name: str) -> dict[str, Any]:
    body = {
        "email": f"{name}@{word}.example.com",
        "external_id": f"{word}-{name}",
        "name": f"{word} {name}",
        "metadata": {"word": word},
    }
    return good(await shop.client.post("/v1/customers/", json=body), 201)


def _secret(checkout: Session) -> str:
    return str(checkout.made["client_secret"])
