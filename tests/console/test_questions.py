"""What the console passes on to Prometheus: only known questions, within bounds."""

import asyncio
import json
import time
from typing import Any

import pytest
from tests.console.running import console, served, settings

from photo_monitoring.console.parameters import MAX_BODY_BYTES, MAX_EXPRESSION, MAX_QUERIES
from photo_monitoring.console.server import application

NOW = time.time()
QUERY: dict[str, Any] = {"expr": "up", "start": NOW - 600, "end": NOW, "step": 15}


def changed(**changes: Any) -> dict[str, Any]:
    return QUERY | changes


async def test_answers_come_in_the_order_of_the_questions(watched: dict[str, str]) -> None:
    queries = [changed(expr=f"vector({number})", instant=True) for number in range(30)]
    async with console(**watched) as client:
        answers = (await client.post("/api/query", json={"queries": queries})).json()
    assert [float(one["data"]["result"][0]["value"][1]) for one in answers] == list(range(30))


async def test_a_range_has_its_points_and_an_instant_one(watched: dict[str, str]) -> None:
    queries = [changed(expr="vector(1)"), changed(expr="vector(1)", instant=True)]
    async with console(**watched) as client:
        many, one = (await client.post("/api/query", json={"queries": queries})).json()
    assert len(many["data"]["result"][0]["values"]) == 41
    assert one["data"]["resultType"] == "vector"


async def test_a_wrong_expression_spoils_only_its_own_answer(watched: dict[str, str]) -> None:
    queries = [changed(expr="vector(1)"), changed(expr="sum(")]
    async with console(**watched) as client:
        good, bad = (await client.post("/api/query", json={"queries": queries})).json()
    assert good["status"] == "success"
    assert (bad["status"], bad["errorType"]) == ("error", "bad_data")
    assert "parse error" in bad["error"]


async def test_label_values_are_those_of_the_series_that_match(watched: dict[str, str]) -> None:
    parameters = {"label": "instance", "match": "photo_api_ready", "start": str(NOW - 3600), "end": str(NOW)}
    async with console(**watched) as client:
        assert (await client.get("/api/label-values", params=parameters)).json()["data"] == ["api-1"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (changed(expr=""), "expr"),
        (changed(expr="x" * 8001), "expr"),
        (changed(expr=7), "expr"),
        (changed(step=0), "step"),
        (changed(step="NaN"), "step"),
        (changed(step=None), "step"),
        (changed(step=0.1), "2500 points"),
        (changed(start=NOW, end=NOW - 1), "after start"),
        (changed(start=0), "100 days"),
        (changed(end=1e300), "end"),
        (changed(end=True) | {"start": "x"}, "start"),
        ("up", "object"),
    ],
)
async def test_a_question_out_of_bounds_is_refused_in_one_line(query: object, told: str) -> None:
    async with console() as client:
        answer = await client.post("/api/query", json={"queries": [query]})
    assert answer.status_code == 400
    assert told in answer.text
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("{}", "application/json", 400),
        ("[]", "application/json", 400),
        ("{", "application/json", 400),
        ("[" * 50_000, "application/json", 400),
        (json.dumps({"queries": [QUERY] * 49}), "application/json", 400),
        pytest.param(json.dumps({"queries": "x" * MAX_BODY_BYTES}), "application/json", 413, id="too much"),
        pytest.param(json.dumps({"queries": [QUERY]}), "text/plain", 415, id="a batch that is not called JSON"),
        ("queries=1", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_a_body_that_is_no_batch_is_refused(content: str, kind: str, status: int) -> None:
    async with console() as client:
        answer = await client.post("/api/query", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status


async def test_a_batch_of_the_longest_questions_is_read() -> None:
    longest = [changed(expr="x" * MAX_EXPRESSION)] * MAX_QUERIES
    async with console() as client:
        answer = await client.post("/api/query", json={"queries": longest})
    assert [one["errorType"] for one in answer.json()] == ["unreachable"] * MAX_QUERIES


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photo_monitoring.console.parameters.BODY_SECONDS", 0.1)
    async with served(application(settings())) as url:
        host = url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        head = f"POST /api/query HTTP/1.1\r\nHost: {host}\r\nOrigin: {url}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        status = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        await writer.wait_closed()
    assert status.split()[1] == b"408"


@pytest.mark.parametrize("label", ["", "../../status/config", "a/b", "a%2Fb", "a b", "a" * 200, "é"])
async def test_a_label_that_is_none_never_becomes_a_path(label: str) -> None:
    async with console() as client:
        parameters = {"label": label, "start": str(NOW - 60), "end": str(NOW)}
        assert (await client.get("/api/label-values", params=parameters)).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/query?query=up",
        "/api/v1/status/config",
        "/api/v1/admin/tsdb/snapshot",
        "/api/query/../v1/targets",
        "/api/prometheus",
        "/-/reload",
        "/-/quit",
        "/metrics",
        "/graph",
        "/static/x/../../settings.py",
    ],
)
async def test_no_other_path_of_the_servers_is_reachable(watched: dict[str, str], path: str) -> None:
    async with console(**watched) as client:
        assert (await client.get(path)).status_code in {404, 405}
        assert (await client.post(path, json={})).status_code in {404, 405}
