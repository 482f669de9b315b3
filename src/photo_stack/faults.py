"""Faults of a running stack's servers: told to them over HTTP, remembered for ``status``, ended in time."""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp

from photo_stack.components import Component
from photo_stack.errors import CommandRefused
from photo_stack.reporting import Say

LONGEST_SECONDS: Final = 86_400.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a server was told, and the moment when it ends; ``timer`` ends it."""

    told: Mapping[str, Any]
    until: datetime
    timer: asyncio.Task[None]


class Faults:
    """Of the servers that declare in ``Component.faults`` where they are told.

    Policy: a fault ends after its time, with the server's next start, or with that of the proxy before it.
    """

    def __init__(self, components: Iterable[Component], say: Say, changed: Callable[[], None]) -> None:
        """``changed`` is called whenever ``current`` is another."""
        self._say = say
        self._changed = changed
        self._url: dict[str, str] = {}
        self._by_component: dict[str, set[str]] = {}
        for component in components:
            self._url |= component.faults
            # Who stands behind a proxy is called as its faults are.
            self._by_component.setdefault(component.name, {component.name}).update(component.faults)
        self._current: dict[str, Fault] = {}

    @property
    def current(self) -> Mapping[str, Fault]:
        """Server → its faults now."""
        return self._current

    async def tell(self, name: str | None, told: Mapping[str, Any], seconds: float) -> str:
        """Let a server be faulty for that long, in place of what was told before; nothing told ends it.

        Raises:
            CommandRefused: no such server, one that does not answer, or a fault that it does not know.
        """
        url = self._url.get(name or "")
        if name is None or url is None:
            known = ", ".join(sorted(self._url))
            raise CommandRefused(
                f"{name!r} cannot be told faults; these can: {known}"
                if known
                else "no server here can be told faults: start the stack with --profile production"
            )
        if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_SECONDS):
            raise CommandRefused(f"--seconds {seconds:g}: must be at most {LONGEST_SECONDS:g}, and more than 0")
        await self._send(name, url, told)
        self._forget(name)
        if not told:
            self._changed()
            return f"{name} has no faults"
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        self._current[name] = Fault(dict(told), until, asyncio.create_task(self._end_after(name, seconds)))
        self._changed()
        return f"{name}: {in_words(told)} for {seconds:g} s; photo-stack fault {name} --clear ends it"

    async def started(self, component: Component) -> None:
        """A component was started anew: what was told to it is over."""
        for name in self._by_component.get(component.name, set()) & self._current.keys():
            self._forget(name)
            with suppress(CommandRefused):
                await self._send(name, self._url[name], {})
            self._changed()

    async def end_all(self) -> None:
        """For an orderly end of all: who waits for a server that hangs would not finish."""
        names = list(self._current)
        for name in names:
            self._forget(name)
        await asyncio.gather(*(self._send(name, self._url[name], {}) for name in names), return_exceptions=True)

    async def _send(self, name: str, url: str, told: Mapping[str, Any]) -> None:
        method = "PUT" if told else "DELETE"
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as http,
                http.request(method, url, json=dict(told) if told else None) as answer,
            ):
                said = (await answer.text()).strip()[:300]
        except (aiohttp.ClientError, TimeoutError):
            raise CommandRefused(f"{name} could not be told: nothing answers at {url}") from None
        if answer.status != 200:
            raise CommandRefused(f"{name}: {said}")

    async def _end_after(self, name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(CommandRefused):
            await self._send(name, self._url[name], {})
        self._current.pop(name, None)
        self._changed()
        self._say(f"{name} has no faults any more")

    def _forget(self, name: str) -> None:
        fault = self._current.pop(name, None)
        if fault is not None:
            fault.timer.cancel()


def in_words(told: Mapping[str, Any]) -> str:
    """``latency 2 s, status 503 for a share of 0.5``."""
    parts = [f"latency {told['latency_seconds']:g} s"] if told.get("latency_seconds") else []
    if told.get("status"):
        parts.append(f"status {told['status']}")
    parts.extend(name for name in ("reset", "hang", "refuse") if told.get(name))
    share = told.get("share", 1.0)
    return ", ".join(parts) + (f" for a share of {share:g}" if share < 1 else "")
