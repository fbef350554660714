"""`/v1/files` (usage spec 11.1)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.rooms.platform.files import commands, queries
from boreal.rooms.platform.files.schemas import (
    AnyFileRead,
    FileCreate,
    FileList,
    FilePatch,
    FileUpload,
    FileUploadCompleted,
)

routes = Routes("/v1/files", tags=("files",))

READ = ("files:read", "files:write")
WRITE = ("files:write",)
_ERRORS = (NotPermitted, ResourceNotFound)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=FileList, listing=queries.FILES, name="list")
async def list_files(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists uploaded files."""
    page = await queries.FILES.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=FileUpload, status=201)
async def create(app: App, actor: Actor, body: FileCreate) -> dict[str, Any]:
    """Begins the upload of a file: send each part to its address, then call `uploaded`."""
    return await commands.create(app, actor, body)


@routes.post("/{id}/uploaded", audience=MERCHANT, scopes=WRITE, returns=AnyFileRead, errors=_ERRORS)
async def uploaded(app: App, actor: Actor, id: UUID4, body: FileUploadCompleted) -> dict[str, Any]:
    """Completes an upload."""
    return await commands.complete(app, actor, id=id, body=body)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=AnyFileRead, errors=_ERRORS)
async def update(app: App, actor: Actor, id: UUID4, body: FilePatch) -> dict[str, Any]:
    """Changes the name or the version of a file."""
    return await commands.update(app, actor, id=id, body=body)


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=_ERRORS)
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Deletes a file."""
    await commands.delete(app, actor, id=id)
