"""`/v1/events/ingest` (usage spec 2.1). Reading events is in insights, which knows whose they are."""

from typing import Any
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, Subject
from boreal.kit.problems import Fault, Invalid
from boreal.kit.routing import Routes
from boreal.rooms.usage.ingestion import bodies
from boreal.rooms.usage.ingestion.batches import Batch
from boreal.rooms.usage.ingestion.bodies import MAX_FAULTS, SentEvent
from boreal.rooms.usage.ingestion.queues import Ingestion
from boreal.rooms.usage.ingestion.schemas import EventsIngest, EventsIngestResponse

routes = Routes("/v1/events", tags=("events",))


@routes.post(
    "/ingest",
    audience=MERCHANT,
    scopes=("events:write",),
    returns=EventsIngestResponse,
    reads=EventsIngest,
    bulk=True,
)
async def ingest(app: App, actor: Actor, body: bytes) -> dict[str, Any]:
    """Takes in events: all of them, or none if one is wrong. One whose external id is known is a duplicate."""
    own_time = actor.kind is Subject.organization
    now = await app.times.now(actor.organization_id) if own_time else app.clock.now()
    who = actor.organization_id if own_time else actor.user_id
    ingestion = app.get(Ingestion)
    async with ingestion.turns.turn(app.courtesy, who or UUID(int=0), size=len(body)):
        events = bodies.read(body, now=now)
        organization_id = _organization_of(actor, events)
        batch = Batch.of(organization_id, events)
    if not events:
        return {"inserted": 0, "duplicates": 0}
    return await ingestion.take_in(app, organization_id, batch)


def _organization_of(actor: Actor, events: list[SentEvent]) -> UUID:
    """Whose events they are (usage spec 1.2, 2.1). Raises `Invalid` with a fault for each event that says it wrong."""
    faults = []
    allowed = actor.organization_ids
    only = next((event.organization_id for event in events if event.organization_id in allowed), None)
    for index, event in enumerate(events):
        given = event.organization_id
        place = ("body", "events", index, "organization_id")
        if actor.kind is Subject.organization:
            if given is not None:
                words = "Setting organization_id is disallowed when using an organization token."
                faults.append(Fault(place, words, "organization_token", str(given)))
        elif given is None:
            faults.append(Fault(place, "organization_id is required.", "missing"))
        elif given not in allowed:
            faults.append(Fault(place, "Organization not found.", "organization_id", str(given)))
        elif given != only:
            words = "Events of one request must belong to one organization."
            faults.append(Fault(place, words, "organization_id", str(given)))
        if len(faults) == MAX_FAULTS:
            break
    if faults:
        raise Invalid(*faults)
    return actor.organization_id if actor.kind is Subject.organization else only or UUID(int=0)
