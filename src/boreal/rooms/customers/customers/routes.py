"""`/v1/customers` (usage spec 12)."""

from typing import Annotated, Any

from fastapi import Query

from boreal.core.customers import NewCustomer
from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.customers.customers import commands, queries
from boreal.rooms.customers.customers.schemas import (
    CustomerCreate,
    CustomerSettable,
    CustomerUpdate,
    CustomerUpdateExternalID,
    CustomerWithMembers,
)
from boreal.rooms.platform.public import organization_of

routes = Routes("/v1/customers", tags=("customers",))

READ = ("customers:read", "customers:write")
WRITE = ("customers:write",)

Anonymize = Annotated[
    bool,
    Query(description="Also erase what is personal: names, address, tax id, and the e-mail, which cannot be restored."),
]


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[CustomerWithMembers],
    listing=queries.CUSTOMERS,
    name="list",
    mcp=True,
)
async def list_customers(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists customers; `query` looks for a part of e-mail or name, or the beginning of the external id."""
    page = await queries.CUSTOMERS.fetch(app.database, actor, query)
    return page.envelope([queries.render_with_members(row) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=CustomerWithMembers, status=201, mcp=True)
async def create(app: App, actor: Actor, body: CustomerCreate) -> dict[str, Any]:
    """Makes a customer."""
    details = NewCustomer(
        **body.model_dump(include={"email", "external_id", "type", "name", "metadata"}),
        **body.model_dump(mode="json", include={"billing_address", "tax_id"}),
    )
    organization_id = organization_of(actor, body.organization_id)
    customer = await commands.create(app, organization_id=organization_id, details=details)
    return queries.render_with_members(customer)


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=CustomerWithMembers, errors=(ResourceNotFound,), mcp=True)
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a customer."""
    return queries.render_with_members(await queries.get(app.database, actor, id=id))


@routes.patch(
    "/{id}", audience=MERCHANT, scopes=WRITE, returns=CustomerWithMembers, errors=(ResourceNotFound,), mcp=True
)
async def update(app: App, actor: Actor, id: UUID4, body: CustomerUpdate) -> dict[str, Any]:
    """Changes a customer; an external id can be given to one that has none."""
    return queries.render_with_members(await commands.update(app, actor, id=id, changes=_changes(body)))


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,), mcp=True)
async def delete(app: App, actor: Actor, id: UUID4, anonymize: Anonymize = False) -> None:
    """Deletes a customer, cancels its subscriptions at once and takes its benefits away."""
    await commands.delete(app, actor, id=id, anonymize=anonymize)


@routes.get(
    "/external/{external_id}",
    audience=MERCHANT,
    scopes=READ,
    returns=CustomerWithMembers,
    errors=(ResourceNotFound,),
    mcp=True,
)
async def get_external(app: App, actor: Actor, external_id: str) -> dict[str, Any]:
    """Gets a customer by its external id."""
    return queries.render_with_members(await queries.get(app.database, actor, external_id=external_id))


@routes.patch(
    "/external/{external_id}",
    audience=MERCHANT,
    scopes=WRITE,
    returns=CustomerWithMembers,
    errors=(ResourceNotFound,),
    mcp=True,
)
async def update_external(app: App, actor: Actor, external_id: str, body: CustomerUpdateExternalID) -> dict[str, Any]:
    """Changes a customer that is meant by its external id."""
    customer = await commands.update(app, actor, external_id=external_id, changes=_changes(body))
    return queries.render_with_members(customer)


@routes.delete(
    "/external/{external_id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,), mcp=True
)
async def delete_external(app: App, actor: Actor, external_id: str, anonymize: Anonymize = False) -> None:
    """Deletes a customer that is meant by its external id."""
    await commands.delete(app, actor, external_id=external_id, anonymize=anonymize)


def _changes(body: CustomerSettable) -> dict[str, Any]:
    """The fields that were sent, as they are stored."""
    return {
        **body.model_dump(include=body.model_fields_set - {"billing_address", "tax_id"}),
        **body.model_dump(mode="json", include=body.model_fields_set & {"billing_address", "tax_id"}),
    }
