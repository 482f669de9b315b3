"""Commands that fail half-way: the supervisor itself, with a component whose start and end the tests decide."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.ports import free_port

from photo_stack.components import Component
from photo_stack.control import ask
from photo_stack.errors import CommandRefused
from photo_stack.layout import Layout, Ports, StackSettings
from photo_stack.process import ManagedProcess, State
from photo_stack.reporting import LineReporter
from photo_stack.supervisor import Supervisor

NAME = "haproxy"
PROGRAM = """
import http.server, os, pathlib, signal, sys, time

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
if (folder / "broken").exists():
    sys.exit(7)

def end(*_):
    while (folder / "busy").exists():
        time.sleep(0.02)
    os._exit(0)

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, end)
http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""


@dataclass(frozen=True)
class Run:
    """A supervisor at work, and its only component, which heeds the files `broken` and `busy` in `folder`."""

    supervisor: Supervisor
    folder: Path
    done: "asyncio.Task[None]"

    @property
    def process(self) -> ManagedProcess:
        return self.supervisor.processes[NAME]

    async def ask(self, command: str) -> str:
        answer = await ask(self.supervisor.settings.layout, command, NAME, seconds=30)
        return str(answer["message"])

    async def until(self, *states: State) -> None:
        """The component is in one of these states."""
        async with asyncio.timeout(30):
            while not self.process.is_in(*states):  # noqa: ASYNC110 - a state raises no event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def supervised(tmp_path: Path, *, restart: bool = False) -> AsyncIterator[Run]:
    settings = StackSettings(layout=Layout(tmp_path / "stack"), ports=Ports.counted_from(21_000, 1), restart=restart)
    settings.layout.create()
    port = free_port()
    component = Component(
        name=NAME,
        purpose="answers",
        argv=(sys.executable, "-c", PROGRAM, str(tmp_path), str(port)),
        port=port,
        url=f"http://127.0.0.1:{port}",
        ready_url=f"http://127.0.0.1:{port}/",
        log_file=settings.layout.log_file(NAME),
        stop_seconds=30.0,
    )
    # /bin/true is a service whose database needs no preparation.
    supervisor = Supervisor(settings, [[component]], ("/bin/true",), lambda _: LineReporter(io.StringIO()))
    done = asyncio.create_task(supervisor.run())
    run = Run(supervisor, tmp_path, done)
    try:
        await run.until(State.RUNNING)
        yield run
    finally:
        for file in ("broken", "busy"):
            (tmp_path / file).unlink(missing_ok=True)
        if not done.done():
            await run.ask("down")
        await asyncio.wait_for(done, 30)


async def test_with_restart_a_component_whose_start_by_hand_failed_is_tried_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, restart=True) as run:
        (run.folder / "broken").touch()
        with pytest.raises(CommandRefused, match=r"ended before it was ready \(exit code 7\)"):
            await run.ask("restart")
        await run.until(State.RESTARTING)
        (run.folder / "broken").unlink()
        await run.until(State.RUNNING)
        assert run.process.restarts >= 1


async def test_without_restart_it_stays_dead_until_it_is_started(tmp_path: Path) -> None:
    async with supervised(tmp_path) as run:
        (run.folder / "broken").touch()
        with pytest.raises(CommandRefused, match="ended before it was ready"):
            await run.ask("restart")
        assert run.process.is_in(State.DEAD)
        (run.folder / "broken").unlink()
        assert await run.ask("start") == f"{NAME} is ready"
        assert run.process.restarts == 0


async def test_a_restart_is_refused_when_the_stack_begins_to_stop_meanwhile(tmp_path: Path) -> None:
    async with supervised(tmp_path) as run:
        (run.folder / "busy").touch()
        restart = asyncio.create_task(run.ask("restart"))
        await run.until(State.STOPPING)
        down = asyncio.create_task(run.ask("down"))
        async with asyncio.timeout(30):
            while run.supervisor.state != "stopping":  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        (run.folder / "busy").unlink()
        with pytest.raises(CommandRefused, match="the stack is stopping"):
            await restart
        assert await down == "stopped"
        assert run.process.pid is None
        assert run.process.is_in(State.STOPPED)
