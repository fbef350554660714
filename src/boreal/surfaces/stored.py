"""Stored files over HTTP: pictures that everybody may see, and the signed addresses of a storage that is our own.

    GET /files/{id}/{name}     a picture of a product or an organization
    GET, PUT /storage/{token}  what a signed address allows, if the storage is a directory of ours

Bodies flow through in pieces, whatever their size. Whatever a merchant uploaded never runs as a page of ours: pictures
come with a policy that forbids everything, other files as attachments.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from email.utils import format_datetime
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from boreal.kit.app import App
from boreal.kit.downloads import Span, Unsatisfiable, content_disposition, is_known, is_same, media_type, wanted
from boreal.kit.links import LinkExpired, LinkInvalid
from boreal.kit.problems import Problem, ResourceNotFound
from boreal.kit.routing import PiecewiseRoute
from boreal.providers.ports import Storage, StorageDoor, StorageRefused, StoredObject
from boreal.rooms.platform.public import public_file

_SAFE = {"x-content-type-options": "nosniff", "accept-ranges": "bytes"}
_PICTURE = {
    "cache-control": "public, max-age=3600",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
}
_PRIVATE = {"cache-control": "private, no-store"}


class LinkRefused(Problem):
    """A signed address that is none of ours, or is over."""

    status = 403


class UploadRefused(Problem):
    """A part that is not what was announced."""


def stored_routes(app: App, door: StorageDoor | None) -> list[Route]:
    """The routes; without a door of our own there are only the pictures."""
    files = StoredFiles(app, door)
    pictures = Route("/files/{id}/{name}", files.picture)
    return [pictures] if door is None else [pictures, PiecewiseRoute("/storage/{token}", files.linked)]


class StoredFiles:
    """Answers the requests for stored files."""

    def __init__(self, app: App, door: StorageDoor | None) -> None:
        self._app = app
        self._door = door

    async def picture(self, request: Request) -> Response:
        """`GET /files/{id}/{name}`: 404 for what is not public; the name is for people."""
        try:
            id = UUID(request.path_params["id"])
        except ValueError:
            raise ResourceNotFound from None
        file = await public_file(self._app.database, id)
        if file is None:
            raise ResourceNotFound
        headers = {**_PICTURE, "content-type": media_type(file["mime_type"])}
        return await self._answer(request, file["path"], headers)

    async def linked(self, request: Request) -> Response:
        """`GET` and `PUT /storage/{token}`: fetches an object, or takes a part of an upload."""
        assert self._door is not None
        token = request.path_params["token"]
        try:
            if request.method == "PUT":
                async with aclosing(_received(request)) as content:
                    etag = await self._door.receive(token, content)
                return Response(headers={"etag": f'"{etag}"', "access-control-expose-headers": "etag"})
            download = self._door.download(token)
        except LinkInvalid:
            raise LinkRefused("The address is none of ours.") from None
        except LinkExpired:
            raise LinkRefused("The address has expired.") from None
        except StorageRefused as refused:
            raise UploadRefused(str(refused)) from None
        headers = {
            **_PRIVATE,
            "content-type": media_type(download.mime_type),
            "content-disposition": content_disposition(download.name),
        }
        return await self._answer(request, download.path, headers)

    async def _answer(self, request: Request, path: str, headers: Mapping[str, str]) -> Response:
        """The object, the part of it that is asked for, or nothing where the client has it already."""
        storage = self._app.get(Storage)
        stored = await storage.find(path)
        if stored is None:
            raise ResourceNotFound
        etag = f'"{stored.etag}"'
        said = {**_SAFE, **headers, "etag": etag, "last-modified": format_datetime(stored.modified_at, usegmt=True)}
        if is_known(request.headers.get("if-none-match"), etag=etag):
            return Response(status_code=304, headers=said)
        try:
            span = _span(request, stored)
        except Unsatisfiable:
            return Response(status_code=416, headers={**_SAFE, "content-range": f"bytes */{stored.size}"})
        status = 200
        if span is None:
            span = Span(0, stored.size)
        else:
            status, said["content-range"] = 206, f"bytes {span.start}-{span.end - 1}/{stored.size}"
        said["content-length"] = str(span.end - span.start)
        if request.method == "HEAD":
            return Response(status_code=status, headers=said)
        return StreamingResponse(storage.read(path, start=span.start, end=span.end), status, said)


def _span(request: Request, stored: StoredObject) -> Span | None:
    if not is_same(request.headers.get("if-range"), etag=f'"{stored.etag}"', modified_at=stored.modified_at):
        return None
    return wanted(request.headers.get("range"), size=stored.size)


async def _received(request: Request) -> AsyncGenerator[bytes]:
    """The body as it arrives; raises `ClientDisconnect` if its sender goes before the end."""
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
