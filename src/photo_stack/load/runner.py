"""A run: slots are granted at the pace, flows started for them, and everything ends by itself or at a signal."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from photo_stack.load.pacing import Pacer, SlotQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from photo_stack.load.pacing import Flow
    from photo_stack.load.scenarios import Scenario

_MOST_FLOWS: Final = 2_000
_FINISH_SECONDS: Final = 15.0
_REPORT_EVERY_SECONDS: Final = 0.5


@dataclass(slots=True)
class RunSummary:
    """How the run itself went. `idle_slots`: nobody had anything to do; `missed_slots`: this process was too late."""

    seconds: float = 0.0
    slots: int = 0
    idle_slots: int = 0
    missed_slots: int = 0
    refused_flows: int = 0
    worst_lag_seconds: float = 0.0
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain values; durations rounded to a millisecond."""
        return {
            "seconds": round(self.seconds, 3),
            "slots": self.slots,
            "idle_slots": self.idle_slots,
            "missed_slots": self.missed_slots,
            "refused_flows": self.refused_flows,
            "worst_lag_seconds": round(self.worst_lag_seconds, 3),
            "interrupted": self.interrupted,
        }


class Run:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, rate: float, seconds: float) -> None:
        """`rate` in requests a second."""
        self._scenario = scenario
        self._pacer = Pacer(rate, seconds)
        self._rate = rate
        self._queue = SlotQueue()
        self._flows: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self.summary = RunSummary()

    def interrupt(self) -> None:
        """End early: the first call lets what is under way finish, a second one cuts it off."""
        if self.summary.interrupted:
            for flow in self._flows:
                flow.cancel()
        self.summary.interrupted = True
        self._pacer.stop()

    async def run(self, report: Callable[[], None]) -> RunSummary:
        """Run to the end; `report` is called twice a second. An error that is not the service's is raised after."""
        started = time.monotonic()
        reporter = asyncio.create_task(_periodically(report))
        try:
            async for _ in self._pacer.slots():
                if not self._queue.grant() and not self._start():
                    self.summary.idle_slots += 1
                if self._failures:
                    break
            await self._finish()
        finally:
            reporter.cancel()
            for flow in self._flows:
                flow.cancel()
            await asyncio.gather(*self._flows, reporter, return_exceptions=True)
            self.summary.seconds = time.monotonic() - started
            self.summary.slots = self._pacer.granted
            self.summary.missed_slots = self._pacer.missed
            self.summary.worst_lag_seconds = self._pacer.worst_lag
        if self._failures:
            raise self._failures[0]
        return self.summary

    def _start(self) -> bool:
        """Start the scenario's next flow on this slot; its first request leaves at once."""
        if len(self._flows) >= _MOST_FLOWS:
            self.summary.refused_flows += 1
            return True
        flow = self._scenario.next_flow()
        if flow is None:
            return False
        task = asyncio.create_task(_on_slot(flow, self._queue))
        self._flows.add(task)
        task.add_done_callback(self._ended)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._flows.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    async def _finish(self) -> None:
        """Let flows that have begun (an upload between PUT and confirm) go on at the same pace, for a bounded time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FINISH_SECONDS):
                while self._flows and not self._failures:
                    self._queue.grant()
                    await asyncio.wait(set(self._flows), timeout=1 / self._rate)


async def _on_slot(flow: Flow, queue: SlotQueue) -> None:
    first = True

    async def turn() -> None:
        nonlocal first
        if first:
            first = False
            return
        await queue.turn()

    await flow(turn)


async def _periodically(report: Callable[[], None]) -> None:
    while True:
        report()
        await asyncio.sleep(_REPORT_EVERY_SECONDS)
