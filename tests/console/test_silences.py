"""Silences: what may be created, and that Alertmanager then has it."""

from datetime import datetime
from typing import Any

import pytest
from aiohttp import web
from tests.console.running import console
from tests.support.alertmanager import Alertmanager

from photo_monitoring.console.silences import silence

WANTED: dict[str, Any] = {
    "matchers": [{"name": "alertname", "value": "SlowLogin"}],
    "seconds": 3600,
    "reason": " 배포 중 ",
    "author": "kim",
}


async def test_a_silence_is_created_listed_and_ended(alertmanager: Alertmanager) -> None:
    async with console(alertmanager=alertmanager.url) as client:
        created = (await client.post("/api/silences", json=WANTED)).json()["id"]
        (held,) = [one for one in (await client.get("/api/silences")).json() if one["id"] == created]
        assert (held["author"], held["reason"], held["state"]) == ("kim", "배포 중", "active")
        lasts = datetime.fromisoformat(held["ends"]) - datetime.fromisoformat(held["starts"])
        assert abs(lasts.total_seconds() - 3600) < 5
        assert (await client.delete(f"/api/silences/{created}")).status_code == 200
        assert created not in [one["id"] for one in (await client.get("/api/silences")).json()]


@pytest.mark.parametrize("identifier", ["x", "..%2f..%2falerts", "00000000-0000-0000-0000-00000000000g"])
async def test_only_a_silences_own_name_is_ended(alertmanager: Alertmanager, identifier: str) -> None:
    async with console(alertmanager=alertmanager.url) as client:
        assert (await client.delete(f"/api/silences/{identifier}")).status_code == 404


async def test_a_silence_that_is_not_there_cannot_be_ended(alertmanager: Alertmanager) -> None:
    async with console(alertmanager=alertmanager.url) as client:
        answer = await client.delete("/api/silences/00000000-0000-0000-0000-000000000000")
        assert answer.status_code in {404, 502}
        assert "Alertmanager" in answer.json()["error"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"author": None}, "author"),
        ({"seconds": 59}, "seconds"),
        ({"seconds": 31 * 86_400}, "seconds"),
        ({"seconds": "soon"}, "seconds"),
        ({"matchers": []}, "matchers"),
        ({"matchers": "alertname=x"}, "matchers"),
        ({"matchers": [{"name": "a", "value": "b"}] * 21}, "matchers"),
        ({"matchers": ["a=b"]}, "matcher"),
        ({"matchers": [{"name": "not a label", "value": "x"}]}, "label"),
        ({"matchers": [{"name": "a", "value": 5}]}, "value of a"),
        ({"matchers": [{"name": "a", "value": "x", "isRegex": "yes"}]}, "isRegex"),
        ({"matchers": [{"name": "alertname", "value": ".*", "isRegex": True}]}, "every alert"),
        ({"matchers": [{"name": "alertname", "value": ""}]}, "every alert"),
        ({"matchers": [{"name": "alertname", "value": "x", "isEqual": False}]}, "every alert"),
    ],
)
def test_what_is_missing_or_out_of_bounds_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        silence(WANTED | changes)
    assert told in str(refused.value.text)


@pytest.mark.parametrize(
    "pattern",
    [
        ".+.*",
        ".*.*",
        "|.+",
        "api-1|",
        "(|a)",
        "a?.*",
        "a*",
        "a{0,3}.*",
        "[^x]*",
        r"\w+",
        r"\S.*",
        "(?:.*)",
        "(?i).+",
        "^.*$",
        "a?+",
    ],
)
def test_an_expression_that_holds_for_nearly_anything_is_refused(pattern: str) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        silence(WANTED | {"matchers": [{"name": "alertname", "value": pattern, "isRegex": True}]})
    assert "every alert" in str(refused.value.text)


@pytest.mark.parametrize(
    "pattern",
    ["Slow.*", "SlowLogin|HighErrorRate", "5[0-9]{2}", r"api-\d+", "(?:a|b).*", "(?i)slow.+", "[ab].*", r"\."],
)
def test_an_expression_that_names_something_is_taken(pattern: str) -> None:
    made = silence(WANTED | {"matchers": [{"name": "alertname", "value": pattern, "isRegex": True}]})
    assert made["matchers"][0]["value"] == pattern


def test_a_silence_begins_now_and_ends_when_it_says() -> None:
    made = silence(WANTED, now=1_800_000_000.0)
    assert (made["startsAt"], made["endsAt"]) == ("2027-01-15T08:00:00.000Z", "2027-01-15T09:00:00.000Z")
