"""Style sheets, scripts and pictures: read once, named by their content, cached by browsers for ever.

A page can also carry a style sheet or a script within itself, so that its first view is one request; the policy in
its headers then names the content by hash, and nothing else inline is ever executed.
"""

import gzip
import hashlib
import mimetypes
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from boreal.kit.problems import ResourceNotFound
from boreal.surfaces.pages.exchange import PageReply, PageRequest

_COMPRESSIBLE = {"text/css", "text/javascript", "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, its public name, and its hash as a content security policy wants it."""

    public_name: str
    media_type: str
    content: bytes
    compressed: bytes | None
    policy_hash: str


class Assets:
    """Every file of a folder, served below `prefix`."""

    def __init__(self, folder: Path, *, prefix: str = "/static/") -> None:
        self._prefix = prefix
        self._by_name = {file.name: _read(file) for file in sorted(folder.iterdir()) if file.is_file()}
        self._by_public_name = {asset.public_name: asset for asset in self._by_name.values()}

    def address(self, name: str) -> str:
        """The public address of a file, with its content's hash in it."""
        return self._prefix + self._by_name[name].public_name

    def inline(self, name: str) -> Markup:
        """The file's text, to stand within a page whose policy names `policy_hash(name)`."""
        return Markup(self._by_name[name].content.decode("utf-8"))

    def policy_hash(self, name: str) -> str:
        """The source expression that allows exactly this content inline."""
        return self._by_name[name].policy_hash

    def serve(self, request: PageRequest, public_name: str) -> PageReply:
        """The file of a public name. Anything else is `ResourceNotFound`: addresses of old content are gone with
        it."""
        asset = self._by_public_name.get(public_name)
        if asset is None:
            raise ResourceNotFound
        return self._reply(request, asset, "public, max-age=31536000, immutable")

    def serve_current(self, request: PageRequest, name: str) -> PageReply:
        """A file by its own name, whatever its content is by now: for what other people's pages refer to."""
        return self._reply(request, self._by_name[name], "public, max-age=300")

    def _reply(self, request: PageRequest, asset: Asset, caching: str) -> PageReply:
        headers = {
            "content-type": asset.media_type,
            "cache-control": caching,
            "x-content-type-options": "nosniff",
            "vary": "accept-encoding",
        }
        if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return PageReply(200, asset.compressed, headers | {"content-encoding": "gzip"})
        return PageReply(200, asset.content, headers)


def _read(file: Path) -> Asset:
    content = file.read_bytes()
    digest = hashlib.sha256(content)
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Asset(
        public_name=f"{file.stem}.{digest.hexdigest()[:12]}{file.suffix}",
        media_type=media_type,
        content=content,
        compressed=gzip.compress(content, 9, mtime=0) if media_type in _COMPRESSIBLE else None,
        policy_hash=f"'sha256-{b64encode(digest.digest()).decode()}'",
    )
