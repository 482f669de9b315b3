"""The queue towards the log service, with real files: writable, unwritable, and a pipe that nobody reads."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.support.samples import new_recorder, sample

from photo_api.config import Settings
from photo_api.logs.queue import BATCH, LogQueue
from photo_api.logs.sink import FileSink, LogSinkUnavailable, Sent
from photo_metrics import Recorder

DROPPED = "photo_api_log_dropped_total"
ERRORS = "photo_api_external_request_errors_total"


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "photo-api.jsonl"


@asynccontextmanager
async def opened(file: Path, recorder: Recorder, *, capacity: int = 10_000, **options: Any) -> AsyncIterator[LogQueue]:
    settings = Settings(data_dir=file.parent.parent, log_queue_capacity=capacity)
    values: dict[str, Any] = {"linger_seconds": 0.01, "backoff_seconds": (0.02, 0.05), "flush_seconds": 10.0}
    queue = LogQueue(settings, recorder, **(values | options))
    await queue.open()
    try:
        yield queue
    finally:
        await queue.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines() if file.exists() else []


async def test_records_reach_the_sink_in_order(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder) as queue:
        wanted = [b"%d" % number for number in range(3 * BATCH)]
        for record in wanted:
            queue.put(record)
        await until(lambda: queue.size() == 0)
        assert lines(file) == wanted


async def test_closing_sends_what_waits(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder, linger_seconds=60) as queue:
        queue.put(b"last words")
    assert lines(file) == [b"last words"]
    assert sample(recorder, DROPPED, reason="shutdown") == 0


async def test_the_size_is_published(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder, linger_seconds=60) as queue:
        for _ in range(7):
            queue.put(b"waiting")
        assert sample(recorder, "photo_api_log_queue_size") == 7


async def test_a_full_queue_drops_the_oldest_and_counts(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder, capacity=100, linger_seconds=60) as queue:
        for number in range(130):
            queue.put(b"%d" % number)
        assert queue.size() == 100
        assert sample(recorder, DROPPED, reason="queue_full") == 30
    assert lines(file) == [b"%d" % number for number in range(30, 130)]


async def test_large_records_are_bounded_by_their_bytes(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder, linger_seconds=60) as queue:
        for _ in range(40):
            queue.put(b"x" * 1024 * 1024)
        assert queue.size() == 32


async def test_a_sink_that_is_away_gets_everything_when_it_is_back(file: Path, recorder: Recorder) -> None:
    file.parent.touch()  # a file where its directory should be
    async with opened(file, recorder) as queue:
        for number in range(10):
            queue.put(b"%d" % number)
        await until(lambda: (sample(recorder, ERRORS, service="log_service") or 0) >= 3)
        assert queue.size() == 10
        file.parent.unlink()
        await until(lambda: queue.size() == 0)
    assert lines(file) == [b"%d" % number for number in range(10)]
    assert sample(recorder, DROPPED, reason="queue_full") == 0


async def test_what_cannot_be_sent_at_shutdown_is_counted(file: Path, recorder: Recorder) -> None:
    file.parent.touch()
    async with opened(file, recorder, flush_seconds=0.2) as queue:
        for _ in range(5):
            queue.put(b"lost")
    assert sample(recorder, DROPPED, reason="shutdown") == 5


async def test_a_write_that_hangs_blocks_neither_the_loop_nor_the_shutdown(file: Path, recorder: Recorder) -> None:
    file.parent.mkdir()
    os.mkfifo(file)  # opening it waits for a reader
    try:
        async with opened(file, recorder, flush_seconds=0.2, send_seconds=0.05) as queue:
            queue.put(b"first")
            await until(lambda: (sample(recorder, ERRORS, service="log_service") or 0) >= 2)
            started = time.monotonic()
            queue.put(b"second")
            assert queue.size() == 2
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(queue.ping(), 0.05)
            assert time.monotonic() - started < 5
            assert sum(thread.name.startswith("log-sink") for thread in threading.enumerate()) == 1
        assert sample(recorder, DROPPED, reason="shutdown") == 2
    finally:
        with file.open("rb") as reader:  # lets the thread go
            assert reader.read() == b"first\n"


async def test_records_from_threads_arrive(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder) as queue:

        def log() -> None:
            for _ in range(500):
                queue.put(b"x")

        await asyncio.gather(*(asyncio.to_thread(log) for _ in range(4)))
        await until(lambda: queue.size() == 0)
    assert len(lines(file)) == 2_000


class LimitedSink(FileSink):
    """A file that, as log services do, refuses long records for good while it takes the others of a batch."""

    async def send(self, records: Sequence[bytes]) -> Sent:
        await super().send([record for record in records if len(record) <= 10])
        return Sent(rejected=tuple(index for index, record in enumerate(records) if len(record) > 10))


async def test_records_refused_for_good_are_counted_and_not_sent_again(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder, sink=LimitedSink(file, recorder)) as queue:
        for record in (b"short", b"much too long", b"fine"):
            queue.put(record)
        await until(lambda: queue.size() == 0)
    assert lines(file) == [b"short", b"fine"]
    assert sample(recorder, DROPPED, reason="rejected") == 1


class OneByOneSink(FileSink):
    """Takes one record at a time, and leaves the others."""

    async def send(self, records: Sequence[bytes]) -> Sent:
        await super().send(records[:1])
        return Sent(left=tuple(range(1, len(records))))


async def test_what_a_sink_leaves_is_sent_next(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder, sink=OneByOneSink(file, recorder), backoff_seconds=(60, 60)) as queue:
        for record in (b"one", b"two", b"three"):
            queue.put(record)
        await until(lambda: queue.size() == 0)
    assert lines(file) == [b"one", b"two", b"three"]


class AwaySink(FileSink):
    """Hangs until it is told that it cannot send."""

    def __init__(self, path: Path, recorder: Recorder) -> None:
        super().__init__(path, recorder)
        self.asked = asyncio.Event()
        self.known = asyncio.Event()

    async def send(self, records: Sequence[bytes]) -> Sent:
        self.asked.set()
        await self.known.wait()
        raise LogSinkUnavailable("away")


async def test_a_sink_that_fails_just_when_the_flush_is_over_does_not_hold_up_the_shutdown(
    file: Path, recorder: Recorder
) -> None:
    sink = AwaySink(file, recorder)
    async with asyncio.timeout(5) as limit, opened(file, recorder, sink=sink, flush_seconds=0) as queue:
        queue.put(b"lost")
        await sink.asked.wait()
        sink.known.set()
    assert not limit.expired()
    assert sample(recorder, DROPPED, reason="shutdown") == 1


class StubbornSink(AwaySink):
    """Ends when it wants to."""

    async def send(self, records: Sequence[bytes]) -> Sent:
        while not self.known.is_set():
            with suppress(asyncio.CancelledError):
                return await super().send(records)
        return Sent()


async def test_a_sink_that_cannot_be_cancelled_does_not_hold_up_the_shutdown(
    file: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photo_api.logs.queue.CANCEL_SECONDS", 0.05)
    sink = StubbornSink(file, recorder)
    try:
        async with asyncio.timeout(5) as limit, opened(file, recorder, sink=sink, flush_seconds=0) as queue:
            queue.put(b"lost")
            await sink.asked.wait()
        assert not limit.expired()
        assert sample(recorder, DROPPED, reason="shutdown") == 1
    finally:
        sink.known.set()


class BrokenSink(FileSink):
    """A sink with a fault in its code."""

    async def send(self, records: Sequence[bytes]) -> Sent:
        if b"fatal" in records:
            raise ZeroDivisionError
        return await super().send(records)


async def test_a_fault_of_the_sink_loses_its_batch_and_nothing_more(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder, sink=BrokenSink(file, recorder)) as queue:
        queue.put(b"fatal")
        await until(lambda: queue.size() == 0)
        queue.put(b"after")
        await until(lambda: queue.size() == 0)
    assert lines(file) == [b"after"]
    assert sample(recorder, DROPPED, reason="send_failed") == 1


async def test_sends_are_measured_as_requests_to_the_log_service(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder) as queue:
        queue.put(b"one")
        await until(lambda: queue.size() == 0)
    assert sample(recorder, "photo_api_external_request_duration_seconds_count", service="log_service") == 1


async def test_a_ping_tells_whether_the_file_can_be_written(file: Path, recorder: Recorder) -> None:
    async with opened(file, recorder) as queue:
        await queue.ping()
        file.unlink()  # noqa: ASYNC240 - a test's own loop may wait
        file.parent.rmdir()
        file.parent.touch()
        with pytest.raises(LogSinkUnavailable, match=r"cannot write .*photo-api\.jsonl"):
            await queue.ping()
        file.parent.unlink()
