"""`/v1/customer-portal/downloadables`: what a customer may download (usage spec 11.3).

The list leads to an address of ours with a token that is good for an hour, and that to the storage, once counted.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Response
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, PUBLIC, Actor, owned_by
from boreal.kit.db import Row
from boreal.kit.links import LinkExpired, LinkInvalid, LinkSigner
from boreal.kit.listing import ListQuery, ListSpec, any_of
from boreal.kit.problems import BadRequest, ResourceNotFound, ResourceUnavailable
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.providers.ports import LINK_LIFE, Storage
from boreal.rooms.catalog.public import BenefitRow
from boreal.rooms.entitlements.downloadables.schemas import DownloadableRead
from boreal.rooms.entitlements.downloadables.tables import DownloadableRow
from boreal.rooms.platform.public import FileRow, render_new_file

routes = Routes("/v1/customer-portal/downloadables", tags=("customer_portal", "downloadables"))

READ = ("customer_portal:read", "customer_portal:write")

D = DownloadableRow.c
_FILE = tuple(column.label(f"file_{column.name}") for column in FileRow.columns)
_SELECT = (
    sa.select(D.id, D.benefit_id, *_FILE)
    .join_from(DownloadableRow, FileRow, FileRow.c.id == D.file_id)
    .join(BenefitRow, BenefitRow.c.id == D.benefit_id)
    .where(FileRow.c.deleted_at.is_(None), FileRow.c.is_uploaded)
)

DOWNLOADABLES = ListSpec(
    select=_SELECT.where(D.status == "granted", BenefitRow.c.deleted_at.is_(None)).order_by(D.created_at.desc()),
    visible=owned_by(D.customer_id),
    key=D.id,
    sorts={},
    default=(),
    filters=(any_of("benefit_id", D.benefit_id, UUID4),),
)

# Revoked ones too: a token that was given out stays good for its hour.
_BY_ID = _SELECT.where(D.id == sa.bindparam("id", type_=PgUUID))
_COUNT = (
    sa.update(DownloadableRow)
    .where(D.id == sa.bindparam("key"))
    .values(downloaded=D.downloaded + 1, last_downloaded_at=sa.bindparam("now"))
)


@routes.get(
    "/", audience=PORTAL, scopes=READ, returns=ListResource[DownloadableRead], listing=DOWNLOADABLES, name="list"
)
async def list_downloadables(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists the files of the authenticated customer, the newest first."""
    page = await DOWNLOADABLES.fetch(app.database, actor, query)
    return page.envelope([_render(app, row) for row in page.rows])


@routes.get("/{token}", audience=PUBLIC, scopes=(), errors=(ResourceNotFound,), public=False)
async def download(app: App, token: str) -> Response:
    """Leads to the file in the storage."""
    try:
        claims = _signer(app).read(token)
    except LinkInvalid:
        raise ResourceNotFound from None
    except LinkExpired:
        raise ResourceUnavailable from None
    if "id" not in claims:
        raise BadRequest
    row = await app.database.fetchrow(_BY_ID, id=UUID(claims["id"]))
    if row is None:
        raise ResourceNotFound
    await app.database.execute(_COUNT, key=row["id"], now=app.clock.now())
    address = app.get(Storage).address(row["file_path"], name=row["file_name"], mime_type=row["file_mime_type"])
    return Response(status_code=302, headers={"location": address.url, "cache-control": "no-store"})


def _render(app: App, row: Row) -> dict[str, Any]:
    file = {name.removeprefix("file_"): value for name, value in row.items() if name.startswith("file_")}
    expires_at = app.clock.now() + LINK_LIFE
    token = _signer(app).sign({"id": str(row["id"])}, expires_at=expires_at)
    url = f"{app.settings.url}{routes.prefix}/{token}"
    shown = {**render_new_file(file), "download": {"url": url, "headers": {}, "expires_at": expires_at}}
    return {"id": row["id"], "benefit_id": row["benefit_id"], "file": shown}


def _signer(app: App) -> LinkSigner:
    return LinkSigner(app.keyring.derive("addresses of downloadables"), app.clock)
