"""The fault proxy: what it does to connections, before a server that answers each line with the same line."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.ports import free_port

from photo_stack.errors import CommandRefused
from photo_stack.faults import Faults, in_words
from photo_stack.providers.fault_proxy import Route, TcpFaults, main

HOST = "127.0.0.1"
PATIENCE_SECONDS = 10.0


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


class Line:
    """A client's connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, text: bytes = b"hello\n") -> bytes:
        self.writer.write(text)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.readline()


class Proxied:
    """An echo server behind a route."""

    def __init__(self, route: Route, port: int, server: asyncio.Server) -> None:
        self.route, self.port, self.server = route, port, server

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()


@pytest.fixture
async def proxied() -> AsyncIterator[Proxied]:
    server = await asyncio.start_server(echo, HOST, 0)
    port = free_port()
    route = Route(HOST, port, server.sockets[0].getsockname()[1])
    await route.listen()
    yield Proxied(route, port, server)
    await route.close()
    server.close()


async def test_without_faults_bytes_pass_both_ways_and_the_end_too(proxied: Proxied) -> None:
    async with proxied.line() as line:
        assert await line.ask() == b"hello\n"
        long = b"x" * 60_000 + b"\n"
        assert await line.ask(long) == long
        line.writer.write_eof()
        assert await line.reader.read() == b""


async def test_latency_delays_each_answer_once(proxied: Proxied) -> None:
    await proxied.route.change(TcpFaults(latency_seconds=0.3))
    async with proxied.line() as line:
        started = time.monotonic()
        assert await line.ask() == b"hello\n"
        assert await line.ask() == b"hello\n"
        assert time.monotonic() - started >= 0.6


async def test_reset_befalls_the_next_question_of_a_connection_that_was_there(proxied: Proxied) -> None:
    async with proxied.line() as line:
        assert await line.ask() == b"hello\n"
        await proxied.route.change(TcpFaults(reset=True))
        with pytest.raises(ConnectionResetError):
            await line.ask()


async def test_what_hangs_gets_no_answer_and_is_reset_when_the_fault_ends(proxied: Proxied) -> None:
    await proxied.route.change(TcpFaults(hang=True))
    async with proxied.line() as line:
        asking = asyncio.create_task(line.ask())
        done, _ = await asyncio.wait({asking}, timeout=0.2)
        assert not done
        await proxied.route.change(TcpFaults())
        with pytest.raises(ConnectionResetError):
            await asking
    async with proxied.line() as line:
        assert await line.ask() == b"hello\n"


async def test_refuse_resets_what_is_there_and_takes_nothing_new_until_it_ends(proxied: Proxied) -> None:
    async with proxied.line() as line:
        assert await line.ask() == b"hello\n"
        await proxied.route.change(TcpFaults(refuse=True))
        with pytest.raises(ConnectionResetError):
            await line.reader.readline()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, proxied.port)
    await proxied.route.change(TcpFaults())
    async with proxied.line() as line:
        assert await line.ask() == b"hello\n"


async def test_a_share_of_none_spares_everybody(proxied: Proxied) -> None:
    await proxied.route.change(TcpFaults(reset=True, share=0))
    async with proxied.line() as line:
        for _ in range(20):
            assert await line.ask() == b"hello\n"


async def test_a_server_that_is_away_resets_its_clients(proxied: Proxied) -> None:
    proxied.server.close()
    await proxied.server.wait_closed()
    async with proxied.line() as line:
        with pytest.raises(ConnectionResetError):
            await line.ask()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0", "--port", "1", "--route", "a=1:2"), "127.0.0.0/8"),  # noqa: S104 - what is refused
        (("--host", "127.0.0.1", "--port", "1", "--route", "a:1:2"), "NAME=PORT:SERVER_PORT"),
        (("--host", "127.0.0.1", "--port", "1", "--route", "a=1:2", "--route", "a=3:4"), "each name once"),
    ],
)
def test_it_serves_on_loopback_alone_and_each_route_once(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err


async def test_where_nothing_can_be_told_faults_the_profile_is_named() -> None:
    faults = Faults((), lambda _: None, lambda: None)
    with pytest.raises(CommandRefused, match="--profile production"):
        await faults.tell("redis", {"reset": True}, 1.0)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"latency_seconds": 1.5}, "latency 1.5 s"),
        ({"status": 503, "share": 0.5}, "status 503 for a share of 0.5"),
        ({"hang": True, "share": 1.0}, "hang"),
    ],
)
def test_faults_are_told_in_words(told: dict[str, object], words: str) -> None:
    assert in_words(told) == words
