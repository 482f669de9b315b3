"""What people see: one live line on a terminal while the load runs, and a table of every operation at the end."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING, Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path

    from photo_stack.load.counts import Counts

_MEGABYTE: Final = 1_000_000
_WIDTH_OF_FILES: Final = 110


class Progress:
    """A line that is rewritten in place; says nothing where the stream is not a terminal."""

    def __init__(self, stream: IO[str]) -> None:
        """Nothing is drawn before the first call of `pictures` or `update`."""
        self._console = Console(file=stream)
        self._live: Live | None = None
        self._started: float | None = None
        self._last: tuple[float, int] = (0.0, 0)

    def pictures(self, ready: int, wanted: int) -> None:
        """Tell how many pictures are ready."""
        self._show(f"preparing pictures: {ready} of {wanted}")

    def update(self, counts: Counts, rate: float, seconds: float) -> None:
        """Tell how the run goes; the rate shown is that since the call before."""
        now = time.monotonic()
        if self._started is None:
            self._started = now
            self._last = (now, 0)
        since, sent = self._last
        current = (counts.sent - sent) / (now - since) if now > since else 0.0
        self._last = (now, counts.sent)
        p95 = counts.latency.quantile(0.95)
        slow = f"P95 {1000 * p95:.0f} ms" if p95 is not None else "P95 -"
        elapsed = f"{now - self._started:.0f} of {seconds:.0f} s"
        self._show(f"{elapsed}  sent {counts.sent}  {current:.1f} of {rate:g} rps  errors {counts.problems}  {slow}")

    def close(self) -> None:
        """Remove the line."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _show(self, line: str) -> None:
        if not self._console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(Text(line, overflow="ellipsis", no_wrap=True), refresh=True)


def render_report(result: dict[str, Any], path: Path, stream: IO[str] | None = None) -> None:
    """Print the result as a table, then totals and where the JSON is."""
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, width=_WIDTH_OF_FILES)
    table = Table(
        title=f"{result['kind']}: {result['target']}; latency in ms",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("operation", no_wrap=True)
    table.add_column("answers", min_width=12)
    for heading in ("sent", "faults", "MB", "P50", "P95", "P99"):
        table.add_column(heading, justify="right")
    for name, counted in result["operations"].items():
        table.add_row(name, *_cells(counted))
    console.print(table)
    totals, pacing = result["totals"], result["pacing"]
    sent = f"{totals['sent']} requests in {pacing['seconds']:.1f} s"
    received = f"{totals['bytes_received'] / _MEGABYTE:.1f} MB received, {totals['bytes_sent'] / _MEGABYTE:.1f} MB sent"
    console.print(f"{sent}, {received}{', interrupted' if pacing['interrupted'] else ''}")
    console.print(
        f"unexpected answers {totals['unexpected']}, transport errors {totals['transport_errors']},"
        f" failed GETs {totals['failed_gets']}, broken bodies {totals['broken_bodies']} (resumed and verified"
        f" {totals['resumed_bodies']}, lost {totals['lost_bodies']}), corrupt bodies {totals['corrupt_bodies']},"
        f" breaches {sum(totals['breaches'].values())}"
    )
    for sample in result["samples"]:
        console.print(f"  {sample['operation']}: {sample['outcome']}: {sample['said']}", markup=False)
    console.print(f"JSON: {path}", soft_wrap=True, markup=False)


def _cells(counted: dict[str, Any]) -> list[str]:
    latency = counted["latency_ms"]
    answers = ", ".join(f"{status}: {number}" for status, number in counted["status"].items())
    faults = sum((*counted["unexpected"].values(), *counted["transport_errors"].values()))
    faults += counted["broken_bodies"] + counted["corrupt_bodies"]
    megabytes = (counted["bytes_received"] + counted["bytes_sent"]) / _MEGABYTE
    quantiles = (f"{latency[name]:.0f}" if latency else "" for name in ("p50", "p95", "p99"))
    return [answers, str(counted["sent"]), str(faults) if faults else "-", f"{megabytes:.1f}", *quantiles]
