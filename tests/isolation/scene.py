"""Two organizations that have one of everything, and what each of them could name to reach into the other.

What is known of an operation stands in the tables below: the value of each of its path parameters, the body that its
owner would send, what its ids and texts may name. `unknown(operation)` says what is missing for a new one.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from json import dumps, loads
from typing import Any
from uuid import uuid4

import httpx2

from boreal.kit.db import metadata
from tests.isolation.furnishing import furnish
from tests.isolation.operations import Operation, takes_id, takes_text
from tests.isolation.traces import STATE, naming, rows_of, secrets_of
from tests.support.catalog import fixed
from tests.support.checkout import VISA
from tests.support.files import new_file
from tests.support.shop import Shop, client_of, found_shop, open_shop
from tests.support.tokens import spend
from tests.support.usage import EVERYTHING

Known = Mapping[str, str]
"""What an organization has: the name of a value to the value."""

PATHS = {
    "/v1/benefits/{id}": "benefit_id",
    "/v1/checkout-links/{client_secret}": "link_secret",
    "/v1/checkout-links/{id}": "link_id",
    "/v1/checkouts/client/{client_secret}": "checkout_secret",
    "/v1/checkouts/custom/client/{client_secret}": "custom_checkout_secret",
    "/v1/checkouts/custom/{id}": "custom_checkout_id",
    "/v1/checkouts/{id}": "checkout_id",
    "/v1/custom-fields/{id}": "custom_field_id",
    "/v1/customer-portal/customers/me/payment-methods/{id}": "spare_method_id",
    "/v1/customer-portal/downloadables/{token}": "download_token",
    "/v1/customer-portal/license-keys/{id}": "license_key_id",
    "/v1/license-keys/{id}": "license_key_id",
    "/v1/license-keys/{id}/activations/{activation_id}": "activation_id",
    "/v1/customer-portal/orders/{id}": "order_id",
    "/v1/customer-meters/{id}": "customer_meter_id",
    "/v1/customer-portal/meters/{id}": "customer_meter_id",
    "/v1/customers/external/{external_id}": "other_external_id",
    "/v1/customers/{id}": "customer_id",
    "/v1/discounts/{id}": "discount_id",
    "/v1/disputes/{id}": "dispute_id",
    "/v1/files/{id}": "file_id",
    "/v1/event-types/{id}": "event_type_id",
    "/v1/events/{id}": "occurrence_id",
    "/v1/meters/{id}": "meter_id",
    "/v1/orders/{id}": "order_id",
    "/v1/organization-access-tokens/{id}": "token_id",
    "/v1/organizations/{id}": "organization_id",
    "/v1/payments/{id}": "payment_id",
    "/v1/products/{id}": "product_id",
    "/v1/subscriptions/{id}": "subscription_id",
    "/v1/customer-portal/subscriptions/{id}": "subscription_id",
    "/v1/customer-portal/seats/{seat_id}": "seat_id",
    "/v1/customer-seats/claim/{invitation_token}": "invitation_token",
    "/v1/customer-seats/{seat_id}": "seat_id",
    "/v1/test-clocks/{id}": "clock_id",
    "/v1/usage-alerts/{id}": "usage_alert_id",
    "/v1/webhooks/endpoints/{id}": "endpoint_id",
    "/v1/webhooks/events/{id}": "event_id",
}
"""The value that a path parameter takes, by the path that ends with it."""

_PURCHASE = {
    "customer_name": "Changed",
    "customer_email": "buyer@example.com",
    "customer_billing_address": {"country": "FR"},
    "confirmation_token_id": VISA,
}

BODIES: dict[str, Callable[[Known], dict[str, Any]]] = {
    "PATCH /v1/benefits/{id}": lambda known: {"type": "custom", "description": "Changed"},
    "PATCH /v1/checkout-links/{id}": lambda known: {"label": "Changed"},
    "PATCH /v1/checkouts/client/{client_secret}": lambda known: {"customer_name": "Changed"},
    "PATCH /v1/checkouts/custom/client/{client_secret}": lambda known: {"customer_name": "Changed"},
    "PATCH /v1/checkouts/custom/{id}": lambda known: {"customer_name": "Changed"},
    "PATCH /v1/checkouts/{id}": lambda known: {"customer_name": "Changed"},
    "PATCH /v1/custom-fields/{id}": lambda known: {"type": "text", "name": "Changed"},
    "PATCH /v1/customers/external/{external_id}": lambda known: {"name": "Changed"},
    "PATCH /v1/customers/{id}": lambda known: {"name": "Changed"},
    "PATCH /v1/discounts/{id}": lambda known: {"name": "Changed"},
    "PATCH /v1/files/{id}": lambda known: {"name": "Changed"},
    "PATCH /v1/event-types/{id}": lambda known: {"label": "Changed"},
    "PATCH /v1/meters/{id}": lambda known: {"name": "Changed"},
    "PATCH /v1/license-keys/{id}": lambda known: {"usage": 1},
    "PATCH /v1/organization-access-tokens/{id}": lambda known: {"comment": "Changed"},
    "PATCH /v1/organizations/{id}": lambda known: {"name": "Changed"},
    "PATCH /v1/products/{id}": lambda known: {"name": "Changed"},
    "PATCH /v1/customer-portal/orders/{id}": lambda known: {"billing_name": "Changed"},
    "PATCH /v1/customer-portal/customers/me": lambda known: {"billing_name": "Changed"},
    "PATCH /v1/orders/{id}": lambda known: {"billing_name": "Changed"},
    "PATCH /v1/subscriptions/{id}": lambda known: {"discount_id": None},
    "PATCH /v1/usage-alerts/{id}": lambda known: {"name": "Changed"},
    "PATCH /v1/webhooks/endpoints/{id}": lambda known: {"enabled": False},
    "POST /v1/benefits/": lambda known: {"type": "custom", "description": "New", "properties": {}},
    "POST /v1/checkout-links/": lambda known: {"payment_processor": "stripe", "products": [known["product_id"]]},
    "POST /v1/checkouts/": lambda known: {"products": [known["product_id"]]},
    "POST /v1/checkouts/client/": lambda known: {"product_id": known["product_id"]},
    "POST /v1/checkouts/client/{client_secret}/opened": lambda known: {"distinct_id": "visitor"},
    "POST /v1/checkouts/custom/client/": lambda known: {"product_id": known["product_id"]},
    "POST /v1/checkouts/custom/client/{client_secret}/opened": lambda known: {"distinct_id": "visitor"},
    "POST /v1/checkouts/client/{client_secret}/confirm": lambda known: dict(_PURCHASE),
    "POST /v1/checkouts/custom/": lambda known: {"products": [known["product_id"]]},
    "POST /v1/checkouts/custom/client/{client_secret}/confirm": lambda known: {
        **_PURCHASE,
        "customer_email": "another@example.com",
    },
    "POST /v1/custom-fields/": lambda known: {"type": "text", "slug": "new", "name": "New", "properties": {}},
    "POST /v1/customer-portal/orders/{id}/confirm-payment": lambda known: {
        "payment_method_id": known["payment_method_id"]
    },
    "POST /v1/customer-sessions/": lambda known: {"customer_id": known["customer_id"]},
    "POST /v1/customers/": lambda known: {"email": "new@example.com"},
    "POST /v1/discounts/": lambda known: {
        "name": "New",
        "type": "percentage",
        "duration": "once",
        "basis_points": 1000,
    },
    "POST /v1/files/": lambda known: new_file(b"new"),
    "POST /v1/files/{id}/uploaded": lambda known: loads(known["completion"]),
    "POST /v1/events/ingest": lambda known: {"events": [{"name": "call", "customer_id": known["customer_id"]}]},
    "POST /v1/customer-meters/check": lambda known: {
        "meter_id": known["meter_id"],
        "customer_id": known["customer_id"],
        "name": "call",
        "metadata": {known["word"]: known["word"]},
        "overage": True,
    },
    "POST /v1/meters/": lambda known: {"name": "New", "filter": EVERYTHING, "aggregation": {"func": "count"}},
    "POST /v1/organization-access-tokens/": lambda known: {"comment": "New", "scopes": ["orders:read"]},
    "POST /v1/refunds/": lambda known: {"order_id": known["order_id"], "reason": "other", "amount": 1},
    "POST /v1/products/": lambda known: {"name": "New", "prices": [fixed()]},
    "POST /v1/subscriptions/": lambda known: {
        "product_id": known["free_product_id"],
        "customer_id": known["customer_id"],
    },
    "POST /v1/subscriptions/{id}/preview": lambda known: {"discount_id": None},
    "POST /v1/subscriptions/{id}/scheduled-change": lambda known: {"product_id": known["product_id"]},
    "POST /v1/customer-portal/customers/me/payment-methods": lambda known: {
        "confirmation_token_id": VISA,
        "set_default": False,
        "return_url": "https://example.com/",
    },
    "POST /v1/customer-portal/customers/me/payment-methods/confirm": lambda known: {
        "setup_intent_id": known["setup_id"],
        "set_default": True,
    },
    "PATCH /v1/customer-portal/subscriptions/{id}": lambda known: {"cancellation_comment": "Changed"},
    "POST /v1/customer-portal/seats": lambda known: {"order_id": known["team_id"], "email": "one@example.com"},
    "POST /v1/customer-seats": lambda known: {"order_id": known["team_id"], "email": "two@example.com"},
    "POST /v1/customer-seats/claim": lambda known: {"invitation_token": known["invitation_token"]},
    "POST /v1/test-clocks/": lambda known: {"time": "2030-01-01T00:00:00Z"},
    "POST /v1/test-clocks/{id}/advance": lambda known: {"time": known["soon"]},
    "POST /v1/customer-portal/license-keys/activate": lambda known: {**_key(known), "label": "new"},
    "POST /v1/customer-portal/license-keys/deactivate": lambda known: {
        **_key(known),
        "activation_id": known["open_activation_id"],
    },
    "POST /v1/customer-portal/license-keys/validate": lambda known: _key(known),
    "POST /v1/license-keys/activate": lambda known: {**_key(known), "label": "new"},
    "POST /v1/license-keys/deactivate": lambda known: {**_key(known), "activation_id": known["activation_id"]},
    "POST /v1/license-keys/validate": lambda known: _key(known),
    "POST /v1/products/{id}/benefits": lambda known: {"benefits": [known["benefit_id"]]},
    "POST /v1/usage-alerts/": lambda known: {
        "meter_id": known["meter_id"],
        "threshold_type": "units",
        "threshold": 1,
    },
    "PUT /v1/webhooks/endpoints/{id}/own-events": lambda known: {"events": ["usage_alert.triggered"]},
    "POST /v1/webhooks/endpoints": lambda known: {"url": "https://new.example/", "format": "raw", "events": []},
}
"""The body with which an operation succeeds for who owns what it names."""

UNDUE = {"POST /v1/customer-portal/orders/{id}/confirm-payment": "OrderNotEligibleForRetry"}
"""What the owner is refused, too, since its order is paid, and how. What is due is paid in other tests."""

ONLY_ONE = {"POST /v1/test-clocks/": "PolarRequestValidationError"}
"""What makes something of which an organization has one at most, and the owner has it; and as what it is refused."""

REFUSES_AS_A_WHOLE = frozenset(
    {
        "POST /v1/customer-portal/orders/{id}/confirm-payment",
        "POST /v1/customer-portal/seats",
        "POST /v1/customer-seats",
        "POST /v1/license-keys/activate",
        "POST /v1/license-keys/deactivate",
        "POST /v1/license-keys/validate",
    }
)
"""What says of something foreign that it is not found, and not where in the body it stands."""

QUERIES = {
    "GET /v1/customer-portal/seats": "?order_id={team_id}",
    "GET /v1/customer-seats": "?order_id={team_id}",
    "GET /v1/meters/{id}/quantities": (
        "?start_timestamp=2026-01-01T00:00:00Z&end_timestamp=2026-01-31T00:00:00Z&interval=day"
    ),
    "GET /v1/metrics/": "?start_date=2026-01-01&end_date=2026-01-31&interval=day",
}
"""The query without which an operation is refused, with the names of values in braces."""

BESIDE: dict[str, Callable[[Known], dict[str, Any]]] = {
    "GET /v1/events/ parent_id": lambda own: {"depth": 5},
    "GET /v1/events/ query": lambda own: {"organization_id": own["organization_id"]},
}
"""What has to stand beside a filter for it to count."""

REFUSED = frozenset({"GET /v1/events/ meter_id"})
"""Filters that are refused where what they name is not there, as the contract has it."""

SENT: dict[str, Callable[[Known, str], dict[str, Any]]] = {
    "attached_custom_fields.[].custom_field_id": lambda own, id: {
        "attached_custom_fields": [{"custom_field_id": id, "required": True}]
    },
    "events.[].customer_id": lambda own, id: {"events": [{"name": "call", "customer_id": id}]},
    "events.[].organization_id": lambda own, id: {
        "events": [{"name": "call", "customer_id": own["customer_id"], "organization_id": id}]
    },
    "prices.[].id": lambda own, id: {"prices": [{"id": id}]},
    "prices.[].meter_id": lambda own, id: {"prices": [_metered(id)]},
    "prices.{}": lambda own, id: {"prices": {id: [fixed()]}},
    "prices.{}.[].meter_id": lambda own, id: {"prices": {own["product_id"]: [_metered(id)]}},
    "properties.archived.{}": lambda own, id: _downloads(archived={id: True}),
    "properties.files.[]": lambda own, id: _downloads(files=[id]),
    "properties.meter_id": lambda own, id: {
        "type": "meter_credit",
        "description": "Units",
        "properties": {"units": 1, "rollover": False, "meter_id": id},
    },
    "product_price_id": lambda own, id: {"product_id": own["product_id"], "product_price_id": id},
}
"""How a body names something by an id that does not stand at its top, or that counts only beside another one."""

NAMED_BY_ID = {
    "activation_id": "activation_id",
    "attached_custom_fields.[].custom_field_id": "custom_field_id",
    "benefit_id": "benefit_id",
    "benefits.[]": "benefit_id",
    "checkout_id": "checkout_id",
    "customer_id": "customer_id",
    "discount_id": "discount_id",
    "endpoint_id": "endpoint_id",
    "events.[].customer_id": "customer_id",
    "events.[].organization_id": "organization_id",
    "id": "product_id",
    "ids": "file_id",
    "medias.[]": "picture_id",
    "meter_id": "meter_id",
    "order_id": "order_id",
    "organization_id": "organization_id",
    "parent_id": "occurrence_id",
    "prices.[].id": "product_price_id",
    "prices.[].meter_id": "meter_id",
    "prices.{}": "product_id",
    "prices.{}.[].meter_id": "meter_id",
    "payment_method_id": "payment_method_id",
    "product_id": "product_id",
    "product_price_id": "product_price_id",
    "exclude_id": "benefit_id",
    "properties.archived.{}": "file_id",
    "properties.files.[]": "file_id",
    "properties.meter_id": "meter_id",
    "products.[]": "product_id",
    "subscription_id": "subscription_id",
}
"""What an id means, by its place in a body or the name of a filter."""

KEPT = frozenset({"properties.archived.{}", "properties.files.[]"})
"""Places of a body where any id is kept, and means something only if it is the caller's own (usage spec 8.2)."""

FAULT_AT = {
    ("PATCH /v1/benefits/{id}", "properties.meter_id"): "type",
    ("POST /v1/checkout-links/", "product_id"): "products",
}
"""Where an operation complains about what an older member of its body names, if not there (catalog spec 5.2)."""

NOT_BUILT = {"member_id": "members"}
"""What nobody can have yet, and the table that it will be in."""

NAMED_BY_TEXT = {
    "key": "license_key",
    "code": "discount_code",
    "customer_email": "email",
    "email": "email",
    "external_customer_id": "external_id",
    "external_id": "external_id",
    "id": "upload_id",
    "path": "file_path",
    "method": "word",
    "setup_intent_id": "setup_id",
    "query": "word",
    "slug": "slug",
}
"""What a text may name, by the member of a body or the name of a filter."""

NAMED_BY_FILTER = {"GET /v1/events/ name": "event_name"}
"""What the text of a filter names where a member of a body of the same name names nothing."""

PLAIN_TEXT = frozenset(
    {
        "aggregate_fields",
        "avatar_url",
        "filter",
        "label_property_selector",
        "billing_name",
        "checksum_sha256_base64",
        "cancellation_comment",
        "comment",
        "invitation_token",
        "confirmation_token_id",
        "currency",
        "customer_billing_name",
        "customer_cancellation_comment",
        "customer_ip_address",
        "customer_name",
        "customer_tax_id",
        "tax_id",
        "description",
        "distinct_id",
        "discount_code",
        "embed_origin",
        "label",
        "mime_type",
        "metrics",
        "name",
        "return_url",
        "secret",
        "success_url",
        "timezone",
        "url",
        "version",
        "website",
    }
)
"""Texts that name nothing."""


def _metered(id: str) -> dict[str, Any]:
    return {"amount_type": "metered_unit", "meter_id": id, "unit_amount": 1}


def _key(known: Known) -> dict[str, Any]:
    return {"key": known["license_key"], "organization_id": known["organization_id"]}


def _downloads(**properties: Any) -> dict[str, Any]:
    files = {"files": [str(uuid4())], "archived": {}}
    return {"type": "downloadables", "description": "Files", "properties": {**files, **properties}}


def unknown(operation: Operation) -> list[str]:
    """What this folder has to be told about an operation before it can test it, in words for who added it."""
    here = "tests/isolation/scene.py"
    missing = [
        f"PATHS: the name of a value for {prefix}; `furnish` makes one"
        for prefix in operation.prefixes
        if prefix not in PATHS
    ]
    if operation.body is not None and operation.name not in BODIES:
        missing.append("BODIES: a body with which it succeeds for the owner")
    deep = [place for place in operation.references if "." in place.removesuffix(".[]")]
    missing += [f"SENT: a body with an id at {place}" for place in deep if place not in SENT]
    named = [*operation.references, *(name for name, kind in operation.filters.items() if takes_id(kind))]
    missing += [
        f"NAMED_BY_ID: what {name} names; `furnish` makes one"
        for name in named
        if name not in NAMED_BY_ID and name not in NOT_BUILT
    ]
    missing += [
        f"NAMED_BY_ID instead of NOT_BUILT: what {name} names, now that there is a table {NOT_BUILT[name]}"
        for name in named
        if NOT_BUILT.get(name) in metadata.tables
    ]
    texts = [*operation.words, *(name for name, kind in operation.filters.items() if takes_text(kind))]
    missing += [
        f"NAMED_BY_TEXT: what {name} may name, or PLAIN_TEXT if nothing"
        for name in texts
        if name not in NAMED_BY_TEXT and name not in PLAIN_TEXT
    ]
    return [f"{operation.name} is new to the tests of isolation. Add to {here} {what}." for what in missing]


@dataclass(frozen=True)
class Scene:
    """`owner` has what `rival` must never see or touch. `spent` are the bearer headers that are good no more.

    `untouched` is what `rows` gives as long as nobody has changed anything of the owner's.
    """

    owner: Shop
    rival: Shop
    owned: Known
    rivals: Known
    spent: Mapping[str, bytes]
    secrets: frozenset[str]
    untouched: list[str]
    client: httpx2.AsyncClient
    _last: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)

    async def call(
        self,
        operation: Operation,
        header: bytes | None,
        *,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> httpx2.Response:
        """The reply to who comes with this `Authorization` header. Fails if it tells anything of the owner.

        What the request itself named is no secret.
        """
        headers = {} if header is None else {"authorization": header}
        reply = await self.client.request(operation.method, path, json=body, params=query, headers=headers)
        told = f"{reply.text} {reply.headers}"
        asked = f"{path} {dumps(body)} {dumps(query)}"
        assert not {secret for secret in self.secrets if secret in told and secret not in asked}, reply.text
        assert WORD not in told.lower() or WORD in asked.lower(), reply.text
        return reply

    async def rows(self) -> list[str]:
        """Every row of the database, as text, that holds an id or a token of the owner's."""
        state = tuple(tuple(row) for row in await self.owner.app.database.fetch(STATE))
        if state not in self._last:
            self._last.clear()
            self._last[state] = naming(self.secrets, await rows_of(self.owner))
        return self._last[state]


WORD = "canary"
"""Stands in every text of the owner, and in none of the rival's."""


def path_of(operation: Operation, known: Known) -> str:
    """The path with values that somebody knows, and with the query that it needs."""
    path = operation.path
    for prefix in reversed(operation.prefixes):
        start = prefix.rindex("{")
        path = path[:start] + known[PATHS[prefix]] + path[len(prefix) :]
    return path + QUERIES.get(operation.name, "").format_map(known)


def nowhere(operation: Operation) -> str:
    """The path with values that nobody has."""
    return path_of(operation, _Random())


class _Random(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return str(uuid4())


@asynccontextmanager
async def open_scene(dsn: str) -> AsyncIterator[Scene]:
    """Both shops on a database, with their tokens of every kind."""
    async with open_shop(dsn) as owner:
        spent = await spend(owner)
        rival = await found_shop(owner.boreal, owner.clock, slug="rival")
        rivals = await furnish(rival, "rival")
        owned = await furnish(owner, WORD)
        rows = await rows_of(owner)
        secrets = secrets_of(owned, rows)
        assert secrets.isdisjoint(rivals.values())
        async with client_of(owner.boreal, None) as client:
            yield Scene(owner, rival, owned, rivals, spent, secrets, naming(secrets, rows), client)
        await owner.check()
