"""One process of the stack: started without a shell, awaited by its readiness URL, stopped within a bound.

A process is a child of the supervisor, in a session of its own, and the kernel kills it when the supervisor dies
(PR_SET_PDEATHSIG), however the supervisor dies. See docs/decisions/0003-process-supervision.md.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from signal import Signals
from typing import Any

import aiohttp

from photo_stack.components import Component
from photo_stack.errors import ComponentFailed, StackError
from photo_stack.readiness import answers

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.1


class State(StrEnum):
    """Of a component, as ``photo-stack status`` shows it."""

    WAITING = "waiting"  # not started yet
    STARTING = "starting"
    RUNNING = "running"
    UNREADY = "not ready"  # the process lives, its readiness URL does not answer 200
    DRAINING = "draining"
    STOPPING = "stopping"
    STOPPED = "stopped"  # as planned
    DRAINED = "drained"  # as planned, until `start`
    DEAD = "dead"  # ended by itself or was killed; stays so unless --restart
    RESTARTING = "restarting"  # dead, and about to be started again


ALIVE = frozenset({State.STARTING, State.RUNNING, State.UNREADY, State.DRAINING, State.STOPPING})
HEALTHY = frozenset({State.RUNNING})


class ManagedProcess:
    """A component and, while it runs, its process.

    Args:
        component: what to run.
        on_change: called after each change of state.
        on_death: called when the process ended and nobody had asked for it.
        on_line: called with each line of standard output of a component whose output is for people.
    """

    def __init__(
        self,
        component: Component,
        on_change: Callable[["ManagedProcess"], None],
        on_death: Callable[["ManagedProcess"], None],
        on_line: Callable[[str], None],
    ) -> None:
        self.component = component
        self.state = State.WAITING
        self.since = datetime.now(UTC)
        self.started_at: float | None = None
        self.exit_status: int | None = None
        self.restarts = 0
        self.recent_restarts = 0
        self.lock = asyncio.Lock()
        self._on_change, self._on_death, self._on_line = on_change, on_death, on_line
        self._process: asyncio.subprocess.Process | None = None
        self._reaper: asyncio.Task[None] | None = None
        self._asked_to_end = False

    @property
    def pid(self) -> int | None:
        """While the process lives."""
        return self._process.pid if self._process is not None else None

    @property
    def exit_words(self) -> str:
        """How the last process ended: ``exit code 3``, ``killed by SIGKILL``; empty before."""
        return describe_exit(self.exit_status)

    def set_state(self, state: State) -> None:
        """Change the state, and tell."""
        if state is not self.state:
            self.state, self.since = state, datetime.now(UTC)
            self._on_change(self)

    def is_in(self, *states: State) -> bool:
        """Whether the state is one of these."""
        return self.state in states

    async def start(self, http: aiohttp.ClientSession) -> None:
        """Start the process and wait for readiness.

        Raises:
            ComponentFailed: it ended first, or was not ready in time (it is then stopped), or cannot be executed.
        """
        component = self.component
        if component.prepare is not None:
            try:
                await asyncio.to_thread(component.prepare)
            except (StackError, OSError) as error:
                self.set_state(State.DEAD)
                raise ComponentFailed(component.name, str(error), component.log_file) from None
        await self._spawn()

        async def ready_or_gone() -> bool:
            return self._process is None or await answers(http, component.ready_url)

        if not await until(ready_or_gone, component.start_seconds):
            await self.stop(final=State.DEAD)
            reason = f"was not ready within {component.start_seconds:g} s ({component.ready_url})"
            raise ComponentFailed(component.name, reason, component.log_file)
        if self._process is None:
            reason = f"ended before it was ready ({self.exit_words})"
            raise ComponentFailed(component.name, reason, component.log_file)
        if component.complete is not None:
            try:
                await component.complete(http)
            except StackError as error:
                await self.stop(final=State.DEAD)
                raise ComponentFailed(component.name, str(error), component.log_file) from None
        self.set_state(State.RUNNING)

    async def _spawn(self) -> None:
        component = self.component
        self._asked_to_end, self.exit_status = False, None
        arguments: dict[str, Any] = {
            "stdin": asyncio.subprocess.DEVNULL,
            "env": dict(component.env),
            "cwd": component.cwd,
            "start_new_session": True,
            "preexec_fn": dies_with(os.getpid()),
        }
        try:
            with component.log_file.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *component.argv,
                    stdout=asyncio.subprocess.PIPE if component.shows_output else log,
                    stderr=log,
                    **arguments,
                )
        except OSError as error:
            self.set_state(State.DEAD)
            reason = f"cannot be started: {component.argv[0]}: {error.strerror}"
            raise ComponentFailed(component.name, reason, component.log_file) from None
        self.started_at = time.monotonic()
        self.set_state(State.STARTING)
        self._reaper = asyncio.create_task(self._reap(self._process), name=f"reap {component.name}")

    async def _reap(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            await self._show_output(process.stdout)
        self.exit_status = await process.wait()
        # What it may have left in its own session, such as worker processes, goes with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        self._process = None
        if not self._asked_to_end:
            starting = self.state is State.STARTING
            self.set_state(State.DEAD)
            if not starting:
                self._on_death(self)

    async def _show_output(self, stream: asyncio.StreamReader) -> None:
        with self.component.log_file.open("ab") as log:
            while True:
                try:
                    line = await stream.readline()
                except ValueError:  # longer than the stream's limit; what was read so far is dropped
                    continue
                if not line:
                    return
                log.write(line)
                log.flush()
                self._on_line(line.decode(errors="replace").rstrip("\n"))

    def send(self, number: Signals) -> bool:
        """Send a signal; False when there is no process."""
        if self._process is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return True

    def expect_end(self) -> None:
        """From now on the process may end without being reported as dead."""
        self._asked_to_end = True

    async def ended(self, within_seconds: float) -> bool:
        """Wait for the process to be gone."""
        if self._reaper is not None:
            await asyncio.wait({self._reaper}, timeout=within_seconds)
        return self._process is None

    async def stop(
        self, *, final: State = State.STOPPED, within_seconds: float | None = None, stop_signal: Signals | None = None
    ) -> bool:
        """Stop the process; after the bound it is killed. False when it had to be."""
        if self._process is None:
            self.set_state(final)
            return True
        self.expect_end()
        if self.state is not State.DRAINING:
            self.set_state(State.STOPPING)
        self.send(stop_signal or self.component.stop_signal)
        seconds = self.component.stop_seconds if within_seconds is None else within_seconds
        in_time = await self.ended(seconds)
        if not in_time:
            self.send(signal.SIGKILL)
            await self.ended(5.0)
        self.set_state(final)
        return in_time


def describe_exit(status: int | None) -> str:
    """``exit code 1`` or ``killed by SIGKILL``."""
    if status is None:
        return ""
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


async def until(condition: Callable[[], Awaitable[bool]], within_seconds: float) -> bool:
    """Ask ten times a second until it is so; False when it was not in time."""
    try:
        async with asyncio.timeout(within_seconds):
            while not await condition():  # noqa: ASYNC110 - other processes raise no event here
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        return False
    return True


def dies_with(parent: int) -> Callable[[], None]:
    """A ``preexec_fn``: the child is killed when the parent ends, and ends at once if the parent has ended already."""

    def ask_the_kernel() -> None:
        if _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(126)

    return ask_the_kernel
