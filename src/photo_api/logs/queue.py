"""The bounded queue between the service and its log sink: full of what the sink has not taken yet, never in the way."""

import asyncio
import heapq
import itertools
import random
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from photo_api.config import Settings
from photo_api.logs.pipeline import subscribe
from photo_api.logs.sink import FileSink, LogSink, LogSinkUnavailable, Sent
from photo_metrics import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

_log = structlog.get_logger("photo_api.logs")

BATCH: Final = 500
TRIES: Final = 6
CANCEL_SECONDS: Final = 1.0
_MAX_BYTES: Final = 32 * 1024 * 1024
_BATCH_BYTES: Final = 4 * 1024 * 1024


class _Record(NamedTuple):
    """A record, and how often the sink has refused it in particular."""

    line: bytes
    refusals: int = 0
    doubted_after: int | None = None
    """How many records the sink had taken when it doubted this one."""


class LogQueue:
    """Gathers the process's log records and hands them to a sink in batches (the guide's section 3.2).

    Policy when full (``log_queue_capacity`` records, or 32 MiB): the oldest waiting record is dropped and counted,
    ``reason="queue_full"``; what the sink refuses for good, or `TRIES` times, is ``rejected``, what a fault of the
    sink's code loses ``send_failed``, what cannot be sent in the ``flush_seconds`` of a shutdown ``shutdown``. A record
    that was refused rests, longer each time, while others are sent. One that the sink doubts rests too, and is sent on
    its own; that it failed again counts as a refusal only if the sink took others meanwhile. What queue and sink say
    of themselves goes to standard output alone.
    """

    def __init__(
        self,
        settings: Settings,
        recorder: Recorder,
        *,
        sink: LogSink | None = None,
        linger_seconds: float = 0.2,
        send_seconds: float = 10.0,
        backoff_seconds: tuple[float, float] = (0.5, 30.0),
        flush_seconds: float = 5.0,
    ) -> None:
        path = settings.log_file or settings.data_dir / "logs" / "photo-api.jsonl"
        self._sink: LogSink = FileSink(path, recorder) if sink is None else sink
        self._recorder = recorder
        self._capacity = settings.log_queue_capacity
        self._linger_seconds = linger_seconds
        self._send_seconds = send_seconds
        self._backoff_seconds = backoff_seconds
        self._flush_seconds = flush_seconds
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._batch: list[_Record] = []
        self._resting: list[tuple[float, int, _Record]] = []
        """Heap of (when it is due, a number that no other has, what)."""
        self._order = itertools.count()
        self._taken = 0
        self._failures = 0
        self._sleeping = False
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def open(self) -> None:
        """Begin to gather and send."""
        await self._sink.open()
        self._loop = asyncio.get_running_loop()
        self._worker = asyncio.create_task(self._run(), name="log queue")
        self._recorder.collect_log_queue_size(self.size)
        self._unsubscribe = subscribe(self.put)

    async def close(self) -> None:
        """Send what waits, as far as that succeeds in ``flush_seconds``; the rest is dropped and counted."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._worker is not None:
            self._closing.set()
            self._arrived.set()
            await asyncio.wait({self._worker}, timeout=self._flush_seconds)
            self._worker.cancel()
            ended, _ = await asyncio.wait({self._worker}, timeout=CANCEL_SECONDS)  # a sink may hold on to its task
            for worker in ended:
                with suppress(asyncio.CancelledError):
                    worker.result()
            self._worker = None
        with self._lock:
            lost = self._size()
            self._waiting.clear()
            self._resting = []
            self._batch = []
            self._bytes = 0
        if lost:
            self._recorder.log_dropped("shutdown", lost)
            _log.warning("log_records_lost_at_shutdown", records=lost, local_only=True)
        await self._sink.close()

    async def ping(self) -> None:
        """Cheap check that the sink answers; raises `LogSinkUnavailable`."""
        await self._sink.ping()

    def size(self) -> int:
        """Records that the sink has not taken yet, those being sent included."""
        return self._size()

    def _size(self) -> int:
        return len(self._waiting) + len(self._batch) + len(self._resting)

    def put(self, record: bytes) -> None:
        """Queue a record; from any thread, without waiting."""
        dropped = 0
        with self._lock:
            self._waiting.append(record)
            self._bytes += len(record)
            while self._waiting and (self._size() > self._capacity or self._bytes > _MAX_BYTES):
                self._bytes -= len(self._waiting.popleft())
                dropped += 1
            wake = self._sleeping
            self._sleeping = False
        if dropped:
            self._recorder.log_dropped("queue_full", dropped)
        if wake and self._loop is not None:
            with suppress(RuntimeError):  # a thread's last words after the loop has closed
                self._loop.call_soon_threadsafe(self._arrived.set)

    async def _run(self) -> None:
        """Send batch after batch until closing and empty."""
        while True:
            self._take()
            if self._batch:
                await self._send_until_settled()
                if self._closing.is_set() and self._resting:
                    await asyncio.sleep(self._linger_seconds)
                continue
            if self._closing.is_set():
                return
            self._arrived.clear()
            with self._lock:
                self._sleeping = not self._waiting
                due = self._resting[0][0] if self._resting else None
            if self._sleeping:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._arrived.wait()
            await self._pause(self._linger_seconds)  # so that a burst becomes one batch

    def _take(self) -> None:
        """Fill the batch: with what has rested long enough, then with what waits."""
        now = asyncio.get_running_loop().time()
        size = 0
        with self._lock:
            while len(self._batch) < BATCH and size < _BATCH_BYTES:
                if self._resting and (self._resting[0][0] <= now or self._closing.is_set()):
                    alone = self._resting[0][2].doubted_after is not None
                    if alone and self._batch:
                        return
                    record = heapq.heappop(self._resting)[2]
                    if alone:
                        self._batch.append(record)
                        return
                elif self._waiting:
                    record = _Record(self._waiting.popleft())
                else:
                    return
                self._batch.append(record)
                size += len(record.line)

    async def _send_until_settled(self) -> None:
        """Send the batch, again and again with growing pauses (short ones once closing, for `close` sets the end)."""
        shortest, longest = self._backoff_seconds
        pause = shortest
        while self._batch:
            taken = self._taken
            why_away = await self._send()
            if self._failures and self._taken > taken:
                _log.info("log_sink_available_again", failures=self._failures, waiting=self.size(), local_only=True)
                self._failures = 0
            if why_away is None:
                pause = shortest
                continue
            self._failures += 1
            if self._failures == 1:
                _log.warning("log_sink_unavailable", reason=why_away, local_only=True)
            if self._closing.is_set():
                await asyncio.sleep(self._linger_seconds)
            else:
                await self._pause(pause * _jitter())
            pause = min(pause * 2, longest)

    async def _send(self) -> str | None:
        """Send the batch once: what was not settled stays in it. Why the sink is away, if it is."""
        try:
            async with asyncio.timeout(self._send_seconds):  # `wait_for` may swallow the cancel of `close`
                sent = await self._sink.send([record.line for record in self._batch])
        except (LogSinkUnavailable, TimeoutError) as error:
            return str(error) or "no answer in time"
        except Exception:  # noqa: BLE001 - a sink's fault must not end the worker
            _log.exception("log_sink_failed", local_only=True)
            self._recorder.log_dropped("send_failed", len(self._batch))
            sent = Sent()
        self._settle(sent)
        return None

    def _settle(self, sent: Sent) -> None:
        """Keep what is left, let rest what was refused, forget and count what was refused for good."""
        with self._lock:
            batch = self._batch
            self._batch = [batch[position] for position in sent.left]
            self._taken += len(batch) - sum(map(len, (sent.rejected, sent.failed, sent.doubted, sent.left)))
            refused = [batch[position]._replace(refusals=batch[position].refusals + 1) for position in sent.failed]
            refused += [self._doubted(batch[position]) for position in sent.doubted]
            resting = [record for record in refused if record.refusals < TRIES]
            for record in resting:
                heapq.heappush(self._resting, (self._due(record), next(self._order), record))
            self._bytes += _size(resting) + _size(self._batch) - _size(batch)
        rejected = len(sent.rejected) + len(refused) - len(resting)
        if rejected:
            self._recorder.log_dropped("rejected", rejected)
            _log.warning("log_records_rejected", records=rejected, reason=sent.reason, local_only=True)

    def _doubted(self, record: _Record) -> _Record:
        """The record after the sink has failed over it alone; refused, if the sink has taken others since last time."""
        taken_since = record.doubted_after is not None and record.doubted_after < self._taken
        return record._replace(refusals=record.refusals + taken_since, doubted_after=self._taken)

    def _due(self, record: _Record) -> float:
        """When it may be sent again: a doubted one after the longest rest, for its sink may be in trouble."""
        shortest, longest = self._backoff_seconds
        rest = longest if record.doubted_after is not None else min(shortest * 2 ** (record.refusals - 1), longest)
        return asyncio.get_running_loop().time() + rest * _jitter()

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until closing begins."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()


def _jitter() -> float:
    return random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it


def _size(records: list[_Record]) -> int:
    return sum(len(record.line) for record in records)
