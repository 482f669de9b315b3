"""Faults told to a local server: slow, failing, resetting or hanging, as long as somebody wants it so.

``PUT /-/faults`` takes an object with any of

- ``latency_seconds``: each answer waits so long (0–600);
- ``status``: the answer is this status (400–599) and nothing else;
- ``reset``: the connection is reset instead of an answer; ``hang``: there is no answer at all;
- ``share``: of the requests that this befalls (0–1, default all); latency is everybody's.

``GET`` shows what is set, ``DELETE`` ends it, and what hangs is then reset. Paths under ``/-/`` are spared.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Faults(BaseModel):
    """What is wrong now; nothing by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    reset: bool = False
    hang: bool = False


class FaultSwitch:
    """The faults of one server; `install` puts them before every handler of an application."""

    def __init__(self) -> None:
        self._faults = Faults()
        self._ended = asyncio.Event()

    def install(self, app: web.Application) -> None:
        """Add the middleware and the routes that control it."""

        @web.middleware
        async def befall(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._befall(request, handler)

        app.middlewares.append(befall)
        app.add_routes([web.get("/-/faults", self._show), web.put("/-/faults", self._set)])
        app.add_routes([web.delete("/-/faults", self._end)])
        app.on_shutdown.append(self._release)

    async def _befall(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._faults
        if request.path.startswith("/-/"):
            return await handler(request)
        if faults.latency_seconds:
            await asyncio.sleep(faults.latency_seconds)
        if random.random() >= faults.share:  # noqa: S311 - chooses whom a fault befalls
            return await handler(request)
        if faults.hang:
            await self._ended.wait()
        if faults.hang or faults.reset:
            return _reset(request)
        if faults.status is not None:
            return web.Response(status=faults.status)
        return await handler(request)

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.model_dump())

    async def _set(self, request: web.Request) -> web.Response:
        try:
            faults = Faults.model_validate_json(await request.read())
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            return web.Response(status=400, text=f"not faults: {wrong}\n")
        self._change(faults)
        return await self._show(request)

    async def _end(self, request: web.Request) -> web.Response:
        self._change(Faults())
        return await self._show(request)

    async def _release(self, _: web.Application) -> None:
        self._change(Faults())

    def _change(self, faults: Faults) -> None:
        """Replace what is wrong; what hangs because of the faults before ends."""
        self._faults = faults
        self._ended.set()
        self._ended = asyncio.Event()


def _reset(request: web.Request) -> web.Response:
    """Close the connection with a reset: the client reads no answer and no end."""
    if request.transport is not None:
        connection: socket.socket | None = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        request.transport.abort()
    return web.Response(status=500)
