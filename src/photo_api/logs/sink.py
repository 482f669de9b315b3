"""Where log records go besides standard output: the protocol of a log service, and the file that stands in for it.

Policy: a log service that is away never disturbs a request. Its batch is kept and sent again (at least once: after
a failure half-way, records may arrive twice), newer records wait in the queue, the oldest of them are dropped when it
is full, and each drop is counted. Single records that it refuses are sent again on their own.
"""

import asyncio
import fcntl
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from photo_metrics import Recorder


class LogSinkUnavailable(Exception):
    """The sink did not take the batch; send it again later."""


class Sent(NamedTuple):
    """What became of a batch, by position; what is not named was taken."""

    rejected: tuple[int, ...] = ()
    """Refused for good."""
    failed: tuple[int, ...] = ()
    """Refused this time; each may be tried a few times more."""
    doubted: tuple[int, ...] = ()
    """The service failed over this one alone: its own fault, unless it takes others and fails over this one again."""
    left: tuple[int, ...] = ()
    """Not tried yet; to be sent next."""
    reason: str = ""
    """Of the first that was not taken, for operators; no secret."""


class LogSink(Protocol):
    """Takes batches of records."""

    async def open(self) -> None:
        """Make ready; never fails because the log service is away."""
        ...

    async def close(self) -> None:
        """Release what is held."""
        ...

    async def send(self, records: Sequence[bytes]) -> Sent:
        """Hand over records, one line of JSON each: the first of them at least.

        Raises:
            LogSinkUnavailable: none was taken, or nobody knows which; send all of them again.
        """
        ...

    async def ping(self) -> None:
        """Cheap check that the sink answers; raises `LogSinkUnavailable`."""
        ...


class FileSink:
    """Appends JSON lines to a file, in a thread of its own; several processes may share the file.

    A file over ``rotate_bytes`` is renamed to ``NAME.1`` (the one before is lost) by whichever process comes first.
    """

    service: Final = "log_service"

    def __init__(self, path: Path, recorder: Recorder, *, rotate_bytes: int = 64 * 1024 * 1024) -> None:
        self._path = path
        self._recorder = recorder
        self._rotate_bytes = rotate_bytes
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None
        self._turn = asyncio.Lock()
        self._torn = False

    async def open(self) -> None:
        """Start the thread; the file is opened with each batch."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log-sink")

    async def close(self) -> None:
        """Let the thread end; a write that hangs is not waited for."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    async def send(self, records: Sequence[bytes]) -> Sent:
        """Append ``records``; none is ever refused."""
        with self._recorder.external_request(self.service, operation="send"):
            await self._in_thread(b"\n".join(records) + b"\n")
        return Sent()

    async def ping(self) -> None:
        """Check that the file can be opened for appending."""
        await self._in_thread(b"")

    async def _in_thread(self, data: bytes) -> None:
        """Append ``data`` when the write before has returned; being cancelled leaves a running write alone."""
        async with self._turn:
            await _returned(self._running)
            if self._thread is None:
                raise LogSinkUnavailable("the log file's writer is closed")
            self._running = self._thread.submit(self._append, data)
            await _returned(self._running)
        try:
            self._running.result()
        except OSError as error:
            raise LogSinkUnavailable(f"cannot write {self._path} ({error.strerror})") from error

    def _append(self, data: bytes) -> None:
        """Write ``data`` in one call, so that processes' lines do not mix; after a torn write, on a new line."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if not data:
                return
            if self._torn:
                data = b"\n" + data
            written = os.write(file, data)
            self._torn = written < len(data)
            while self._torn:  # a full disk takes a part, then says so
                data = data[written:]
                written = os.write(file, data)
                self._torn = written < len(data)
            self._rotate(file)
        finally:
            os.close(file)

    def _rotate(self, file: int) -> None:
        """Rename a file that has grown too large, unless another process has done so.

        A failure is no failure of the write: the next write tries again.
        """
        if os.fstat(file).st_size < self._rotate_bytes:
            return
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
            if os.path.samestat(os.fstat(file), self._path.stat()):
                self._path.rename(self._path.with_name(self._path.name + ".1"))


async def _returned(future: Future[None] | None) -> None:
    """Wait until a thread's work is over, however it ended, without cancelling it when the wait is cancelled."""
    if future is None or future.done():
        return
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def tell(_: Future[None]) -> None:
        with suppress(RuntimeError):  # the loop did not wait for a write that hung
            loop.call_soon_threadsafe(over.set)

    future.add_done_callback(tell)
    await over.wait()
