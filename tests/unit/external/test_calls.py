"""Calls to a service on loopback that answers, fails, resets, hangs and stops half-way."""

import asyncio
import re
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, closing, suppress

import pytest
from structlog.testing import capture_logs
from tests.support.samples import sample

from photo_api.config import Settings
from photo_api.errors import NotFound, Unavailable
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import CircuitOpen, MalformedAnswer, ServiceAway
from photo_metrics import Recorder

from .conftest import Service

PREFIX = "photo_api_external_"


def value(recorder: Recorder, name: str) -> float | None:
    return sample(recorder, PREFIX + name, service="object_storage")


async def get(calls: ExternalCalls, url: str, *, idempotent: bool = False) -> int:
    async with calls.request("head", "GET", url, idempotent=idempotent) as answer:
        await answer.read()
        return answer.status


async def test_an_answer_is_read_and_measured(calls: ExternalCalls, service: Service, recorder: Recorder) -> None:
    async with calls.request("download", "GET", service.url + "/photo") as answer:
        assert await answer.read() == b"fine"
        assert value(recorder, "requests_in_flight") == 1
    assert value(recorder, "requests_in_flight") == 0
    assert value(recorder, "request_duration_seconds_count") == 1
    assert value(recorder, "request_errors_total") == 0
    by_operation = sample(recorder, PREFIX + "operation_duration_seconds_count", operation="download")
    assert by_operation == 1


async def test_a_url_is_sent_letter_for_letter(calls: ExternalCalls, service: Service) -> None:
    await get(calls, service.url + "/a%2Fb%20c?signature=%7E%2B&x=~")
    assert service.asked == ["/a%2Fb%20c?signature=%7E%2B&x=~"]


async def test_a_status_that_was_not_expected_is_an_error_in_the_metrics_and_the_callers_to_read(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    async with calls.request("head", "HEAD", service.url + "/status/404") as answer:
        assert answer.status == 404
    async with calls.request("head", "HEAD", service.url + "/status/404", expected=(200, 404)) as answer:
        assert answer.status == 404
    assert value(recorder, "request_errors_total") == 1
    assert value(recorder, "breaker_state") == 0


async def test_redirects_are_not_followed(calls: ExternalCalls, service: Service) -> None:
    assert await get(calls, service.url + "/status/302") == 302


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_service_in_trouble_is_away_for_as_long_as_it_says(
    calls: ExternalCalls, service: Service, status: int
) -> None:
    with pytest.raises(ServiceAway, match=rf"^The object storage answered {status}\.$") as caught:
        await get(calls, f"{service.url}/status/{status}")
    assert caught.value.headers["Retry-After"] == "7"
    assert caught.value.status == 503
    assert caught.value.answered == status


async def test_a_hanging_service_is_a_time_out(hasty: ExternalCalls, service: Service, recorder: Recorder) -> None:
    await service.fault(hang=True)
    with pytest.raises(ServiceAway, match=r"did not answer within 0\.25 s") as caught:
        await get(hasty, service.url)
    assert caught.value.timed_out
    assert value(recorder, "request_timeouts_total") == 1
    assert value(recorder, "request_errors_total") == 1


async def test_a_body_that_stops_half_way_is_a_time_out(
    hasty: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    with pytest.raises(ServiceAway, match="did not answer within"):
        await get(hasty, service.url + "/silent")
    assert value(recorder, "request_timeouts_total") == 1


async def test_an_answer_that_drips_is_a_time_out(hasty: ExternalCalls, service: Service, recorder: Recorder) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(ServiceAway, match=r"did not end its answer within 0\.25 s") as caught:
            async with hasty.request("token", "GET", service.url + "/drip") as answer:
                await hasty.read(answer)
    assert caught.value.timed_out
    assert value(recorder, "request_timeouts_total") == 1


async def test_an_answer_larger_than_it_may_be_is_a_failure(calls: ExternalCalls, service: Service) -> None:
    async with calls.request("token", "GET", service.url) as answer:
        assert await calls.read(answer, max_bytes=4) == b"fine"
    with pytest.raises(MalformedAnswer, match="beyond 3 bytes"):
        async with calls.request("token", "GET", service.url) as answer:
            await calls.read(answer, max_bytes=3)


async def test_a_call_that_lets_the_service_work_may_be_silent_for_longer(
    hasty: ExternalCalls, service: Service
) -> None:
    await service.fault(latency_seconds=0.6)
    async with hasty.request("upload", "PUT", service.url, seconds=hasty.seconds_for(200_000_000)) as answer:
        assert answer.status == 200
    with pytest.raises(ServiceAway, match=r"did not answer within 0\.3 s"):
        async with hasty.request("upload", "PUT", service.url, seconds=hasty.seconds_for(1_000_000)):
            pass


@pytest.mark.parametrize("path", ["/half", "/reset"])
async def test_a_connection_that_breaks_is_a_failure_and_no_time_out(
    calls: ExternalCalls, service: Service, recorder: Recorder, path: str
) -> None:
    if path == "/reset":
        await service.fault(reset=True)
    with pytest.raises(ServiceAway, match="broke off"):
        await get(calls, service.url + path)
    assert value(recorder, "request_errors_total") == 1
    assert value(recorder, "request_timeouts_total") == 0


async def test_a_service_that_nobody_runs_cannot_be_reached(calls: ExternalCalls, unused_tcp_port: int) -> None:
    with pytest.raises(ServiceAway, match=r"cannot be reached \(Connection refused\)") as caught:
        await get(calls, f"http://127.0.0.1:{unused_tcp_port}/bucket?signature=secret")
    assert "secret" not in str(caught.value)


async def test_a_service_that_does_not_speak_tls_cannot_be_reached(calls: ExternalCalls, service: Service) -> None:
    with pytest.raises(ServiceAway, match=r"cannot be reached \(TLS\)"):
        await get(calls, service.url.replace("http:", "https:"))


async def test_a_name_that_is_none_cannot_be_reached(calls: ExternalCalls) -> None:
    with pytest.raises(ServiceAway, match=r"cannot be reached \(its name is not known\)"):
        await get(calls, "http://-.invalid/")


async def test_a_host_that_takes_no_connection_is_a_time_out_that_says_so(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photo_api.external.calls.CONNECT_SECONDS", 0.1)
    calls = ExternalCalls("object_storage", Settings(), recorder, timeout_seconds=30)
    await calls.open()
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as listening, ExitStack() as waiting:
        for _ in range(2):  # nobody accepts: one in its queue, one beyond it
            client = waiting.enter_context(closing(socket.socket()))
            client.settimeout(0)
            client.connect_ex(listening.getsockname())
        with pytest.raises(ServiceAway, match=r"cannot be reached \(no answer\)") as caught:
            await get(calls, f"http://127.0.0.1:{listening.getsockname()[1]}/")
    await calls.close()
    assert caught.value.timed_out


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b""])
async def test_a_traceback_of_a_failure_has_no_signature(calls: ExternalCalls, answer: bytes) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(nonsense, "127.0.0.1") as server:
        url = "http://127.0.0.1:{}/photo?signature={}".format(server.sockets[0].getsockname()[1], "sec" + "ret")
        with pytest.raises(ServiceAway, match="answered what is no HTTP" if answer else "broke off") as caught:
            await get(calls, url)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("retry_after", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-3", ""])
async def test_a_retry_after_that_is_no_number_is_left_to_the_default(
    calls: ExternalCalls, service: Service, retry_after: str
) -> None:
    service.retry_after = retry_after
    with pytest.raises(ServiceAway) as caught:
        await get(calls, service.url + "/status/503")
    assert caught.value.headers["Retry-After"] == "2"


async def test_calls_that_are_closed_say_so(calls: ExternalCalls, service: Service) -> None:
    await calls.close()
    with pytest.raises(Unavailable, match="Calls to the object storage are closed"):
        await get(calls, service.url)


async def test_calls_that_begin_while_closing_end_as_those_after(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    await service.fault(hang=True)
    under_way = asyncio.create_task(get(calls, service.url))
    while value(recorder, "requests_in_flight") != 1:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)
    ended = asyncio.create_task(calls.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="are closed"):
        await get(calls, service.url)
    await ended
    with pytest.raises(ServiceAway, match="broke off"):
        await under_way


async def test_failures_in_a_row_open_the_breaker_and_a_trial_closes_it(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    for _ in range(3):
        with pytest.raises(ServiceAway):
            await get(calls, service.url + "/status/500")
    assert value(recorder, "breaker_state") == 2
    with pytest.raises(CircuitOpen):
        await get(calls, service.url)
    assert len(service.asked) == 3
    async with asyncio.timeout(10):
        while value(recorder, "breaker_state") == 2:
            try:
                await get(calls, service.url)
            except CircuitOpen:
                await asyncio.sleep(0.02)
    assert value(recorder, "breaker_state") == 0
    assert value(recorder, "breaker_openings_total") == 1


async def test_a_failure_that_only_the_caller_sees_opens_the_breaker_too(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    for _ in range(3):
        with pytest.raises(ServiceAway, match="says no"):
            async with calls.request("head", "GET", service.url):
                raise ServiceAway("The object storage says no.")
    assert value(recorder, "request_errors_total") == 3
    assert value(recorder, "breaker_state") == 2


async def test_downloads_that_break_half_way_open_the_breaker(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    for _ in range(3):
        with pytest.raises(ServiceAway, match="broke off"):
            async with calls.request("download", "GET", service.url + "/half") as answer:
                await answer.read()
    assert value(recorder, "breaker_state") == 2


async def test_calls_that_wait_for_their_turn_are_not_sent_when_the_breaker_has_opened(
    recorder: Recorder, service: Service
) -> None:
    settings = Settings(breaker_failures=1, breaker_open_seconds=60)
    calls = ExternalCalls("object_storage", settings, recorder, timeout_seconds=30, connections=1)
    await calls.open()
    outcomes = await asyncio.gather(
        *(get(calls, service.url + "/status/500") for _ in range(3)), return_exceptions=True
    )
    await calls.close()
    assert [type(outcome) for outcome in outcomes] == [ServiceAway, CircuitOpen, CircuitOpen]
    assert len(service.asked) == 1


async def test_what_the_caller_itself_raises_is_no_fault_of_the_service(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    for _ in range(3):
        with pytest.raises(NotFound):
            async with calls.request("head", "GET", service.url):
                raise NotFound
    assert value(recorder, "request_errors_total") == 0
    assert value(recorder, "breaker_state") == 0


async def test_a_trial_whose_answer_its_caller_does_not_like_closes_the_breaker(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    for _ in range(3):
        with pytest.raises(ServiceAway):
            await get(calls, service.url + "/status/500")
    async with asyncio.timeout(10):
        while value(recorder, "breaker_state") == 2:
            with suppress(CircuitOpen, NotFound):
                async with calls.request("head", "GET", service.url + "/status/404"):
                    raise NotFound
            await asyncio.sleep(0.02)
    assert value(recorder, "breaker_state") == 0


async def test_an_answer_before_the_body_was_sent_ends_the_call(calls: ExternalCalls, service: Service) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    await service.fault(status=403)
    async with asyncio.timeout(10):
        async with calls.request("upload", "PUT", service.url, data=stuck()) as answer:
            assert answer.status == 403
        await service.fault()
        assert await get(calls, service.url) == 200


async def test_a_caller_that_gives_up_is_no_fault_of_the_service(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    await service.fault(hang=True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(get(calls, service.url), 0.05)
    assert value(recorder, "request_errors_total") == 0
    assert value(recorder, "requests_in_flight") == 0


async def test_an_idempotent_call_is_made_again(calls: ExternalCalls, service: Service, recorder: Recorder) -> None:
    with pytest.raises(ServiceAway):
        await get(calls, service.url + "/status/503", idempotent=True)
    assert len(service.asked) == 3
    assert value(recorder, "request_errors_total") == 3


@pytest.mark.parametrize(("path", "hang"), [("/status/429", False), ("/", True)])
async def test_a_service_that_is_slow_or_asks_for_patience_is_not_asked_again(
    hasty: ExternalCalls, service: Service, recorder: Recorder, path: str, hang: bool
) -> None:
    await service.fault(hang=hang)
    with pytest.raises(ServiceAway):
        await get(hasty, service.url + path, idempotent=True)
    assert value(recorder, "request_duration_seconds_count") == 1


async def test_retries_end_with_their_budget(recorder: Recorder, service: Service) -> None:
    calls = ExternalCalls("object_storage", Settings(breaker_failures=1_000), recorder, timeout_seconds=30)
    await calls.open()
    for _ in range(30):
        with pytest.raises(ServiceAway):
            await get(calls, service.url + "/status/500", idempotent=True)
    await calls.close()
    assert 31 <= len(service.asked) <= 37  # 3 at first, and one for ten calls


async def test_a_body_is_sent_again_only_if_it_can_be_read_again(calls: ExternalCalls, service: Service) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"

    with pytest.raises(ServiceAway):
        async with calls.request("upload", "PUT", service.url + "/status/500", data=pieces(), idempotent=True):
            pytest.fail("there is no answer to read")
    assert len(service.asked) == 1


async def test_a_large_body_arrives_whole(calls: ExternalCalls, service: Service) -> None:
    async with calls.request("upload", "PUT", service.url, data=b"x" * 3_000_000) as answer:
        assert answer.status == 200
    assert service.received == 3_000_000
    assert service.headers[0]["Content-Length"] == "3000000"


async def test_a_service_that_stops_reading_a_body_is_a_time_out(hasty: ExternalCalls, recorder: Recorder) -> None:
    over = asyncio.Event()

    async def stop_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await over.wait()
        writer.close()

    async with await asyncio.start_server(stop_reading, "127.0.0.1", limit=1_024) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServiceAway, match="did not answer within"):
            async with hasty.request("upload", "PUT", f"http://127.0.0.1:{port}/", data=b"x" * 30_000_000):
                pytest.fail("there is no answer to read")
        over.set()
    assert value(recorder, "request_timeouts_total") == 1


async def test_a_source_slower_than_the_time_out_is_waited_for_and_not_measured(
    brisk: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(1.1)
        yield b"x"

    async with brisk.request("upload", "PUT", service.url, data=slow(), headers={"Content-Length": "2"}) as answer:
        assert answer.status == 200
    assert service.received == 2
    assert (value(recorder, "request_duration_seconds_sum") or 0) < 1.1


async def test_what_a_source_raises_is_raised_and_no_fault_of_the_service(
    calls: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise NotFound("the client went away")

    with pytest.raises(NotFound, match="the client went away"):
        async with calls.request("upload", "PUT", service.url, data=broken()):
            pytest.fail("there is no answer to read")
    assert value(recorder, "request_errors_total") == 0


async def test_a_reader_slower_than_the_time_out_is_not_measured(
    brisk: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    async with brisk.request("download", "GET", service.url) as answer:
        await asyncio.sleep(1.1)
        assert await answer.read() == b"fine"
    assert (value(recorder, "request_duration_seconds_sum") or 0) < 1.1


async def test_calls_beyond_the_limit_wait_and_then_give_up(
    hasty: ExternalCalls, service: Service, recorder: Recorder
) -> None:
    async with hasty.request("head", "GET", service.url), hasty.request("head", "GET", service.url):
        with pytest.raises(Unavailable, match="Too many requests to the object storage"):
            await get(hasty, service.url)
    assert value(recorder, "request_duration_seconds_count") == 2
    assert await get(hasty, service.url) == 200


async def test_slow_readers_of_downloads_keep_no_other_call_waiting(calls: ExternalCalls, service: Service) -> None:
    async with AsyncExitStack() as readers, asyncio.timeout(10):
        for _ in range(3):
            await readers.enter_async_context(calls.request("download", "GET", service.url))
        assert await get(calls, service.url) == 200


async def test_slow_clients_of_uploads_keep_no_other_call_waiting(calls: ExternalCalls, service: Service) -> None:
    finish = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await finish.wait()

    async def upload() -> int:
        async with calls.request("upload", "PUT", service.url, data=slow()) as answer:
            return answer.status

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        uploads = [group.create_task(upload()) for _ in range(3)]
        while len(service.asked) < 3:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
        assert await get(calls, service.url) == 200
        finish.set()
    assert [upload.result() for upload in uploads] == [200, 200, 200]


async def test_streams_beyond_their_limit_wait_and_then_give_up(hasty: ExternalCalls, service: Service) -> None:
    async with AsyncExitStack() as readers:
        for _ in range(3):
            await readers.enter_async_context(hasty.request("download", "GET", service.url))
        with pytest.raises(Unavailable, match="Too many requests to the object storage"):
            async with hasty.request("download", "GET", service.url):
                pytest.fail("three were the limit")
    async with hasty.request("download", "GET", service.url) as answer:
        assert answer.status == 200


async def test_a_download_waits_for_its_answer_among_the_other_calls(hasty: ExternalCalls, service: Service) -> None:
    async with hasty.request("head", "GET", service.url), hasty.request("head", "GET", service.url):
        with pytest.raises(Unavailable, match="Too many requests to the object storage"):
            async with hasty.request("download", "GET", service.url):
                pytest.fail("two were the limit")


async def test_openings_are_logged_and_those_of_the_log_service_stay_here(recorder: Recorder, service: Service) -> None:
    calls = ExternalCalls("log_service", Settings(breaker_failures=1), recorder, timeout_seconds=30)
    await calls.open()
    with capture_logs() as logs, pytest.raises(ServiceAway):
        async with calls.request("send", "POST", service.url + "/status/500"):
            pytest.fail("there is no answer to read")
    await calls.close()
    opening = {"event": "circuit_open", "service": "log_service", "reason": "The log service answered 500."}
    assert logs == [opening | {"local_only": True, "log_level": "warning"}]


@pytest.mark.parametrize("service_name", ["object_storage", "cdn", "log_service"])
def test_services_that_are_not_used_show_zeros(recorder: Recorder, service_name: str) -> None:
    names = ("request_timeouts_total", "breaker_state", "breaker_openings_total", "requests_in_flight")
    assert [sample(recorder, PREFIX + name, service=service_name) for name in names] == [0, 0, 0, 0]


async def test_the_retry_after_of_an_open_breaker_is_what_is_left(recorder: Recorder, service: Service) -> None:
    settings = Settings(breaker_failures=1, breaker_open_seconds=60)
    calls = ExternalCalls("cdn", settings, recorder, timeout_seconds=30)
    await calls.open()
    with pytest.raises(ServiceAway):
        async with calls.request("token", "POST", service.url + "/status/500"):
            pytest.fail("there is no answer to read")
    with pytest.raises(CircuitOpen) as caught:
        async with calls.request("token", "POST", service.url):
            pytest.fail("nothing was to be sent")
    await calls.close()
    assert re.fullmatch(r"5\d|60", caught.value.headers["Retry-After"])
