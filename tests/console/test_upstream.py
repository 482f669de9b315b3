"""Faults of Prometheus and Alertmanager are told apart, in one line, and do not hold the console up."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from tests.console.running import NOWHERE, console, upstream

BATCH = {"queries": [{"expr": "up", "start": 1, "end": 2, "instant": True}]}


async def kind_of(prometheus: str) -> tuple[str, str]:
    async with console(prometheus=prometheus) as client:
        (answer,) = (await client.post("/api/query", json=BATCH)).json()
        assert "\n" not in answer["error"]
        assert prometheus not in answer["error"]
        return answer["errorType"], answer["error"]


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    kind, said = await kind_of(NOWHERE)
    assert (kind, said) == ("unreachable", "Prometheus cannot be reached: connection refused")


async def test_a_server_that_takes_no_connection_is_unreachable_and_a_shorter_range_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("photo_monitoring.console.upstream._CONNECT_SECONDS", 0.2)
    # One connection waits to be accepted: Linux answers no further ones.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        kind, said = await kind_of(f"http://127.0.0.1:{full.getsockname()[1]}")
    assert kind == "unreachable"
    assert "range" not in said


async def test_a_slow_answer_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photo_monitoring.console.upstream.TIMEOUT_SECONDS", 0.2)

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    async with upstream(hang) as url:
        assert (await kind_of(url))[0] == "timeout"


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photo_monitoring.console.upstream.MAX_ANSWER_BYTES", 1 << 20)

    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(400):
            await response.write(b"{" * 65_536)
        return response

    async with upstream(pour) as url:
        assert (await kind_of(url))[0] == "too_large"


async def test_answers_share_what_one_question_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photo_monitoring.console.server.MAX_BATCH_BYTES", 250_000)

    async def long(_: web.Request) -> web.Response:
        return web.json_response({"status": "success", "data": "x" * 100_000})

    async with upstream(long) as url, console(prometheus=url) as client:
        answers = (await client.post("/api/query", json={"queries": BATCH["queries"] * 6})).json()
    assert len([one for one in answers if one["status"] == "success"]) == 2
    assert {one["errorType"] for one in answers if one["status"] == "error"} == {"too_large"}


async def test_a_page_of_another_program_is_no_answer() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>welcome</html>", content_type="text/html")

    async with upstream(page) as url:
        assert (await kind_of(url))[0] == "upstream"


async def test_a_redirect_is_not_followed() -> None:
    async def away(request: web.Request) -> web.Response:
        assert request.path == "/api/v1/query"
        raise web.HTTPFound("/secret")

    async with upstream(away) as url:
        assert (await kind_of(url))[0] == "upstream"


async def test_prometheus_own_time_out_is_one() -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.json_response({"status": "error", "errorType": "timeout", "error": "query timed out"}, status=503)

    async with upstream(busy) as url:
        assert await kind_of(url) == ("timeout", "Prometheus: query timed out")


@pytest.mark.parametrize("said", ["<h1>nobody behind</h1>", '{"errorType": "unavailable", "error": "starting"}', "[]"])
async def test_a_server_that_is_not_ready_is_unreachable_and_not_slow(said: str) -> None:
    async def unavailable(_: web.Request) -> web.Response:
        return web.Response(text=said, status=503)

    async with upstream(unavailable) as url:
        assert (await kind_of(url))[0] == "unreachable"


def answering(document: object) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document)

    return answer


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success", "data": []},
        {"status": "success"},
        {"status": "success", "data": {"result": [{"metric": {}, "value": 7}], "alerts": [{"labels": 1}]}},
    ],
    ids=["a list", "nothing", "other fields"],
)
async def test_json_of_another_program_is_no_prometheus(document: object) -> None:
    async with upstream(answering(document)) as url, console(prometheus=url) as client:
        for path in ("/api/overview", "/api/alerts"):
            answer = await client.get(path)
            assert answer.status_code == 200
            told = {one["server"]: one["message"] for one in answer.json()["problems"]}
            assert told["prometheus"] == "what answers at --prometheus is no Prometheus"


async def test_json_of_another_program_is_no_alertmanager() -> None:
    async with upstream(answering([{"name": "x"}])) as url, console(alertmanager=url) as client:
        answer = await client.get("/api/silences")
        alerts = (await client.get("/api/alerts")).json()
    assert answer.status_code == 502
    assert answer.json()["error"] == "what answers at --alertmanager is no Alertmanager"
    assert {one["server"] for one in alerts["problems"]} == {"prometheus", "alertmanager"}


async def test_no_more_calls_than_the_limit_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photo_monitoring.console.upstream.MAX_CALLS", 3)
    running, most = 0, 0

    async def count(_: web.Request) -> web.Response:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        await asyncio.sleep(0.02)
        running -= 1
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})

    async with upstream(count) as url, console(prometheus=url) as client:
        await client.post("/api/query", json={"queries": BATCH["queries"] * 20})
    assert most == 3


async def test_a_crowd_is_turned_away_instead_of_queued_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photo_monitoring.console.upstream.MAX_WAITING", 5)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})

    async with upstream(slow) as url, console(prometheus=url) as client:
        answers = (await client.post("/api/query", json={"queries": BATCH["queries"] * 20})).json()
    assert [one.get("errorType") for one in answers].count("overloaded") == 15


async def test_a_browser_that_leaves_takes_its_question_along() -> None:
    gone = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            gone.set()
            raise
        raise AssertionError

    async with upstream(wait) as url, console(prometheus=url) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.post("/api/query", json=BATCH), 0.2)
        await asyncio.wait_for(gone.wait(), 5)


async def test_without_both_servers_the_first_page_knows_that_it_knows_nothing() -> None:
    async with console() as client:
        answer = (await client.get("/api/overview")).json()
    assert answer["level"] == "unknown"
    assert [one["server"] for one in answer["problems"]] == ["prometheus", "alertmanager"]
    assert answer["instances"] == []


def prometheus_without(metric: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A Prometheus that knows one ready instance, and fails where it is asked for one metric."""
    values: dict[str, Any] = {"up{": "1", "photo_api_ready{": "1", "timestamp(up": "1000"}

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v1/alerts":
            return web.json_response({"status": "success", "data": {"alerts": []}})
        expression = str((await request.post())["query"])
        if expression.startswith(metric):
            return web.json_response({"status": "error", "errorType": "timeout", "error": "too slow"}, status=503)
        value = next((value for start, value in values.items() if expression.startswith(start)), None)
        found = [] if value is None else [{"metric": {"instance": "api-1"}, "value": [1, value]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": found}})

    return answer


@pytest.mark.parametrize("metric", ["photo_api_ready", "up{", "slo:objective"])
async def test_an_answer_that_lacks_a_part_is_unknown_and_says_why(metric: str) -> None:
    async with upstream(prometheus_without(metric)) as url, console(prometheus=url) as client:
        answer = (await client.get("/api/overview")).json()
    assert answer["level"] == "unknown"
    told = {one["server"]: (one["kind"], one["message"]) for one in answer["problems"]}
    assert told["prometheus"] == ("timeout", "Prometheus: too slow")


async def test_an_instance_of_which_readiness_is_not_known_is_not_called_broken() -> None:
    async with upstream(prometheus_without("photo_api_ready")) as url, console(prometheus=url) as client:
        answer = (await client.get("/api/overview")).json()
    assert [(one["name"], one["state"]) for one in answer["instances"]] == [("api-1", "unknown")]
    assert answer["ready"] is None


async def test_without_alertmanager_silences_say_so() -> None:
    async with console() as client:
        answer = await client.get("/api/silences")
    assert answer.status_code == 502
    assert answer.json()["error"] == "Alertmanager cannot be reached: connection refused"
