"""What the instance says of itself: ready or not, why, and which shared dependencies answer.

Policy (the guide's section 1.1, corrected): not ready is only what is this instance's own fault or wish: starting,
draining, stopping, a schema older than the code, an event loop that stalls. A shared dependency that is away leaves
every instance ready and *degraded*, or all of them would leave the load balancer at once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final, Literal, Protocol

import orjson
import structlog

from photo_api.config import Settings
from photo_api.database import Database, StatementFailed
from photo_api.database.migrate import known_revisions
from photo_api.health.probes import Probe
from photo_metrics import Recorder

_log = structlog.get_logger("photo_api.health")

BEAT_SECONDS: Final = 0.25
STALLED_SECONDS: Final = 2.0
"""The loop counts as stalled when it wakes this much too late, and until it woke in time for as long."""
_PROBE_TIMEOUT_SECONDS: Final = 2.0

Fault = Literal["starting", "draining", "stopping", "schema_behind", "loop_stalled"]
_PLANNED: Final = frozenset({"starting", "draining", "stopping"})
Dependency = Literal["database", "object_storage", "log_service", "cdn", "redis"]


class Pinged(Protocol):
    """A dependency: anything with a cheap check that raises when it is away."""

    async def ping(self) -> None:
        """Check."""
        ...


class Health:
    """The instance's state; its answers are prepared bytes, made anew when something changes."""

    def __init__(
        self,
        settings: Settings,
        recorder: Recorder,
        *,
        database: Database,
        storage: Pinged,
        log_service: Pinged,
        redis: Pinged | None = None,
        cdn: Pinged | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._database = database
        self._clock = clock
        self._faults: set[Fault] = {"starting"}
        self._dependencies: dict[Dependency, bool] = {}
        self._asked: dict[Dependency, Callable[[], Awaitable[object]]] = {
            "database": self._check_database,
            "object_storage": storage.ping,
            "log_service": log_service.ping,
        }
        if redis is not None:
            self._asked["redis"] = redis.ping
        if cdn is not None:
            self._asked["cdn"] = cdn.ping
        self._revisions: frozenset[str] = frozenset()
        self._head = ""
        self._late_until = 0.0
        self.ready_body = b""
        """The answer while `ready`."""
        self._changed()

    @property
    def ready(self) -> bool:
        """Whether the instance wants traffic."""
        return not self._faults

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the instance is not ready, sorted."""
        return tuple(sorted(self._faults))

    def set_ready(self) -> None:
        """Everything is open; a drain that has begun meanwhile goes on."""
        self._clear("starting")

    def set_stopping(self) -> None:
        """The parts are about to be closed."""
        self._raise("stopping")

    def start_draining(self, deadline_unix_seconds: float) -> None:
        """Refuse new traffic while serving goes on; the drain, and a restart, should be over at the deadline."""
        self._recorder.set_drain_deadline(deadline_unix_seconds)
        self._raise("draining")

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Probe the dependencies (once before the block begins) and watch the event loop while the block lasts."""
        self._head, self._revisions = await asyncio.to_thread(known_revisions)
        async with AsyncExitStack() as stack:
            probes = {
                name: Probe(ask, min(_PROBE_TIMEOUT_SECONDS, self._settings.dependency_probe_seconds))
                for name, ask in self._asked.items()
            }
            for probe in probes.values():
                stack.push_async_callback(probe.close)
            await asyncio.gather(*(self._probe(name, probe) for name, probe in probes.items()))
            for name, probe in probes.items():
                await stack.enter_async_context(_running(self._keep_probing(name, probe), f"probe of {name}"))
            await stack.enter_async_context(_running(self._watch_loop(), "event loop watch"))
            yield

    async def _keep_probing(self, name: Dependency, probe: Probe) -> None:
        while True:
            await asyncio.sleep(self._settings.dependency_probe_seconds)
            await self._probe(name, probe)

    async def _probe(self, name: Dependency, probe: Probe) -> None:
        up = await probe.answers()
        self._recorder.dependency_up(name, up)
        before = self._dependencies.get(name)
        if before == up:
            return
        self._dependencies[name] = up
        self._changed()
        if not up:
            _log.warning("dependency_down", dependency=name)
        elif before is not None:
            _log.info("dependency_up", dependency=name)

    async def _check_database(self) -> None:
        """One round trip, which also reads the schema's revision.

        A revision that this code does not know is a newer one: the next version has migrated already, and this one
        goes on until it is replaced; migrations therefore must only add what older code can live with.
        """
        try:
            row = await self._database.fetch_one("SELECT version_num FROM alembic_version")
        except StatementFailed:  # there is no such table: nothing was ever migrated
            row = None
        revision = None if row is None else row[0]
        if revision == self._head or (revision is not None and revision not in self._revisions):
            self._clear("schema_behind")
        else:
            self._raise("schema_behind", found=revision, needed=self._head)

    async def _watch_loop(self) -> None:
        """Measure how late the loop wakes; the metric of it is the recorder's."""
        while True:
            due = self._clock() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            self.woke_late(self._clock() - due)

    def woke_late(self, seconds: float) -> None:
        """The loop woke this much later than asked."""
        self._recorder.event_loop_lag(seconds)
        now = self._clock()
        if seconds >= STALLED_SECONDS:
            self._late_until = now + STALLED_SECONDS
            self._raise("loop_stalled", late_seconds=round(seconds, 3))
        elif "loop_stalled" in self._faults and now >= self._late_until:
            self._clear("loop_stalled")

    def _raise(self, fault: Fault, **details: object) -> None:
        if fault not in self._faults:
            self._faults.add(fault)
            self._changed()
            level = logging.INFO if fault in _PLANNED else logging.WARNING
            _log.log(level, "not_ready", fault=fault, **details)

    def _clear(self, fault: Fault) -> None:
        if fault in self._faults:
            self._faults.remove(fault)
            self._changed()
            _log.info("no_longer", fault=fault, ready=self.ready)

    def _changed(self) -> None:
        dependencies = {name: "up" if up else "down" for name, up in self._dependencies.items()}
        self._recorder.set_ready(self.ready)
        degraded = not all(self._dependencies.values())
        self.ready_body = orjson.dumps({"status": "degraded" if degraded else "ok", "dependencies": dependencies})


@asynccontextmanager
async def _running(work: Awaitable[None], name: str) -> AsyncIterator[None]:
    """Run ``work`` while the block lasts."""
    task = asyncio.ensure_future(work)
    if isinstance(task, asyncio.Task):
        task.set_name(name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
