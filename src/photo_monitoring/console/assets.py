"""The pages' scripts and styles: read once, compressed once, addressed by their content."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from aiohttp import web

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, plain and compressed, and its entity tag."""

    content_type: str
    plain: bytes
    packed: bytes
    etag: str


class Assets:
    """Every file below `static/` with a known type; `version` changes when any of them does."""

    def __init__(self) -> None:
        self._files = _files()
        digest = hashlib.sha256("".join(f"{name}{asset.etag}" for name, asset in self._files.items()).encode())
        self.version = digest.hexdigest()[:16]

    def modules(self) -> list[str]:
        """Return the addresses of all modules, to be fetched in parallel instead of one import after the other."""
        return [self.address(name) for name in self._files if name.endswith(".js") and "/" not in name]

    def address(self, name: str) -> str:
        """Return the address of a file of this version."""
        return f"/static/{self.version}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a request for one file; an address of another version is not found, since its imports would mix."""
        asset = self._files.get(request.match_info["name"])
        if asset is None or request.match_info["version"] != self.version:
            raise web.HTTPNotFound(text="no such file\n")
        headers = {"ETag": asset.etag, "Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        if asset.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = asset.content_type
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=asset.packed, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=asset.plain, headers=headers)


@cache
def _files() -> dict[str, Asset]:
    return dict(_read(resources.files("photo_monitoring.console") / "static", PurePosixPath()))


def _read(folder: Traversable, below: PurePosixPath) -> list[tuple[str, Asset]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        name = below / entry.name
        if entry.is_dir():
            found += _read(entry, name)
        elif name.suffix in TYPES:
            plain = entry.read_bytes()
            etag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
            found.append((str(name), Asset(TYPES[name.suffix], plain, gzip.compress(plain, 9, mtime=0), etag)))
    return found
