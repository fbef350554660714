"""`/v1/meters` (usage spec 4)."""

from typing import Annotated, Any

from fastapi import Query, Request

from boreal.core.calendar import TimeInterval
from boreal.core.metering import AggregationFunction
from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import Instant, ListQuery, metadata_of
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.usage.meters import commands, quantities, queries
from boreal.rooms.usage.meters.schemas import Meter, MeterCreate, MeterQuantities, MeterUpdate

routes = Routes("/v1/meters", tags=("meters",))

READ = ("meters:read", "meters:write")
WRITE = ("meters:write",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[Meter], listing=queries.METERS, name="list")
async def list_meters(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists meters, archived ones too unless they are filtered out."""
    page = await queries.METERS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=Meter, status=201)
async def create(app: App, actor: Actor, body: MeterCreate) -> dict[str, Any]:
    """Makes a meter; events that are there already count for usage, not for bills."""
    return queries.render(await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Meter, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a meter."""
    return queries.render(await queries.get(app.database, actor, id))


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=Meter, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: MeterUpdate) -> dict[str, Any]:
    """Changes or archives a meter. Filter and aggregation cannot change once an event was counted."""
    return queries.render(await commands.update(app, actor, id=id, body=body))


@routes.get(
    "/{id}/quantities",
    audience=MERCHANT,
    scopes=READ,
    returns=MeterQuantities,
    errors=(ResourceNotFound,),
    metadata=True,
    name="quantities",
)
async def get_quantities(
    app: App,
    actor: Actor,
    request: Request,
    id: UUID4,
    start_timestamp: Annotated[Instant, Query(description="Where the first interval begins.")],
    end_timestamp: Annotated[Instant, Query(description="No interval begins after it.")],
    interval: TimeInterval,
    customer_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None,
    external_customer_id: Annotated[str | list[str] | None, Query()] = None,
    customer_aggregation_function: AggregationFunction | None = None,
) -> dict[str, Any]:
    """How much there was in each interval, of all customers or of some."""
    asked = quantities.Asked(
        start=start_timestamp,
        end=end_timestamp,
        interval=interval,
        customer_ids=tuple(_list(customer_id)),
        external_ids=tuple(_list(external_customer_id)),
        metadata=metadata_of(request.query_params),
        per_customer=customer_aggregation_function,
    )
    return await quantities.read(app.database, await queries.get(app.database, actor, id), asked)


def _list(given: Any) -> list[Any]:
    if given is None:
        return []
    return given if isinstance(given, list) else [given]
