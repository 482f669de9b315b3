"""The way to Log & Crash Search, over a local one that refuses, fails, hangs, resets and is slow."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs
from tests.support.logncrash import APP_KEY, LogNCrash, running_logncrash
from tests.support.samples import new_recorder, sample

from photo_api.config import ConfigurationError, Settings
from photo_api.logs.logncrash import MAX_BULK_BYTES, LogNCrashSink
from photo_api.logs.queue import TRIES, LogQueue
from photo_api.logs.sink import LogSinkUnavailable, Sent
from photo_metrics import Recorder

DROPPED = "photo_api_log_dropped_total"
EXTERNAL = "photo_api_external_"


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
async def server() -> AsyncIterator[LogNCrash]:
    async with running_logncrash() as server:
        yield server


def settings_for(url: str, **values: Any) -> Settings:
    chosen = {"log_service": "logncrash", "logncrash_url": url, "logncrash_app_key": APP_KEY}
    return Settings.model_validate(chosen | {"logncrash_timeout_seconds": 30, "breaker_open_seconds": 0.1} | values)


@asynccontextmanager
async def opened(url: str, recorder: Recorder, **values: Any) -> AsyncIterator[LogNCrashSink]:
    bulk_bytes = {"max_bulk_bytes": values.pop("max_bulk_bytes")} if "max_bulk_bytes" in values else {}
    sink = LogNCrashSink(settings_for(url, **values), recorder, **bulk_bytes)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


@asynccontextmanager
async def queued(
    url: str,
    recorder: Recorder,
    *,
    capacity: int = 10_000,
    timeout_seconds: float = 30.0,
    breaker_open_seconds: float = 0.1,
    max_bulk_bytes: int = MAX_BULK_BYTES,
    **options: Any,
) -> AsyncIterator[LogQueue]:
    settings = settings_for(
        url,
        log_queue_capacity=capacity,
        logncrash_timeout_seconds=timeout_seconds,
        breaker_open_seconds=breaker_open_seconds,
    )
    chosen: dict[str, Any] = {
        "linger_seconds": 0.01,
        "backoff_seconds": (0.02, 0.05),
        "flush_seconds": 10.0,
        "send_seconds": 60,
    }
    sink = LogNCrashSink(settings, recorder, max_bulk_bytes=max_bulk_bytes)
    queue = LogQueue(settings, recorder, sink=sink, **(chosen | options))
    await queue.open()
    try:
        yield queue
    finally:
        await queue.close()


@asynccontextmanager
async def answering(answer: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """A log service of the test's own; its origin."""

    async def handle(request: web.Request) -> web.Response:
        answered = answer(request)
        if not isinstance(answered, tuple):
            return cast("web.Response", await answered)
        return web.Response(status=answered[0], body=answered[1])

    app = web.Application()
    app.router.add_post("/v2/log", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def record(event: str) -> bytes:
    return orjson.dumps({"event": event})


def records(*events: str) -> list[bytes]:
    return [record(event) for event in events]


def bodies(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["body"] for entry in entries]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def test_the_app_key_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="PHOTO_API_LOGNCRASH_APP_KEY"):
        LogNCrashSink(Settings(), new_recorder())


async def test_entries_keep_their_order_by_an_index(server: LogNCrash, recorder: Recorder) -> None:
    async with opened(server.url, recorder) as sink:
        await sink.send(records("one", "two", "three"))
    assert [entry["lncBulkIndex"] for entry in await server.taken()] == [1, 2, 3]


async def test_entries_refused_within_a_success_are_told(server: LogNCrash, recorder: Recorder) -> None:
    await server.refuse(containing="two")
    async with opened(server.url, recorder) as sink:
        sent = await sink.send(records("one", "two", "three"))
    assert sent == Sent(failed=(1,), reason="the entry was refused, as was wished")
    assert bodies(await server.taken()) == ["one", "three"]
    assert sample(recorder, EXTERNAL + "request_errors_total", service="log_service") == 0


async def test_what_can_never_be_taken_is_not_sent(server: LogNCrash, recorder: Recorder) -> None:
    async with opened(server.url, recorder) as sink:
        sent = await sink.send([record("one"), b"no JSON", record("x" * 8_388_608), record("two")])
    assert sent == Sent(rejected=(1, 2), reason="beyond 8 MB, or no JSON")
    assert bodies(await server.taken()) == ["one", "two"]


async def test_a_batch_beyond_the_limit_goes_in_several_bulks(server: LogNCrash, recorder: Recorder) -> None:
    sends = EXTERNAL + "request_duration_seconds_count"
    async with opened(server.url, recorder, max_bulk_bytes=600) as sink:
        assert await sink.send(records(*"abcdefghij")) == Sent(left=(3, 4, 5, 6, 7, 8, 9))
        assert sample(recorder, sends, service="log_service") == 1
    async with queued(server.url, recorder, max_bulk_bytes=600) as queue:
        for event in "defghij":
            queue.put(record(event))
    assert bodies(await server.taken()) == list("abcdefghij")
    assert sample(recorder, sends, service="log_service") == 4


async def test_a_bulk_that_fails_takes_nothing_from_those_before_it(recorder: Recorder) -> None:
    asked: list[int] = []

    def answer(_: web.Request) -> tuple[int, bytes]:
        asked.append(1)
        return (503, b"") if len(asked) == 2 else _success(2)

    async with answering(answer) as url, queued(url, recorder, max_bulk_bytes=420) as queue:
        for event in "abcd":
            queue.put(record(event))
        await until(lambda: queue.size() == 0)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (200, b'{"header": {"isSuccessful": false, "resultMessage": "quota"}}', r"^The log service refused: quota$"),
        (403, b"", r"^The log service answered 403\.$"),
        (200, b"<html>", "cannot be read"),
        (200, b'{"header": {"isSuccessful": true}}', "cannot be read"),
        (200, b"x" * 5_000_000, "beyond"),
    ],
)
async def test_an_answer_that_takes_nothing_is_a_service_away(
    recorder: Recorder, status: int, content: bytes, reason: str
) -> None:
    async with answering(lambda _: (status, content)) as url, opened(url, recorder) as sink:
        with pytest.raises(LogSinkUnavailable, match=reason):
            await sink.send(records("one", "two"))
        with pytest.raises(LogSinkUnavailable, match=reason):
            await sink.ping()
    assert sample(recorder, EXTERNAL + "request_errors_total", service="log_service") == 1


async def test_the_app_key_is_in_no_reason(recorder: Recorder, server: LogNCrash) -> None:
    async with opened(server.url, recorder, logncrash_app_key="somebody-elses") as sink:
        sent = await sink.send(records("one"))
    assert sent.reason == "The project(…) is not registered"


@pytest.mark.parametrize(
    ("status", "content"),
    [(200, b'{"header": {"isSuccessful": false, "resultMessage": "no"}}'), (403, b""), (500, b""), (200, b"<html>")],
)
async def test_one_entry_that_spoils_every_bulk_is_found_and_told(
    recorder: Recorder, status: int, content: bytes
) -> None:
    taken: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        entries = bodies(orjson.loads(await request.read()))
        if "poison" in entries:
            return web.Response(body=content, status=status)
        taken.extend(entries)
        return web.Response(body=_success(len(entries))[1])

    events = [*(str(number) for number in range(10)), "poison"]
    async with answering(answer) as url, queued(url, recorder, breaker_open_seconds=0.01) as queue:
        for event in events:
            queue.put(record(event))

        def given_up() -> bool:
            if queue.size() < 3:  # the service takes others meanwhile
                events.append(str(len(events)))
                queue.put(record(events[-1]))
            return sample(recorder, DROPPED, reason="rejected") == 1

        await until(given_up)
    assert sorted(taken) == sorted(event for event in events if event != "poison")
    assert sample(recorder, DROPPED, reason="rejected") == 1


async def test_entries_are_not_blamed_while_the_service_takes_none(server: LogNCrash, recorder: Recorder) -> None:
    await server.fault(status=500)
    failures = EXTERNAL + "request_errors_total"
    with capture_logs() as logs:
        async with queued(server.url, recorder, breaker_open_seconds=0.01) as queue:
            queue.put(record("one"))
            queue.put(record("two"))
            await until(lambda: (sample(recorder, failures, service="log_service") or 0) > 3 * TRIES)
            await server.fault()
            await until(lambda: queue.size() == 0)
    assert sorted(bodies(await server.taken())) == ["one", "two"]
    assert sample(recorder, DROPPED, reason="rejected") == 0
    told = [log["event"] for log in logs if log["event"].startswith("log_")]
    assert told == ["log_sink_unavailable", "log_sink_available_again"]


async def test_an_entry_whose_bulk_was_refused_alone_is_doubted_and_the_ping_tells(recorder: Recorder) -> None:
    async with answering(lambda _: (403, b"")) as url, opened(url, recorder) as sink:
        assert await sink.send(records("one")) == Sent(doubted=(0,), reason="The log service answered 403.")
        with pytest.raises(LogSinkUnavailable, match="answered 403"):
            await sink.ping()


async def test_a_ping_is_not_troubled_by_one_entry_that_alone_was_refused(
    server: LogNCrash, recorder: Recorder
) -> None:
    await server.refuse(containing="one")
    async with opened(server.url, recorder) as sink:
        assert (await sink.send(records("one"))).failed == (0,)
        await sink.ping()
        await server.refuse(containing="")
        assert (await sink.send(records("one", "two"))).failed == (0, 1)
        with pytest.raises(LogSinkUnavailable, match="as was wished"):
            await sink.ping()


@pytest.mark.parametrize(
    ("errors", "results", "failed"),
    [
        (1, [{"isSuccessful": False, "resultMessage": "no", "lncBulkIndex": 2}], (1,)),
        (0, [], ()),
    ],
)
async def test_an_answer_that_names_only_errors_is_read_by_the_index(
    recorder: Recorder, errors: int, results: list[Any], failed: tuple[int, ...]
) -> None:
    answer = _answer(errors, results)
    async with answering(lambda _: answer) as url, opened(url, recorder) as sink:
        assert (await sink.send(records("one", "two", "three"))).failed == failed


@pytest.mark.parametrize(
    ("errors", "results"),
    [
        (1, []),
        (1, [{"isSuccessful": False, "resultMessage": "no"}]),
        (1, [{"isSuccessful": False, "resultMessage": "no", "lncBulkIndex": 9}]),
    ],
)
async def test_an_answer_that_does_not_tell_which_was_refused_is_not_taken_for_success(
    recorder: Recorder, errors: int, results: list[Any]
) -> None:
    answer = _answer(errors, results)
    async with answering(lambda _: answer) as url, opened(url, recorder) as sink:
        with pytest.raises(LogSinkUnavailable, match="cannot be read"):
            await sink.send(records("one", "two", "three"))


async def test_entries_refused_for_a_while_hold_up_nobody_and_arrive(server: LogNCrash, recorder: Recorder) -> None:
    await server.refuse(containing="late")
    async with queued(server.url, recorder, backoff_seconds=(60, 60)) as queue:
        for event in ("late 1", "on time", "late 2"):
            queue.put(record(event))
        await until(lambda: queue.size() == 2)
        queue.put(record("newer"))
        sends = EXTERNAL + "request_duration_seconds_count"
        await until(lambda: sample(recorder, sends, service="log_service") == 2 and queue.size() == 2)
        assert bodies(await server.taken()) == ["on time", "newer"]
        await server.refuse()
    assert sorted(bodies(await server.taken())) == ["late 1", "late 2", "newer", "on time"]
    assert sample(recorder, DROPPED, reason="rejected") == 0


async def test_a_refused_entry_is_tried_again_after_its_rest(server: LogNCrash, recorder: Recorder) -> None:
    await server.refuse(containing="late", times=3)
    async with queued(server.url, recorder) as queue:
        queue.put(record("late"))
        await until(lambda: queue.size() == 0)
        assert bodies(await server.taken()) == ["late"]


async def test_a_service_that_hangs_does_not_hold_up_the_shutdown(server: LogNCrash, recorder: Recorder) -> None:
    await server.fault(hang=True)
    loop = asyncio.get_running_loop()
    async with queued(server.url, recorder, flush_seconds=0.1) as queue:
        queue.put(record("lost"))
        await until(lambda: sample(recorder, EXTERNAL + "requests_in_flight", service="log_service") == 1)
        started = loop.time()
    assert loop.time() - started < 5
    assert sample(recorder, DROPPED, reason="shutdown") == 1


async def test_an_entry_that_is_always_refused_is_given_up_and_counted(server: LogNCrash, recorder: Recorder) -> None:
    await server.refuse(containing="never")
    with capture_logs() as logs:
        async with queued(server.url, recorder) as queue:
            queue.put(record("never"))
            queue.put(record("fine"))
            await until(lambda: queue.size() == 0)
    assert bodies(await server.taken()) == ["fine"]
    assert sample(recorder, DROPPED, reason="rejected") == 1
    assert sample(recorder, EXTERNAL + "request_duration_seconds_count", service="log_service") == TRIES
    reason = "the entry was refused, as was wished"
    assert {"event": "log_records_rejected", "records": 1, "reason": reason}.items() <= logs[-1].items()
    assert all(log["local_only"] for log in logs)


@pytest.mark.parametrize("fault", [{"status": 500}, {"reset": True}, {"hang": True}, {"status": 429}])
async def test_nothing_is_lost_while_the_service_misbehaves(
    server: LogNCrash, recorder: Recorder, fault: dict[str, Any]
) -> None:
    await server.fault(**fault)
    async with queued(server.url, recorder, timeout_seconds=1.0 if "hang" in fault else 30.0) as queue:
        for number in range(50):
            queue.put(record(str(number)))
        await until(lambda: (sample(recorder, EXTERNAL + "request_errors_total", service="log_service") or 0) >= 1)
        await server.fault()
        await until(lambda: queue.size() == 0)
    assert bodies(await server.taken()) == [str(number) for number in range(50)]


async def test_a_service_that_stays_away_is_left_alone_and_tried_again(server: LogNCrash, recorder: Recorder) -> None:
    await server.fault(reset=True)
    async with queued(server.url, recorder) as queue:
        queue.put(record("patient"))
        await until(lambda: sample(recorder, EXTERNAL + "breaker_state", service="log_service") == 2)
        await server.fault()
        await until(lambda: queue.size() == 0)
    assert sample(recorder, EXTERNAL + "breaker_state", service="log_service") == 0
    assert bodies(await server.taken()) == ["patient"]


async def test_a_slow_service_slows_nobody_else(server: LogNCrash, recorder: Recorder) -> None:
    await server.fault(latency_seconds=0.2)
    async with queued(server.url, recorder) as queue:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number in range(500):
            queue.put(record(str(number)))
        assert loop.time() - started < 0.2
        await until(lambda: queue.size() == 0)
    assert len(await server.taken()) == 500


async def test_memory_stays_bounded_while_the_service_is_away(server: LogNCrash, recorder: Recorder) -> None:
    await server.fault(status=503)
    async with queued(server.url, recorder, flush_seconds=0.05) as queue:
        for _ in range(60):
            queue.put(record("x" * 1_000_000))
            await asyncio.sleep(0)  # lets batches be taken out of the queue
        assert queue.size() <= 34
    dropped = [sample(recorder, DROPPED, reason=reason) or 0 for reason in ("queue_full", "shutdown")]
    assert sum(dropped) == 60


async def test_entries_that_rest_count_against_the_capacity(server: LogNCrash, recorder: Recorder) -> None:
    await server.refuse(containing="")
    async with queued(server.url, recorder, capacity=100, backoff_seconds=(60, 60), flush_seconds=0.05) as queue:
        for number in range(100):
            queue.put(record(str(number)))
        sends = EXTERNAL + "request_duration_seconds_count"
        await until(lambda: (sample(recorder, sends, service="log_service") or 0) >= 1)
        for number in range(50):
            queue.put(record(str(number)))
        assert queue.size() <= 100
        assert sample(recorder, DROPPED, reason="queue_full") == 50


async def test_a_ping_without_news_asks_whether_the_host_takes_connections(
    recorder: Recorder, unused_tcp_port: int
) -> None:
    async with opened(f"http://127.0.0.1:{unused_tcp_port}", recorder) as sink:
        with pytest.raises(LogSinkUnavailable, match="cannot be reached"):
            await sink.ping()
    async with answering(lambda _: _success(1)) as url, opened(url, recorder) as sink:
        await sink.ping()


def _success(count: int) -> tuple[int, bytes]:
    return _answer(0, [{"isSuccessful": True, "resultMessage": "Success"}] * count)


def _answer(errors: int, results: list[Any]) -> tuple[int, bytes]:
    data = {"total": len(results), "errors": errors, "resultList": results}
    return 200, orjson.dumps({"header": {"isSuccessful": True, "resultCode": 0}, "body": {"data": data}})
