"""What the supervisor says while it works: a live table on a terminal, else plain lines; and always its own log."""

import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

import psutil
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from photo_stack.components import Component
from photo_stack.process import ALIVE, HEALTHY, ManagedProcess, State

Say = Callable[[str], None]

_STYLES = {State.RUNNING: "green", State.DEAD: "bold red", State.UNREADY: "yellow", State.RESTARTING: "yellow"}


class Reporter(Protocol):
    """How the supervisor is seen."""

    def say(self, line: str) -> None:
        """Something happened."""

    def changed(self, process: ManagedProcess) -> None:
        """A component's state changed."""

    def ready(self, components: Iterable[Component]) -> None:
        """Everything runs; say what each URL is for."""

    def refresh(self) -> None:
        """Called about once a second."""

    def close(self) -> None:
        """Nothing more will be said."""


class LineReporter:
    """A line on a stream whenever something changes; a reader that went away is not missed."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream: IO[str] | None = stream

    def say(self, line: str) -> None:
        """Write the line."""
        if self._stream is None:
            return
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:  # such as a closed pipe: `photo-stack up | head`
            _abandon(self._stream)
            self._stream = None

    def changed(self, process: ManagedProcess) -> None:
        """One line: name, state and the process's id; a death is said by the supervisor."""
        if process.state is not State.DEAD:
            self.say(state_line(process))

    def ready(self, components: Iterable[Component]) -> None:
        """The URLs, one a line."""
        for line in url_lines(components):
            self.say(line)

    def refresh(self) -> None:
        """Lines do not age."""

    def close(self) -> None:
        """Lines are flushed already."""


class LiveReporter:
    """A table of all components, redrawn in place, with what happens scrolling above it."""

    def __init__(self, console: Console, processes: Iterable[ManagedProcess]) -> None:
        self._console = console
        self._processes = list(processes)
        self._gone = False
        # Redrawn by the supervisor's own loop: a thread of Rich's would be alive while processes are forked.
        self._live = Live(self._table(), console=console, auto_refresh=False, transient=True)
        self._draw(self._live.start)

    def say(self, line: str) -> None:
        """Print above the table."""
        self._draw(lambda: self._console.print(Text(line)))

    def changed(self, process: ManagedProcess) -> None:
        """Redraw; a death is said by the supervisor."""
        del process
        self.refresh()

    def ready(self, components: Iterable[Component]) -> None:
        """The URLs, above the table."""
        for line in url_lines(components):
            self.say(line)
        self.refresh()

    def refresh(self) -> None:
        """Redraw."""
        self._draw(lambda: self._live.update(self._table(), refresh=True))

    def close(self) -> None:
        """Take the table away, so that the last lines stand alone."""
        self._draw(self._live.stop)

    def _draw(self, draw: Callable[[], None]) -> None:
        if self._gone:
            return
        try:
            draw()
        except OSError:  # the terminal was closed; everything is still to be stopped in order
            _abandon(self._console.file)
            self._gone = True

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("component", "state", "pid", "memory", "for", "address"):
            table.add_column(heading, justify="right" if heading in {"pid", "memory", "for"} else "left")
        for process in self._processes:
            state = Text(process.state, style=_STYLES.get(process.state, ""))
            if process.state is State.DEAD and process.exit_words:
                state.append(f" ({process.exit_words})")
            pid = process.pid
            since = process.since
            table.add_row(
                process.component.name,
                state,
                str(pid or "–"),
                memory_in_words(pid),
                elapsed_in_words((datetime.now(UTC) - since).total_seconds()),
                process.component.url,
            )
        healthy = sum(process.state in HEALTHY for process in self._processes)
        return Group("", table, Text(f"{healthy} of {len(self._processes)} running · Ctrl-C stops everything", "dim"))


class LoggingReporter:
    """Passes everything on to another reporter, and writes events to the supervisor's own log with their time."""

    def __init__(self, inner: Reporter, log_file: Path) -> None:
        self._inner = inner
        self._log = log_file.open("a", encoding="utf-8")

    def say(self, line: str) -> None:
        """Log and pass on."""
        self._record(line)
        self._inner.say(line)

    def changed(self, process: ManagedProcess) -> None:
        """Log and pass on."""
        if process.state is not State.DEAD:
            self._record(state_line(process))
        self._inner.changed(process)

    def ready(self, components: Iterable[Component]) -> None:
        """Log and pass on."""
        self._record("ready")
        self._inner.ready(components)

    def refresh(self) -> None:
        """Pass on."""
        self._inner.refresh()

    def close(self) -> None:
        """Close both."""
        self._inner.close()
        self._log.close()

    def _record(self, line: str) -> None:
        self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
        self._log.flush()


def _abandon(stream: IO[str]) -> None:
    """Nobody reads it any more: what is still buffered, now or when Python ends, goes nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


def state_line(process: ManagedProcess) -> str:
    """``api-1: running (pid 4711)``."""
    detail = f" (pid {process.pid})" if process.pid and process.state in ALIVE else ""
    return f"{process.component.name}: {process.state}{detail}"


def death_line(process: ManagedProcess) -> str:
    """A component that died: its name, how, and where to look."""
    return f"{process.component.name} died ({process.exit_words}); log file: {process.component.log_file}"


def url_lines(components: Iterable[Component]) -> list[str]:
    """What each URL is for, in the order in which a newcomer opens them."""
    first = ("console", "haproxy", "prometheus", "prometheus-2", "alertmanager", "alertmanager-2")
    shown = sorted(components, key=lambda part: first.index(part.name) if part.name in first else len(first))
    width = max(len(component.url) for component in shown)
    return [f"  {component.url:<{width}}  {component.name}: {component.purpose}" for component in shown]


def memory_in_words(pid: int | None) -> str:
    """Resident memory of a process, in MiB."""
    if pid is None:
        return "–"
    try:
        return f"{psutil.Process(pid).memory_info().rss / 2**20:.0f} MiB"
    except psutil.Error:
        return "–"


def elapsed_in_words(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
