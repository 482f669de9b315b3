"""Faults of servers that cannot be told any: a TCP proxy on loopback that stands before PostgreSQL, Redis or Swift.

Run as ``python -m photo_stack.providers.fault_proxy --host … --port … --route NAME=PORT:SERVER_PORT …``; ``--port`` is
of the control. ``PUT /-/faults/NAME`` takes an object with any of

- ``latency_seconds``: each answer waits so long before its first byte (0–600);
- ``reset``: the connection is reset when something is asked, or made; ``hang``: nothing that is asked is passed on;
- ``refuse``: connections are reset, and no new one is taken;
- ``share``: of the questions that reset and hang befall (0–1, default all).

``GET`` shows what is set, ``DELETE`` ends it, and what hangs is then reset, as in `photo_stack.providers.faults`. A
server that is away has its clients' connections reset. Policy: nothing is kept beyond a piece of 64 KiB either way.
"""

import argparse
import asyncio
import ipaddress
import random
import re
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Annotated, Final

import uvloop
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_PIECE_BYTES: Final = 64 * 1024
_CONNECT_SECONDS: Final = 5.0
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
_ROUTE: Final = re.compile(r"([a-z][a-z0-9-]{0,30})=([0-9]{1,5}):([0-9]{1,5})")


class TcpFaults(BaseModel):
    """What is wrong now; nothing by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    reset: bool = False
    hang: bool = False
    refuse: bool = False


class Route:
    """One server, and the port before it."""

    def __init__(self, host: str, port: int, server_port: int) -> None:
        self.faults = TcpFaults()
        self._host, self._port, self._server_port = host, port, server_port
        self._listener: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def listen(self) -> None:
        """Take connections."""
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._take, self._host, self._port, limit=_PIECE_BYTES, backlog=1_024, reuse_address=True
            )

    async def close(self) -> None:
        """Take none any more, and reset those that there are."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            connection.reset()
        for connection in list(self._connections):
            await connection.ended.wait()

    async def change(self, faults: TcpFaults) -> None:
        """Replace what is wrong; what hung because of the faults before is reset."""
        for connection in list(self._connections):
            if connection.hangs or faults.refuse:
                connection.reset()
        self.faults = faults
        if faults.refuse:
            await self.close()
        else:
            await self.listen()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.serve(self._host, self._server_port)
        finally:
            self._connections.discard(connection)
            connection.ended.set()


class _Connection:
    """A client's connection and the one to the server, passed on piece by piece."""

    def __init__(self, route: Route, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hangs = False
        self.ended = asyncio.Event()
        self._route = route
        self._reader, self._writer = reader, writer
        self._resetting = asyncio.Event()
        self._asked = False

    def reset(self) -> None:
        """End both sides at once."""
        self._resetting.set()

    async def serve(self, host: str, server_port: int) -> None:
        """Until one side ends, or a reset."""
        working = asyncio.create_task(self._pass_on(host, server_port))
        resetting = asyncio.create_task(self._resetting.wait())
        try:
            await asyncio.wait({working, resetting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            clean = working.done() and not working.cancelled() and working.exception() is None
            for task in (working, resetting):
                task.cancel()
            await asyncio.gather(working, resetting, return_exceptions=True)
            _end(self._writer, clean=clean)

    async def _pass_on(self, host: str, server_port: int) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(host, server_port, limit=_PIECE_BYTES)
        clean = False
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._questions(writer))
                group.create_task(self._answers(reader))
            clean = True
        finally:
            _end(writer, clean=clean)

    async def _questions(self, writer: asyncio.StreamWriter) -> None:
        while piece := await self._reader.read(_PIECE_BYTES):
            if not self._asked:
                self._asked = True
                await self._befall()
            writer.write(piece)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()

    async def _answers(self, reader: asyncio.StreamReader) -> None:
        while piece := await reader.read(_PIECE_BYTES):
            if self._asked:
                self._asked = False
                if self._route.faults.latency_seconds:
                    await asyncio.sleep(self._route.faults.latency_seconds)
            self._writer.write(piece)
            await self._writer.drain()
        with suppress(OSError):
            self._writer.write_eof()

    async def _befall(self) -> None:
        faults = self._route.faults
        if not (faults.reset or faults.hang) or random.random() >= faults.share:  # noqa: S311 - chooses whom it befalls
            return
        if faults.hang:
            self.hangs = True
            await self._resetting.wait()
        self.reset()
        await asyncio.Event().wait()  # until `serve` cancels us


def _end(writer: asyncio.StreamWriter, *, clean: bool) -> None:
    """Close; with a reset where the other side did not end by itself."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if not clean and connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    if clean:
        writer.close()
    else:
        writer.transport.abort()


def control(routes: dict[str, Route]) -> web.Application:
    """``/-/faults/NAME`` and ``/-/ready``."""

    def route(request: web.Request) -> Route:
        try:
            return routes[request.match_info["name"]]
        except KeyError:
            raise web.HTTPNotFound(text=f"there are {', '.join(routes)}\n") from None

    async def show(request: web.Request) -> web.Response:
        return web.json_response(route(request).faults.model_dump())

    async def change(request: web.Request) -> web.Response:
        try:
            faults = TcpFaults.model_validate_json(await request.read())
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            return web.Response(status=400, text=f"not faults: {wrong}\n")
        await route(request).change(faults)
        return await show(request)

    async def end(request: web.Request) -> web.Response:
        await route(request).change(TcpFaults())
        return await show(request)

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    app = web.Application()
    place = "/-/faults/{name}"
    app.add_routes([web.get(place, show), web.put(place, change), web.delete(place, end), web.get("/-/ready", ready)])
    return app


async def serve(host: str, port: int, ports: dict[str, tuple[int, int]]) -> None:
    """Serve until SIGTERM or SIGINT; ``ports``: each name's own port and its server's."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    routes = {name: Route(host, own, server) for name, (own, server) in ports.items()}
    async with AsyncExitStack() as stack:
        for route in routes.values():
            stack.push_async_callback(route.close)
            await route.listen()
        runner = web.AppRunner(control(routes), access_log=None, shutdown_timeout=1.0)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        await ended.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="photo_stack.providers.fault_proxy", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--host", required=True, help="in 127.0.0.0/8, also the servers'")
    parser.add_argument("--port", type=int, required=True, help="of the control")
    parser.add_argument("--route", action="append", required=True, metavar="NAME=PORT:SERVER_PORT")
    given = parser.parse_args(arguments)
    try:
        loopback = ipaddress.IPv4Address(given.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        parser.error("--host: must be an address in 127.0.0.0/8")
    matches = [_ROUTE.fullmatch(route) for route in given.route]
    ports = {match[1]: (int(match[2]), int(match[3])) for match in matches if match is not None}
    if len(ports) < len(matches):
        parser.error("--route: must be NAME=PORT:SERVER_PORT, each name once")
    try:
        uvloop.run(serve(given.host, given.port, ports))
    except OSError as error:
        sys.exit(f"fault_proxy: {error.strerror or error}")


if __name__ == "__main__":
    main()
