"""`/v1/payments` (orders spec 4.2)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, read_visible
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.payments import queries
from boreal.rooms.billing.payments.schemas import Payment, PaymentPage

routes = Routes("/v1/payments", tags=("payments",))

READ = ("payments:read",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=PaymentPage, listing=queries.PAYMENTS, name="list", mcp=True)
async def list_payments(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists payments, those that failed too."""
    page = await queries.PAYMENTS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Payment, errors=(ResourceNotFound,), mcp=True)
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a payment."""
    row = await read_visible(app.database, queries.GET, actor, id)
    return queries.render(row)
