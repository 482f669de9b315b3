"""A CDN on this machine, in NHN CDN's manner: an edge that serves tokens' bearers, and the API that makes the tokens.

Run as ``python -m photo_stack.providers.cdn_edge --host … --port … --api-port … --origin URL``; in the environment
``CDN_APP_KEY``, ``CDN_SECRET_KEY``, ``CDN_ENCRYPT_KEY`` (hex), and, where the origin is a Swift container that is not
public, ``CDN_ORIGIN_TEMP_URL_KEY``. Edge and API listen apart, so that either can be faulty alone (`faults`).

The edge answers ``GET|HEAD /photos/<key>?token=…``, ranges and conditions as the origin does: 403 for a token that is
not good for this path now, 404 for anything that is no sealed photo, 502 where the origin is away. Whole pictures up
to 4 MiB are kept for a minute, 64 MiB of them.
"""

import argparse
import asyncio
import hashlib
import hmac
import logging
import os
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from photo_stack.providers.cdn_api import TokenApi
from photo_stack.providers.edge_tokens import TokenRefused, verify_token
from photo_stack.providers.faults import FaultSwitch

_KEY: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
_ORIGIN_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=3, sock_read=10)
_ORIGIN_URL_SECONDS: Final = 60
_PIECE_BYTES: Final = 256 * 1024
_ASKED: Final = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")
_ANSWERED: Final = ("Content-Type", "Content-Length", "Content-Range", "Last-Modified", "Accept-Ranges")
_PASSED_ON: Final = frozenset({200, 206, 304, 404, 416})
_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_SECRETS: Final = ("CDN_APP_KEY", "CDN_SECRET_KEY", "CDN_ENCRYPT_KEY")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where sealed objects are, at ``url`` + ``/photos/<key>``; signed as a Swift Temp URL where there is a key."""

    url: str
    temp_url_key: str | None = field(default=None, repr=False)

    def of(self, path: str) -> URL:
        """The URL to ask for an object (Swift's tempurl middleware: a signature of GET is good for HEAD too)."""
        url = self.url + path
        if self.temp_url_key is not None:
            expires = int(time.time()) + _ORIGIN_URL_SECONDS
            signed = f"GET\n{expires}\n{urlsplit(url).path}"
            signature = hmac.new(self.temp_url_key.encode(), signed.encode(), hashlib.sha256).hexdigest()
            url += f"?temp_url_sig={signature}&temp_url_expires={expires}"
        return URL(url, encoded=True)


class KeptBodies:
    """Whole pictures that were just served, the least recently used out first."""

    LARGEST_BYTES: ClassVar[int] = 4 * 1024 * 1024
    MOST_BYTES: ClassVar[int] = 64 * 1024 * 1024
    SECONDS: ClassVar[float] = 60.0

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Mapping[str, str], bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, path: str) -> tuple[Mapping[str, str], bytes] | None:
        """The origin's headers and the bytes, if they are fresh."""
        kept = self._kept.get(path)
        if kept is None:
            return None
        if time.monotonic() - kept[0] > self.SECONDS:
            self._drop(path)
            return None
        self._kept.move_to_end(path)
        return kept[1], kept[2]

    def put(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep it, in place of what is there."""
        self._drop(path)
        self._kept[path] = (time.monotonic(), headers, body)
        self._bytes += len(body)
        while self._bytes > self.MOST_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, path: str) -> None:
        _, _, body = self._kept.pop(path, (0.0, {}, b""))
        self._bytes -= len(body)


class Edge:
    """Verifies tokens and serves the origin's objects; ``clock`` is Unix time.

    Raises:
        ValueError: the key is not hexadecimal.
    """

    def __init__(self, key_hex: str, origin: Origin, *, clock: Callable[[], float] = time.time) -> None:
        self._key = bytes.fromhex(key_hex)
        self._origin = origin
        self._clock = clock
        self._kept = KeptBodies()
        self._session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        """The edge as an application, with faults to be told of."""

        async def session(_: web.Application) -> AsyncIterator[None]:
            async with aiohttp.ClientSession(
                timeout=_ORIGIN_TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as self._session:
                yield

        app = web.Application()
        FaultSwitch().install(app)
        app.cleanup_ctx.append(session)
        app.router.add_get(f"/photos/{{key:{_KEY}}}", self.serve)
        return app

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``GET|HEAD /photos/{key}``."""
        now = self._clock()
        try:
            expires = verify_token(self._key, request.query.get("token", ""), request.path, now)
        except TokenRefused as refused:
            return web.Response(status=403, text=f"token refused: {refused}\n")
        headers = {"Cache-Control": f"private, max-age={int(expires - now)}", **_SAFE}
        plain = request.method == "GET" and not any(name in request.headers for name in _ASKED)
        if plain and (kept := self._kept.get(request.path)) is not None:
            return web.Response(body=kept[1], headers=headers | dict(kept[0]))
        asked = {name: request.headers[name] for name in _ASKED if name in request.headers}
        try:
            async with self._from_origin(request.method, request.path, asked) as answer:
                return await self._passed_on(request, answer, headers, keep=plain)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("the origin failed: %s", type(error).__name__)
            return web.Response(status=502, text="the origin did not answer\n")

    def _from_origin(
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("the edge serves while its application runs")
        return self._session.request(method, self._origin.of(path), headers=headers, allow_redirects=False)

    async def _passed_on(
        self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str], *, keep: bool
    ) -> web.StreamResponse:
        if answer.status == 404:
            return web.Response(status=404, text="there is no such photo\n")
        if answer.status not in _PASSED_ON:
            return web.Response(status=502, text=f"the origin answered {answer.status}\n")
        theirs = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
        if "ETag" in answer.headers:
            theirs["ETag"] = _quoted(answer.headers["ETag"])
        if answer.status in {304, 416}:
            theirs.pop("Content-Length", None)
            return web.Response(status=answer.status, headers=headers | theirs)
        if request.method == "HEAD":
            return web.Response(status=answer.status, headers=headers | theirs)
        length = answer.content_length
        if keep and length is not None and length <= KeptBodies.LARGEST_BYTES:
            body = await answer.read()
            self._kept.put(request.path, theirs, body)
            return web.Response(body=body, headers=headers | theirs)
        return await _streamed(request, answer, headers | theirs)


async def _streamed(
    request: web.Request, answer: aiohttp.ClientResponse, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Pass on a body as it comes; one that breaks off breaks off here too, so that nobody takes it for whole."""
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    try:
        async for piece in answer.content.iter_chunked(_PIECE_BYTES):
            await response.write(piece)
        await response.write_eof()
    except (aiohttp.ClientError, TimeoutError, ConnectionResetError):
        if request.transport is not None:
            request.transport.abort()
    return response


def _quoted(etag: str) -> str:
    """An entity tag as RFC 9110 has it; Swift's lack the quotes."""
    return etag if etag.endswith('"') else f'"{etag}"'


async def serve(host: str, ports: Mapping[int, web.Application]) -> None:
    """Serve each application on its port until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        for port, app in ports.items():
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)  # an access log would hold tokens
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, port).start()
        await ended.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the edge and the API until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="photo_stack.providers.cdn_edge", description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True, help="of the edge")
    parser.add_argument("--api-port", type=int, required=True, help="of the API for tokens")
    parser.add_argument("--origin", required=True, help="URL below which photos/<key> are")
    given = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    secrets = {name: os.environ.get(name, "") for name in _SECRETS}
    if missing := [name for name, value in secrets.items() if not value]:
        parser.error(f"in the environment, set {', '.join(missing)}")
    origin = Origin(given.origin.rstrip("/"), os.environ.get("CDN_ORIGIN_TEMP_URL_KEY"))
    try:
        edge = Edge(secrets["CDN_ENCRYPT_KEY"], origin)
    except ValueError:
        parser.error("CDN_ENCRYPT_KEY: must be hexadecimal")
    api = TokenApi(secrets["CDN_APP_KEY"], secrets["CDN_SECRET_KEY"])
    try:
        asyncio.run(serve(given.host, {given.port: edge.application(), given.api_port: api.application()}))
    except OSError as error:
        sys.exit(f"cdn_edge: {error.strerror or error}")


if __name__ == "__main__":
    main()
