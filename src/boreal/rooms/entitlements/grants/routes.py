"""Grants for merchants: `/v1/benefit-grants` and `/v1/benefits/{id}/grants` (usage spec 8.1)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.catalog.public import find_benefit
from boreal.rooms.entitlements.grants import queries
from boreal.rooms.entitlements.grants.schemas import BenefitGrant

routes = Routes("/v1/benefit-grants", tags=("benefit-grants",))
of_benefits = Routes("/v1/benefits", tags=("benefits",))

READ = ("benefits:read", "benefits:write")


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[BenefitGrant],
    listing=queries.GRANTS,
    name="list",
)
async def list_grants(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists what customers have, or had, of benefits."""
    page = await queries.GRANTS.fetch(app.database, actor, query)
    return page.envelope(await queries.render_all(app.database, list(page.rows)))


@of_benefits.get(
    "/{id}/grants",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[BenefitGrant],
    listing=queries.OF_BENEFIT,
    errors=(ResourceNotFound,),
)
async def grants(app: App, actor: Actor, id: UUID4, query: ListQuery) -> dict[str, Any]:
    """Lists who has, or had, a benefit."""
    if await find_benefit(app.database, actor, id) is None:
        raise ResourceNotFound
    page = await queries.OF_BENEFIT.fetch(app.database, actor, query, benefit_id=id)
    return page.envelope(await queries.render_all(app.database, list(page.rows)))
