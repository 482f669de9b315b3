"""What holds for every log service, and for the queue before it."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from tests.support.samples import sample

from photo_api.logs.pipeline import render
from photo_api.logs.queue import LogQueue
from photo_api.logs.sink import LogSink, LogSinkUnavailable, Sent
from photo_metrics import Recorder

from .conftest import LogService

ERRORS = "photo_api_external_request_errors_total"
DROPPED = "photo_api_log_dropped_total"


def records(events: Sequence[str]) -> list[bytes]:
    return [render({"time": "2026-11-23T09:00:00.123Z", "level": "info", "event": event}) for event in events]


def numbers(count: int) -> list[str]:
    return [f"event {number}" for number in range(count)]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def test_records_arrive_in_order(sink: LogSink, log_service: LogService) -> None:
    assert await sink.send(records(numbers(50))) == Sent()
    assert await sink.send(records(["last"])) == Sent()
    assert await log_service.taken() == [*numbers(50), "last"]


async def test_every_text_arrives_as_it_was(sink: LogSink, log_service: LogService) -> None:
    events = ["한국어 📷", "two\nlines", 'quotes " and \\', "\x00\x1f", ""]
    await sink.send(records(events))
    assert await log_service.taken() == events


async def test_a_service_that_is_away_takes_nothing_and_says_so(sink: LogSink, log_service: LogService) -> None:
    await log_service.go_away()
    with pytest.raises(LogSinkUnavailable, match=r".{10,}"):
        await sink.send(records(["kept"]))
    await log_service.come_back()
    assert await log_service.taken() == []
    await sink.send(records(["kept"]))
    assert await log_service.taken() == ["kept"]


async def test_opening_needs_no_service(log_service: LogService, recorder: Recorder) -> None:
    await log_service.go_away()
    sink = log_service.sink(recorder)
    await sink.open()
    await sink.close()
    await log_service.come_back()


async def test_a_ping_tells_whether_the_service_takes_records(sink: LogSink, log_service: LogService) -> None:
    await sink.ping()
    await log_service.go_away()
    with pytest.raises(LogSinkUnavailable):
        await sink.send(records(["lost"]))
    with pytest.raises(LogSinkUnavailable):
        await sink.ping()
    await log_service.come_back()
    await sink.send(records(["back"]))
    await sink.ping()


async def test_sends_are_measured_and_failures_counted(
    sink: LogSink, log_service: LogService, recorder: Recorder
) -> None:
    await sink.send(records(["one"]))
    assert sample(recorder, "photo_api_external_request_duration_seconds_count", service="log_service") == 1
    assert sample(recorder, ERRORS, service="log_service") == 0
    await log_service.go_away()
    with pytest.raises(LogSinkUnavailable):
        await sink.send(records(["two"]))
    assert sample(recorder, ERRORS, service="log_service") == 1
    await log_service.come_back()


async def test_a_closed_sink_takes_nothing(sink: LogSink) -> None:
    await sink.close()
    with pytest.raises(LogSinkUnavailable, match="closed"):
        await sink.send(records(["late"]))


async def test_a_burst_through_the_queue_arrives_whole_and_in_order(queue: LogQueue, log_service: LogService) -> None:
    await queue.open()
    for record in records(numbers(900)):
        queue.put(record)
    await queue.close()
    assert await log_service.taken() == numbers(900)


async def test_a_service_that_comes_back_gets_all_that_waited(
    queue: LogQueue, log_service: LogService, recorder: Recorder
) -> None:
    await log_service.go_away()
    await queue.open()
    for record in records(numbers(20)):
        queue.put(record)
    await until(lambda: (sample(recorder, ERRORS, service="log_service") or 0) > 0)
    assert sample(recorder, "photo_api_log_queue_size") == 20
    await log_service.come_back()
    await queue.close()
    assert await log_service.taken() == numbers(20)
    assert sample(recorder, DROPPED, reason="shutdown") == 0


async def test_a_service_that_stays_away_costs_the_oldest_records_and_counts_them(
    queue: LogQueue, log_service: LogService, recorder: Recorder
) -> None:
    await log_service.go_away()
    await queue.open()
    for record in records(numbers(1_200)):
        queue.put(record)
    assert queue.size() == 1_000
    assert sample(recorder, DROPPED, reason="queue_full") == 200
    await log_service.come_back()
    await queue.close()
    assert await log_service.taken() == numbers(1_200)[200:]
