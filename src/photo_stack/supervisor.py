"""The supervisor: starts every component in order, watches them, carries out commands, stops everything in order."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp

from photo_stack import operations
from photo_stack.components import Component, api_environment
from photo_stack.configuration import write_configuration
from photo_stack.control import ControlServer, Progress, Request
from photo_stack.document import stack_document, write_document
from photo_stack.errors import CannotStart, CommandRefused, ComponentFailed
from photo_stack.faults import Faults
from photo_stack.layout import StackSettings
from photo_stack.process import ALIVE, ManagedProcess, State, describe_exit, dies_with
from photo_stack.readiness import answers
from photo_stack.reporting import Reporter, death_line

_HEALTH_SECONDS = 2.0
_FAILED_PROBES = 2
_MIGRATE_SECONDS = 120.0
_MAX_LOG_BYTES = 64 << 20
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
_STABLE_SECONDS = 60.0

# In this order, each group within its own bound: first nobody new comes in and nothing is evaluated, then the work
# in flight is finished, then the rest, whatever it is.
_STOP_FIRST = ("haproxy", "console", "grafana", "prometheus", "prometheus-2")
_STOP_SECOND = ("alertmanager", "alertmanager-2")


class Supervisor:
    """One run of the stack.

    Args:
        settings: ports, paths and options.
        stages: the components, in the order of starting.
        api_command: how the service's command line begins; its ``migrate`` runs before the instances' stage.
        make_reporter: given all processes, makes what the run is seen through.
    """

    def __init__(
        self,
        settings: StackSettings,
        stages: Sequence[Sequence[Component]],
        api_command: tuple[str, ...],
        make_reporter: Callable[[Iterable[ManagedProcess]], Reporter],
    ) -> None:
        self.settings = settings
        self.state = "starting"
        self.started_at = datetime.now(UTC)
        self._api_command = api_command
        self._stages = [[component.name for component in stage] for stage in stages]
        self.processes = {
            component.name: ManagedProcess(component, self._changed, self._died, self._output)
            for stage in stages
            for component in stage
        }
        self._stop_requested = asyncio.Event()
        self._hurry = asyncio.Event()
        self._stopped = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self.reporter = make_reporter(self.processes.values())
        declared = [process.component for process in self.processes.values()]
        self.faults = Faults(declared, self.reporter.say, self._save)

    @property
    def http(self) -> aiohttp.ClientSession:
        """For readiness URLs; open while the supervisor runs."""
        if self._http is None:
            raise RuntimeError("the supervisor does not run")
        return self._http

    async def run(self) -> None:
        """Start, watch until a signal or ``down``, stop.

        Raises:
            CannotStart: the configuration cannot be written.
            ComponentFailed: a component did not become ready; everything is stopped again.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        control = ControlServer(self.settings.layout, self._command)
        async with aiohttp.ClientSession() as self._http:
            try:
                self._write_configuration()
                await control.start()
                self._save()
                await self._run_until_stopped()
                self.state = "stopped"
            except BaseException:
                self.state = "failed"
                raise
            finally:
                self.reporter.say("stopped")
                self._save()
                self._stopped.set()
                await control.close()
                self.reporter.close()

    async def _run_until_stopped(self) -> None:
        starting = asyncio.create_task(self._start_all())
        requested = asyncio.create_task(self._stop_requested.wait())
        try:
            await asyncio.wait({starting, requested}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                self.state = "ready"
                self._save()
                self.reporter.ready(process.component for process in self.processes.values())
                self._in_background(self._watch_health(), self._refresh())
                await requested
        finally:
            for task in (starting, requested, *self._background):
                task.cancel()
            await asyncio.gather(starting, requested, *self._background, return_exceptions=True)
            await self._stop_all()

    def _on_signal(self) -> None:
        if self._stop_requested.is_set():
            self._hurry.set()
        self._stop_requested.set()

    def _write_configuration(self) -> None:
        try:
            components = [process.component for process in self.processes.values()]
            for problem in write_configuration(self.settings, components):
                self.reporter.say(f"{problem}; its channel delivers nothing")
        except OSError as error:
            raise CannotStart(f"{error.filename or self.settings.layout.data}: {error.strerror}") from None

    # Starting

    async def _start_all(self) -> None:
        for stage in self._stages:
            if any(self.processes[name].component.drains for name in stage):
                await self._migrate()
            try:
                async with asyncio.TaskGroup() as group:
                    for name in stage:
                        group.create_task(self.processes[name].start(self.http))
            except ExceptionGroup as failures:
                # The first tells most: the others were cancelled, or failed because of it.
                raise failures.exceptions[0] from None
        for process in self.processes.values():
            if process.state not in ALIVE:
                raise ComponentFailed(
                    process.component.name, f"died ({process.exit_words})", process.component.log_file
                )

    async def _migrate(self) -> None:
        """Bring the database's schema up to date once, before several instances open it."""
        self.reporter.say("preparing the database")
        log_file = self.settings.layout.log_file("migrate")
        with log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._api_command,
                "migrate",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=api_environment(self.settings),
                preexec_fn=dies_with(os.getpid()),
            )
        try:
            async with asyncio.timeout(_MIGRATE_SECONDS):
                status = await process.wait()
        except TimeoutError:
            raise ComponentFailed("migrate", f"did not finish within {_MIGRATE_SECONDS:g} s", log_file) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0:
            raise ComponentFailed("migrate", f"failed ({describe_exit(status)})", log_file)

    # Watching

    def _changed(self, process: ManagedProcess) -> None:
        self._save()
        self.reporter.changed(process)

    def _output(self, line: str) -> None:
        self.reporter.say(line)

    def _died(self, process: ManagedProcess) -> None:
        self.reporter.say(death_line(process))
        self._keep_alive(process)

    def _keep_alive(self, process: ManagedProcess) -> None:
        if self.settings.restart and process.is_in(State.DEAD) and not self._stop_requested.is_set():
            self._in_background(self._start_again(process))

    async def _start_again(self, process: ManagedProcess) -> None:
        ran = asyncio.get_running_loop().time() - (process.started_at or 0.0)
        attempt = 0 if ran >= _STABLE_SECONDS else process.recent_restarts
        while process.is_in(State.DEAD):
            seconds = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
            process.set_state(State.RESTARTING)
            await asyncio.sleep(seconds)
            attempt += 1
            async with process.lock:
                if not process.is_in(State.RESTARTING):  # a command came first
                    return
                process.restarts += 1
                process.recent_restarts = attempt
                try:
                    await operations.bring_up(self, process)
                except ComponentFailed as error:
                    self.reporter.say(str(error))

    async def _watch_health(self) -> None:
        failed: dict[str, int] = {}
        while True:
            await asyncio.gather(*(self._probe(process, failed) for process in self.processes.values()))
            for process in self.processes.values():
                await self._bound_log(process.component)
            await asyncio.sleep(_HEALTH_SECONDS)

    async def _probe(self, process: ManagedProcess, failed: dict[str, int]) -> None:
        watched = {State.RUNNING, State.UNREADY}
        if process.state not in watched:
            return
        name = process.component.name
        ready = await answers(self.http, process.component.ready_url)
        failed[name] = 0 if ready else failed.get(name, 0) + 1
        if process.state not in watched:  # something else happened meanwhile
            return
        if ready:
            process.set_state(State.RUNNING)
        elif failed[name] >= _FAILED_PROBES:
            process.set_state(State.UNREADY)

    async def _bound_log(self, component: Component) -> None:
        """Beyond 64 MiB a log is copied to ``NAME.log.1`` and emptied; it is written in append mode, so that works."""
        path = component.log_file
        with contextlib.suppress(OSError):
            if path.stat().st_size > _MAX_LOG_BYTES:
                await asyncio.to_thread(shutil.copyfile, path, path.with_name(path.name + ".1"))
                os.truncate(path, 0)

    async def _refresh(self) -> None:
        while True:
            self.reporter.refresh()
            await asyncio.sleep(1.0)

    def _in_background(self, *works: Any) -> None:  # noqa: ANN401
        for work in works:
            task = asyncio.create_task(work)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    # Stopping

    async def _stop_all(self) -> None:
        self._stop_requested.set()
        self.state = "stopping"
        self.reporter.say("stopping; data stays in " + str(self.settings.layout.data))
        await self.faults.end_all()
        stopping = asyncio.create_task(self._stop_in_order())
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stopping, hurry}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            self.reporter.say("second signal: killing what still runs")
            for process in self.processes.values():
                process.expect_end()
                process.send(signal.SIGKILL)
        await stopping
        hurry.cancel()

    async def _stop_in_order(self) -> None:
        groups: tuple[list[ManagedProcess], ...] = ([], [], [])
        for name, process in self.processes.items():
            if name in _STOP_FIRST:
                groups[0].append(process)
            elif process.component.drains or name in _STOP_SECOND:
                groups[1].append(process)
            else:
                groups[2].append(process)
        for group in groups:
            await asyncio.gather(*(operations.stop_for_good(self, process) for process in group))

    # Commands

    async def _command(self, request: Request, progress: Progress) -> dict[str, Any]:
        command, name = request.command, request.name
        if command == "status":
            return {"state": stack_document(self)}
        if command == "down":
            progress("stopping")
            self._stop_requested.set()
            await self._stopped.wait()
            return {"message": "stopped"}
        if self._stop_requested.is_set():
            raise CommandRefused("the stack is stopping")
        if command == "fault":
            return {"message": await self.faults.tell(name, request.told, request.for_seconds)}
        operation = operations.BY_NAME.get(command)
        if operation is None:
            raise CommandRefused(f"unknown command {command!r}")
        process = self.processes.get(name or "")
        if process is None:
            raise CommandRefused(f"no component is called {name!r}; there are {', '.join(self.processes)}")
        try:
            return {"message": await operation(self, process, progress)}
        except ComponentFailed:
            # It ended while a command waited for it, which is no death that _died hears of.
            self._keep_alive(process)
            raise

    def _save(self) -> None:
        """A full disk must not end what runs: the next change tries again, and ``status`` asks the supervisor."""
        with contextlib.suppress(OSError):
            write_document(self)
