"""Faults of Prometheus and Alertmanager are told apart, in one line, and do not hold the console up."""

import asyncio

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


async def test_without_alertmanager_silences_say_so() -> None:
    async with console() as client:
        answer = await client.get("/api/silences")
    assert answer.status_code == 502
    assert answer.json()["error"] == "Alertmanager cannot be reached: connection refused"
