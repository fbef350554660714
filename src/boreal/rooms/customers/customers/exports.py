"""`/v1/customers/export` (usage spec 12.2)."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query
from starlette.responses import StreamingResponse

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, visible_to
from boreal.kit.db import Record
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.kit.spreadsheet import chosen, export, pages, values
from boreal.rooms.customers.customers.tables import ALIVE, CustomerRow

routes = Routes("/v1/customers", tags=("customers",))

C = CustomerRow.c

_CUSTOMERS = pages(
    sa.select(C.id, C.external_id, C.email, C.name, C.created_at).where(
        visible_to(C.organization_id), ALIVE, chosen("organization_id", C.organization_id)
    ),
    C.created_at,
    C.id,
)


@routes.get(
    "/export",
    audience=MERCHANT,
    scopes=("customers:read", "customers:write"),
    returns=Any,
    name="export",
    mcp=True,
)
async def export_customers(
    app: App, actor: Actor, organization_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None
) -> StreamingResponse:
    """Exports customers as CSV, newest first."""
    return export(
        app.database,
        _CUSTOMERS,
        ("ID", "External ID", "Email", "Name", "Created At"),
        _customer,
        name="polar-customers.csv",
        organization_id=values(organization_id),
        **actor.binds(),
    )


def _customer(row: Record) -> tuple[Any, ...]:
    return row["id"], row["external_id"], row["email"], row["name"], row["created_at"].isoformat()
