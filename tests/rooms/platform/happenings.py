"""Things that happen to organizations, so that webhooks have something to tell."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from boreal.core.organizations import Organization
from boreal.kit.app import App
from boreal.rooms.platform.organizations import commands as organizations
from tests.support.receiver import Received, Receiver, open_receiver
from tests.support.shop import Shop

UPDATED = "organization.updated"
REJECTED = 500


async def subjects(app: App, count: int) -> list[UUID]:
    """Organizations for something to happen to."""
    return [(await organizations.create(app, name="New", slug=f"subject-{n}")).id for n in range(count)]


async def rename(app: App, organization_id: UUID, name: str, *, subject_id: UUID | None = None) -> None:
    """Renames the subject, by default the organization itself; the organization's endpoints hear of it."""
    async with app.transaction(organization_id) as tx:
        before = await tx.lock(Organization, subject_id or organization_id)
        assert before is not None
        await tx.save(before, replace(before, name=name, modified_at=tx.now))


async def listen(shop: Shop, url: str, *, events: Sequence[str] = (UPDATED,), format: str = "raw") -> dict[str, Any]:
    """A new endpoint, as the API shows it."""
    body = {"url": url, "format": format, "events": list(events)}
    reply = await shop.client.post("/v1/webhooks/endpoints", json=body)
    assert reply.status_code == 201, reply.text
    created: dict[str, Any] = reply.json()
    return created


async def deliveries(shop: Shop, **query: Any) -> list[dict[str, Any]]:
    """The deliveries that the API lists, newest first."""
    reply = await shop.client.get("/v1/webhooks/deliveries", params={"limit": 100, **query})
    assert reply.status_code == 200, reply.text
    items: list[dict[str, Any]] = reply.json()["items"]
    assert reply.json()["pagination"]["total_count"] == len(items)
    return items


async def change(shop: Shop, endpoint: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The endpoint after a PATCH."""
    reply = await shop.client.patch(f"/v1/webhooks/endpoints/{endpoint['id']}", json=values)
    assert reply.status_code == 200, reply.text
    changed: dict[str, Any] = reply.json()
    return changed


async def redeliver(shop: Shop, event_id: str) -> int:
    """Asks for an event again; returns the status of the reply."""
    return (await shop.client.post(f"/v1/webhooks/events/{event_id}/redeliver")).status_code


def names(received: Sequence[Received]) -> list[str]:
    """The names that the requests told of, in order."""
    return [one.json["data"]["name"] for one in received]


def watch(receiver: Receiver, shop: Shop) -> list[datetime]:
    """The shop's time at each request from now on."""
    seen: list[datetime] = []
    inner = receiver.answer

    def answer(received: Received) -> Any:
        seen.append(shop.clock.now())
        return inner(received)

    receiver.answer = answer
    return seen


@asynccontextmanager
async def listening(shop: Shop) -> AsyncIterator[tuple[Receiver, dict[str, Any]]]:
    """A receiver, and the endpoint that sends to it."""
    async with open_receiver() as receiver:
        yield receiver, await listen(shop, f"{receiver.url}/hook")
