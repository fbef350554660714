"""Changing webhook endpoints, and sending an event again."""

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa

from boreal.core.webhooks import OwnEventType, WebhookEventType, WebhookFormat
from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible
from boreal.kit.db import Record
from boreal.kit.fetch import Fetch
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.kit.secrets import new_token
from boreal.kit.tx import Tx
from boreal.rooms.platform.webhooks import attempts, queries
from boreal.rooms.platform.webhooks.tables import WebhookEndpointRow, WebhookEventRow

PREFIX = "polar_whs_"

P = WebhookEndpointRow.c

_INSERT = WebhookEndpointRow.insert().returning(WebhookEndpointRow)
_CHANGEABLE = ("url", "format", "sealed_secret", "events", "own_events", "enabled")
_UPDATE = (
    sa.update(WebhookEndpointRow)
    .where(P.id == sa.bindparam("key"))
    .values({name: sa.bindparam(name, type_=P[name].type) for name in (*_CHANGEABLE, "modified_at")})
    .returning(WebhookEndpointRow)
)
_DELETE = sa.update(WebhookEndpointRow).where(P.id == sa.bindparam("key")).values(deleted_at=sa.bindparam("now"))
_UNSKIP = (
    sa.update(WebhookEventRow)
    .where(WebhookEventRow.c.id == sa.bindparam("key"), WebhookEventRow.c.skipped)
    .values(skipped=False, modified_at=sa.bindparam("now"))
)


async def create(
    app: App,
    *,
    organization_id: UUID,
    url: str,
    format: WebhookFormat,
    events: Sequence[WebhookEventType],
    secret: str | None = None,
) -> dict[str, Any]:
    """A new, enabled endpoint; its secret is made here unless one is given (platform spec 8.1).

    Raises `Invalid` at `body.url` for plain http to a host that is not on the allow-list.
    """
    _check_url(app, url)
    async with app.transaction(organization_id) as tx:
        row = await tx.fetchrow(
            _INSERT,
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            organization_id=organization_id,
            url=url,
            format=format.value,
            sealed_secret=app.keyring.encrypt(secret or new_token(PREFIX)),
            events=[event.value for event in events],
            own_events=[],
            enabled=True,
        )
    assert row is not None
    return queries.render_endpoint(row, app.keyring)


async def update(
    app: App,
    actor: Actor,
    *,
    id: UUID,
    url: str | None,
    format: WebhookFormat | None,
    events: Sequence[WebhookEventType] | None,
    secret: str | None,
    enabled: bool | None,
) -> dict[str, Any]:
    """Changes an endpoint; what is None stays. Raises `ResourceNotFound`, and `Invalid` as `create` does."""
    changes: dict[str, Any] = {
        "url": url,
        "format": format.value if format else None,
        "events": None if events is None else [event.value for event in events],
        "sealed_secret": app.keyring.encrypt(secret) if secret else None,
        "enabled": enabled,
    }
    return await _change(app, actor, id, {name: value for name, value in changes.items() if value is not None})


async def subscribe_to_own(app: App, actor: Actor, *, id: UUID, events: Sequence[OwnEventType]) -> dict[str, Any]:
    """From now on an endpoint hears of exactly these events of ours, besides those of the contract."""
    await _change(app, actor, id, {"own_events": [event.value for event in events]})
    return queries.render_own_events(await queries.endpoint(app.database, actor, id))


async def reset_secret(app: App, actor: Actor, *, id: UUID) -> dict[str, Any]:
    """Gives an endpoint a new secret; from now on nothing is signed with the old one. Raises `ResourceNotFound`."""
    return await _change(app, actor, id, {"sealed_secret": app.keyring.encrypt(new_token(PREFIX))})


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """Deletes an endpoint; what is pending for it is not sent any more. Raises `ResourceNotFound`."""
    organization_id = await _organization_of(app, actor, id)
    async with app.transaction(organization_id) as tx:
        await _lock(tx, actor, id)
        await tx.execute(_DELETE, key=id, now=tx.now)
        await attempts.skip_all(tx, id)


async def redeliver(app: App, actor: Actor, *, event_id: UUID) -> None:
    """Asks for an event to be sent again, once for each call; an archived one is left alone (platform spec 8.6).

    Raises `ResourceNotFound` for an event that is unknown, somebody else's, or of a deleted endpoint.
    """
    event = await app.database.fetchrow(queries.FIND_EVENT, id=event_id, **actor.binds())
    if event is None:
        raise ResourceNotFound
    if event["is_archived"]:
        return
    async with app.transaction(event["organization_id"]) as tx:
        await tx.execute(_UNSKIP, key=event_id, now=tx.now)
        tx.enqueue("redeliver_webhook", payload={"event_id": str(event_id)})


async def _change(app: App, actor: Actor, id: UUID, changes: dict[str, Any]) -> dict[str, Any]:
    organization_id = await _organization_of(app, actor, id)
    if "url" in changes:
        _check_url(app, changes["url"])
    async with app.transaction(organization_id) as tx:
        before = await _lock(tx, actor, id)
        values = {**{name: before[name] for name in _CHANGEABLE}, **changes}
        row = await tx.fetchrow(_UPDATE, key=id, modified_at=tx.now, **values)
    assert row is not None
    return queries.render_endpoint(row, app.keyring)


async def _organization_of(app: App, actor: Actor, id: UUID) -> UUID:
    row = await queries.endpoint(app.database, actor, id)
    organization_id: UUID = row["organization_id"]
    return organization_id


async def _lock(tx: Tx, actor: Actor, id: UUID) -> Record:
    return await read_visible(tx, queries.LOCK, actor, id)


def _check_url(app: App, url: str) -> None:
    if urlsplit(url).scheme != "https" and not app.get(Fetch).trusts(url):
        raise Invalid(Fault(("body", "url"), "URL scheme should be 'https'", "url_scheme", url))
