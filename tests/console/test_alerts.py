"""Alerts as the console tells them: Prometheus' and Alertmanager's together, in the reader's language."""

import json
from typing import Any

import httpx
import pytest
from aiohttp import web
from tests.console.conftest import TIME_SCALE
from tests.console.running import console, eventually, upstream
from tests.support.alertmanager import Alertmanager, alert

from photo_monitoring import annotations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.console.alerts import AlertTexts, local_board
from photo_monitoring.console.boards import Boards, default_folder

MONITORING = Settings(time_scale=TIME_SCALE)


async def read(client: httpx.AsyncClient, lang: str = "ko") -> dict[str, Any]:
    answer: dict[str, Any] = (await client.get("/api/alerts", params={"lang": lang})).json()
    return answer


def delivered(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The critical alert of the instance that is down, once Alertmanager has it."""
    return [one for one in answer["alerts"] if one["name"] == "ServiceDown" and one["delivered"]]


async def test_a_firing_alert_is_one_entry_though_both_servers_tell_of_it(watched: dict[str, str]) -> None:
    async with console(**watched, monitoring=MONITORING) as client:
        answer = await eventually(lambda: read(client), lambda one: len(delivered(one)) >= 2, "delivery of both tiers")
    # Alertmanager's copy has the label `region` besides, which Prometheus adds when it sends.
    assert sorted(one["severity"] for one in delivered(answer)) == ["critical", "warning"]
    assert {one["labels"]["instance"] for one in delivered(answer)} == {"api-2"}
    assert answer["alerts"][0]["severity"] == "critical"
    assert answer["problems"] == []


async def test_an_english_alert_is_told_in_korean_and_the_other_way(watched: dict[str, str]) -> None:
    async with console(**watched, monitoring=MONITORING) as client:
        await eventually(lambda: read(client), lambda one: bool(delivered(one)), "delivery")
        korean, english = delivered(await read(client, "ko"))[0], delivered(await read(client, "en"))[0]
    assert korean["summary"] == "Photo API 인스턴스가 다운되었습니다: api-2"
    assert "api-2" in english["summary"]
    assert english["summary"].isascii()
    assert english["description"].isascii()
    assert not korean["description"].isascii()


async def test_alertmanager_alone_still_tells_what_fires(watched: dict[str, str]) -> None:
    async with console(**watched) as client:
        await eventually(lambda: read(client), lambda one: bool(delivered(one)), "delivery")
    async with console(alertmanager=watched["alertmanager"]) as client:
        answer = await read(client)
    assert delivered(answer)
    assert [one["server"] for one in answer["problems"]] == ["prometheus"]


async def test_prometheus_alone_tells_what_fires_and_that_nothing_is_delivered(watched: dict[str, str]) -> None:
    async with console(prometheus=watched["prometheus"]) as client:
        answer = await eventually(
            lambda: read(client), lambda one: any(a["state"] == "firing" for a in one["alerts"]), "firing"
        )
    assert not delivered(answer)
    assert answer["watchdog"] is None
    assert [one["server"] for one in answer["problems"]] == ["alertmanager"]


async def test_the_first_page_says_critical_since_when_and_which_instance(watched: dict[str, str]) -> None:
    async with console(**watched, monitoring=MONITORING) as client:
        await eventually(lambda: read(client), lambda one: bool(delivered(one)), "delivery")
        answer = (await client.get("/api/overview")).json()
    assert answer["level"] == "critical"
    assert answer["since"] == min(one["since"] for one in answer["alerts"] if one["state"] == "firing")
    assert [(one["name"], one["state"]) for one in answer["instances"]] == [("api-1", "ready"), ("api-2", "down")]
    assert answer["instances"][0]["version"] == "1.2.3"
    assert answer["ready"] == 1


async def test_a_silence_is_seen_on_its_alert(alertmanager: Alertmanager) -> None:
    labels = {"alertname": "Elsewhere", "severity": "warning", "team": "other"}
    alertmanager.post(alert(labels, {"summary": "something of another system"}))
    silence = {
        "matchers": [{"name": "alertname", "value": "Elsewhere"}],
        "seconds": 600,
        "reason": "known",
        "author": "kim",
    }
    async with console(alertmanager=alertmanager.url) as client:
        created = (await client.post("/api/silences", json=silence)).json()["id"]

        def silenced(answer: dict[str, Any]) -> bool:
            return any(one["name"] == "Elsewhere" and one["silences"] == [created] for one in answer["alerts"])

        answer = await eventually(lambda: read(client), silenced, "the silence")
        await client.delete(f"/api/silences/{created}")
    (entry,) = [one for one in answer["alerts"] if one["name"] == "Elsewhere"]
    assert entry["summary"] == "something of another system"


@pytest.mark.parametrize("one", [one for one in ALERTS if one.summary.ko], ids=lambda one: f"{one.name}-{one.subject}")
def test_every_alert_is_told_in_both_languages(one: Any) -> None:
    texts = AlertTexts(Settings())
    tier = one.tiers[0]
    labels = {"alertname": one.name, "subject": one.subject, "severity": tier.severity.value}
    labels |= dict.fromkeys(one.by, "x")
    given = annotations.expected(one, tier, Settings(lang="ko"), labels, 0.25)
    wanted = annotations.expected(one, tier, Settings(lang="en"), labels, 0.25)
    assert texts.translated("en", labels, given, 0.25) == (wanted["summary"], wanted["description"])


def test_a_text_that_somebody_changed_is_left_as_it_is() -> None:
    labels = {"alertname": "ServiceDown", "subject": "service-health", "severity": "critical", "instance": "api-1"}
    given = {"summary": "our own words", "description": ""}
    assert AlertTexts(Settings()).translated("en", labels, given, 1.0) == ("our own words", "")


def test_a_dashboards_url_leads_to_the_same_panel_here() -> None:
    boards = Boards(default_folder())
    there = "https://grafana.example.com/d/photo-api-overview/some-title?viewPanel=12"
    assert local_board(there, boards, "ko") == "/dashboards/photo-api-overview?viewPanel=12"
    assert local_board("http://localhost:8080/dashboards/nowhere?viewPanel=1", boards, "ko") is None
    assert local_board("http://[/d/photo-api-overview", boards, "ko") is None
    assert local_board("", boards, "ko") is None


async def test_a_value_that_json_does_not_have_spoils_nothing() -> None:
    firing = {"labels": {"alertname": "Endless", "severity": "warning"}, "annotations": {}, "state": "firing"}
    firing |= {"activeAt": "2026-01-01T00:00:00Z", "value": "+Inf"}

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"status": "success", "data": {"alerts": [firing]}})

    async with upstream(answer) as url, console(prometheus=url) as client:
        text = (await client.get("/api/alerts")).text
    assert "Infinity" not in text
    assert [one["name"] for one in json.loads(text)["alerts"]] == ["Endless"]
