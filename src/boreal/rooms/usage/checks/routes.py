"""`/v1/customer-meters/check`: ours, beside what the reference has (docs/decisions/0017)."""

from collections.abc import Mapping
from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.routing import Routes
from boreal.rooms.platform.public import organization_of
from boreal.rooms.usage.checks.queue import Checks
from boreal.rooms.usage.checks.requests import Check
from boreal.rooms.usage.checks.schemas import UsageCheck, UsageVerdict

routes = Routes("/v1/customer-meters", tags=("customer_meters",))


@routes.post("/check", audience=MERCHANT, scopes=("events:write",), returns=UsageVerdict)
async def check(app: App, actor: Actor, body: UsageCheck) -> Mapping[str, Any]:
    """Asks whether a customer may use units of a meter; if so, records the event and takes them off its balance."""
    organization_id = organization_of(actor, body.organization_id)
    return await app.get(Checks).settle(app, Check(organization_id, body, await app.times.now(organization_id)))
