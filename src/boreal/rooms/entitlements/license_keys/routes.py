"""`/v1/license-keys` for merchants, and `/v1/customer-portal/license-keys` for customers and for programs."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import ANONYMOUS, MERCHANT, PORTAL, PUBLIC, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import BadRequest, NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.entitlements.license_keys import commands, queries
from boreal.rooms.entitlements.license_keys.schemas import (
    LicenseKeyActivate,
    LicenseKeyActivationRead,
    LicenseKeyDeactivate,
    LicenseKeyRead,
    LicenseKeyUpdate,
    LicenseKeyValidate,
    LicenseKeyWithActivations,
    ValidatedLicenseKey,
)

routes = Routes("/v1/license-keys", tags=("license_keys",))
portal = Routes("/v1/customer-portal/license-keys", tags=("customer_portal", "license_keys"))

READ = ("license_keys:read", "license_keys:write")
WRITE = ("license_keys:write",)
PORTAL_READ = ("customer_portal:read", "customer_portal:write")


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[LicenseKeyRead],
    listing=queries.LICENSE_KEYS,
    errors=(ResourceNotFound,),
    name="list",
)
async def list_license_keys(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists license keys, the oldest first."""
    page = await queries.LICENSE_KEYS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=LicenseKeyWithActivations, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a license key with its activations."""
    return await _with_activations(app, actor, id)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=LicenseKeyRead, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: LicenseKeyUpdate) -> dict[str, Any]:
    """Changes status, usage, limits or expiry of a license key."""
    return await commands.update(app, actor, id=id, body=body)


@routes.get(
    "/{id}/activations/{activation_id}",
    audience=MERCHANT,
    scopes=READ,
    returns=LicenseKeyActivationRead,
    errors=(ResourceNotFound,),
)
async def get_activation(app: App, actor: Actor, id: UUID4, activation_id: UUID4) -> dict[str, Any]:
    """Gets an activation with its license key."""
    row = await commands.get(app.database, actor, id)
    activation = await queries.activation(app.database, id, activation_id)
    if activation is None:
        raise ResourceNotFound
    return {**queries.render_activation(activation), "license_key": queries.render(row)}


@routes.post(
    "/validate", audience=MERCHANT, scopes=WRITE, returns=ValidatedLicenseKey, errors=(BadRequest, ResourceNotFound)
)
async def validate(app: App, actor: Actor, body: LicenseKeyValidate) -> dict[str, Any]:
    """Says whether a license key is good, and counts its usage."""
    return await commands.validate(app, actor, body)


@routes.post(
    "/activate",
    audience=MERCHANT,
    scopes=WRITE,
    returns=LicenseKeyActivationRead,
    errors=(NotPermitted, ResourceNotFound),
)
async def activate(app: App, actor: Actor, body: LicenseKeyActivate) -> dict[str, Any]:
    """Activates an instance of a license key."""
    return await commands.activate(app, actor, body)


@routes.post("/deactivate", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,))
async def deactivate(app: App, actor: Actor, body: LicenseKeyDeactivate) -> None:
    """Ends an activation."""
    await commands.deactivate(app, actor, body)


@portal.get(
    "/",
    audience=PORTAL,
    scopes=PORTAL_READ,
    returns=ListResource[LicenseKeyRead],
    listing=queries.OWN_LICENSE_KEYS,
    errors=(ResourceNotFound,),
    name="list",
)
async def list_own(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists the license keys of the authenticated customer."""
    page = await queries.OWN_LICENSE_KEYS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@portal.get(
    "/{id}",
    audience=PORTAL,
    scopes=PORTAL_READ,
    returns=LicenseKeyWithActivations,
    errors=(ResourceNotFound,),
    name="get",
)
async def get_own(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a license key of the authenticated customer."""
    return await _with_activations(app, actor, id)


@portal.post(
    "/validate",
    audience=PUBLIC,
    scopes=(),
    returns=ValidatedLicenseKey,
    errors=(BadRequest, ResourceNotFound),
    name="validate",
)
async def validate_openly(app: App, body: LicenseKeyValidate) -> dict[str, Any]:
    """Says whether a license key is good, and counts its usage; needs no token."""
    return await commands.validate(app, ANONYMOUS, body)


@portal.post(
    "/activate",
    audience=PUBLIC,
    scopes=(),
    returns=LicenseKeyActivationRead,
    errors=(NotPermitted, ResourceNotFound),
    name="activate",
)
async def activate_openly(app: App, body: LicenseKeyActivate) -> dict[str, Any]:
    """Activates an instance of a license key; needs no token."""
    return await commands.activate(app, ANONYMOUS, body)


@portal.post("/deactivate", audience=PUBLIC, scopes=(), status=204, errors=(ResourceNotFound,), name="deactivate")
async def deactivate_openly(app: App, body: LicenseKeyDeactivate) -> None:
    """Ends an activation; needs no token."""
    await commands.deactivate(app, ANONYMOUS, body)


async def _with_activations(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    row = await commands.get(app.database, actor, id)
    return queries.render_with_activations(row, await queries.activations(app.database, id))
