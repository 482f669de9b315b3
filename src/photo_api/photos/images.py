"""Answering a request for a photo's bytes: conditions and ranges as RFC 9110 has them, by a CDN or from storage.

Used for one's own photos and for shared ones; the caller checked the permission and read the row. A CDN's link is given
for HEAD and for ranges too: the edge answers them, and what a client learns of a picture comes from one place.
"""

import asyncio
import re
from contextlib import aclosing, suppress
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from photo_api.content_types import CONTENT_TYPES
from photo_api.database import Row
from photo_api.delivery.base import Audience, Delivery
from photo_api.errors import RangeNotSatisfiable, Unavailable
from photo_api.storage.base import ObjectReader, ObjectStorage

SEND_TIMEOUT_SECONDS: Final = 60.0
"""A client that takes nothing for this long is left: its connection is closed."""

_BINARY: Final = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in CONTENT_TYPES}
_STRING: Final = {"type": "string"}
_ETAG: Final = {"ETag": {"description": "strong", "schema": _STRING}}
IMAGE_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The stored bytes, unchanged", "content": _BINARY, "headers": _ETAG},
    206: {
        "description": "The range that was asked for",
        "content": _BINARY,
        "headers": {**_ETAG, "Content-Range": {"schema": _STRING}},
    },
    302: {
        "description": "Where a CDN is configured: GET or HEAD this URL next, with the same Range and no credentials. "
        "It is good for this photo and a short while, and whoever has it sees the photo",
        "headers": {
            "Location": {"schema": _STRING | {"format": "uri"}},
            "ETag": {"description": "to ask here, later, whether the picture is still there", "schema": _STRING},
        },
    },
    304: {"description": "What the client has is current", "headers": _ETAG},
}
"""OpenAPI ``responses`` of a route that answers with `image_response`."""
HEAD_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The headers of GET"},
    302: IMAGE_ANSWERS[302],
    304: IMAGE_ANSWERS[304],
}
"""The same for HEAD."""

_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII | re.IGNORECASE)
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
_log = structlog.get_logger("photo_api.photos")


async def image_response(
    request: Request, storage: ObjectStorage, delivery: Delivery, photo: Row, audience: Audience
) -> Response:
    """The image in ``photo`` (a row with ``repository.IMAGE_COLUMNS``): 200, 206, 302 or 304; HEAD too.

    The first bytes have been read when this returns, so the caller can time "to the first byte".

    Raises:
        RangeNotSatisfiable: the range asked for has no byte.
        NotFound: the photo was deleted meanwhile.
        Unavailable: storage is away.
    """
    size: int = photo["file_size"]
    etag = f'"{photo["etag"]}"'
    modified_seconds: int = photo["confirmed_ms"] // 1000
    headers = {
        "ETag": etag,
        "Last-Modified": formatdate(modified_seconds, usegmt=True),
        # Revalidated on each use: a deletion or a revoked link counts at once, and costs a 304.
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        # Opened as a document of its own, a picture with markup hidden in it still runs nothing.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if _not_modified(request.headers, etag, modified_seconds):
        return Response(status_code=304, headers=headers)
    link = await delivery.link(photo["object_key"], audience)
    if link is not None:
        # Never reused by a client: the next request is checked again, and its link has life enough.
        return Response(status_code=302, headers={"Location": link, "ETag": etag, "Cache-Control": "private, no-store"})
    headers["Content-Disposition"] = content_disposition(photo["filename"])
    headers["Content-Type"] = photo["content_type"]
    start, stop, status = 0, size, 200
    if request.method == "GET" and _range_applies(request.headers, etag, modified_seconds):
        wanted = parse_range(request.headers["Range"], size)
        if wanted is not None:
            start, stop = wanted
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamedResponse(status, headers, await storage.read(photo["object_key"], start, stop))


def parse_range(value: str, size: int) -> tuple[int, int] | None:
    """``Range`` → start and stop (exclusive); ``None`` where the whole is to be sent (RFC 9110, 14.2).

    Other units, bad syntax and several ranges are answered with the whole, as the RFC allows.

    Raises:
        RangeNotSatisfiable: well-formed, but no byte of it exists.
    """
    match = _RANGE.fullmatch(value)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        suffix = _position(last)
        if suffix == 0:
            raise RangeNotSatisfiable(size)
        return max(size - suffix, 0), size
    start = _position(first)
    if last and _position(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return start, min(_position(last) + 1, size) if last else size


def _position(digits: str) -> int:
    """Digits of any number; what is beyond every size stays beyond it."""
    return int(digits) if len(digits) <= 18 else 10**18


def content_disposition(filename: str) -> str:
    """``inline`` with the name in both of RFC 6266's forms; the plain one holds nothing a client could misread."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%/;' else "_" for c in filename)
    if plain == filename:
        return f'inline; filename="{plain}"'
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _not_modified(headers: Headers, etag: str, modified_seconds: int) -> bool:
    """If-None-Match decides alone where it is there (RFC 9110, 13.2.2)."""
    given = headers.getlist("If-None-Match")
    if given:
        listed = ",".join(given)
        return listed.strip() == "*" or etag in _ENTITY_TAG.findall(listed)
    since = _http_date(headers.get("If-Modified-Since"))
    return since is not None and modified_seconds <= since


def _range_applies(headers: Headers, etag: str, modified_seconds: int) -> bool:
    """There is one ``Range``, and ``If-Range`` (a strong entity tag, or the exact date) holds (RFC 9110, 13.1.5)."""
    if len(headers.getlist("Range")) != 1:
        return False
    condition = headers.get("If-Range")
    return condition is None or condition.strip() == etag or _http_date(condition) == modified_seconds


def _http_date(value: str | None) -> int | None:
    """An HTTP date → Unix seconds; ``None`` where it is none."""
    if not value:
        return None
    try:
        parsed = parsedate_to_datetime(value)
        return int(parsed.timestamp()) if parsed.tzinfo is not None else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


class StreamedResponse(Response):
    """A body from storage, piece by piece; what was opened is closed whatever happens.

    A client that goes away, or stands still for `SEND_TIMEOUT_SECONDS`, ends it; storage that fails after the first
    piece can only break the body off: the server closes the connection, and the client resumes by range.
    """

    def __init__(self, status: int, headers: dict[str, str], pieces: ObjectReader) -> None:
        super().__init__(status_code=status, headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            async with aclosing(self._pieces) as pieces:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for piece in pieces:
                    if gone.done():
                        return
                    async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                        await send(_body(piece, more=True))
            await send(_body(b"", more=False))
        except TimeoutError:
            _log.info("image_abandoned", reason="the client took nothing", seconds=SEND_TIMEOUT_SECONDS)
        except Unavailable as error:
            _log.error("image_broken_off", reason=error.detail)
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone


def _body(piece: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
