"""From settings to a running supervisor: in the foreground, or in the background with ``--detach``."""

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import IO

from rich.console import Console

from photo_stack.backends import with_backends
from photo_stack.components import Component, components
from photo_stack.errors import CannotStart, StackError
from photo_stack.grafana import grafana_stage
from photo_stack.layout import StackSettings
from photo_stack.preflight import check_ports, find_binaries, photo_api_command
from photo_stack.process import ManagedProcess, State
from photo_stack.reporting import LineReporter, LiveReporter, LoggingReporter, Reporter, state_line, url_lines
from photo_stack.state import sole_supervisor
from photo_stack.supervisor import Supervisor

_UNEXPECTED = 70  # EX_SOFTWARE; the traceback is in the supervisor's log

MakeReporter = Callable[[Iterable[ManagedProcess]], Reporter]


def run_in_foreground(settings: StackSettings) -> None:
    """Run until Ctrl-C, SIGTERM or ``photo-stack down``.

    Raises:
        StackError: nothing runs any more; the message says why.
    """
    console = Console()
    settings.layout.create()
    _supervise(
        settings,
        lambda processes: LiveReporter(console, processes) if console.is_terminal else LineReporter(sys.stdout),
    )


def run_in_background(settings: StackSettings, progress: Callable[[str], None]) -> None:
    """Start a supervisor in a session of its own and return when the stack is ready.

    Raises:
        StackError: it did not come up; nothing is left running.
    """
    settings.layout.create()
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            status = _background_main(settings, pipe)
        os._exit(status)
    os.close(writing)
    ready, problem = False, ""
    try:
        with os.fdopen(reading) as pipe:
            for line in pipe:
                message = json.loads(line)
                ready = ready or "ready" in message
                problem = message.get("problem", problem)
                if "say" in message:
                    progress(message["say"])
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    if not ready:
        _, status = os.waitpid(pid, 0)
        log_file = settings.layout.log_file("supervisor")
        problem = problem or f"the supervisor ended before the stack was ready; log file: {log_file}"
        cannot_start = os.waitstatus_to_exitcode(status) == CannotStart.exit_code
        raise CannotStart(problem) if cannot_start else StackError(problem)


class _PipeReporter:
    """Speaks to the process that waits for readiness, in JSON lines, and is silent after."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe

    def send(self, **message: str) -> None:
        if self._pipe.closed:
            return
        try:
            print(json.dumps(message), file=self._pipe, flush=True)
        except OSError:  # nobody waits any more; the stack goes on
            self._pipe = open(os.devnull, "w")  # noqa: PTH123, SIM115

    def say(self, line: str) -> None:
        self.send(say=line)

    def changed(self, process: ManagedProcess) -> None:
        if process.state is not State.DEAD:
            self.send(say=state_line(process))

    def ready(self, components: Iterable[Component]) -> None:
        for line in url_lines(components):
            self.send(say=line)
        self.send(ready="")
        self._pipe.close()

    def refresh(self) -> None:
        pass

    def close(self) -> None:
        pass


def _background_main(settings: StackSettings, pipe: IO[str]) -> int:
    """The child of ``--detach``; returns its exit code, and never raises: its caller's stack is not its own."""
    reporter = _PipeReporter(pipe)
    try:
        os.setsid()
        _redirect_standard_streams(settings)
        _supervise(settings, lambda _: reporter)
    except StackError as error:
        reporter.send(problem=str(error))
        return error.exit_code
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
        return _UNEXPECTED
    return 0


def _redirect_standard_streams(settings: StackSettings) -> None:
    """Away from the terminal: nothing in, everything else into the supervisor's log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(settings.layout.log_file("supervisor"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)


def _supervise(settings: StackSettings, make_reporter: MakeReporter) -> None:
    layout = settings.layout
    with sole_supervisor(layout):
        api_command = photo_api_command()
        binaries = find_binaries(profile=settings.profile)
        check_ports(settings.ports)
        settings, backends = with_backends(settings, binaries)
        stages = (*backends, *components(settings, binaries, api_command), grafana_stage(settings))

        async def run() -> None:
            supervisor = Supervisor(
                settings,
                stages,
                api_command,
                lambda processes: LoggingReporter(make_reporter(processes), layout.log_file("supervisor")),
            )
            await supervisor.run()

        asyncio.run(run())
