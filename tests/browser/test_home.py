"""The first page of a system in order, and of one with a warning; the other levels are in `test_incident`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.stack.running import Stack
from tests.support.ports import wait_until

from photo_monitoring.alerts.slo import OBJECTIVES

SLOW = 60
OURS = {"alertname": "Rehearsal", "severity": "warning"}


@pytest.fixture(scope="module")
def hushed(busy_stack: Stack) -> Iterator[Stack]:
    """The stack with people on it, whose own alerts do not count: this machine may be busy, and the load attacks."""
    url, now = f"{busy_stack.url('alertmanager')}/api/v2/silences", datetime.now(UTC)
    others = {"name": "alertname", "value": "Rehearsal|Watchdog", "isRegex": True, "isEqual": False}
    silence = {"matchers": [others], "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
    answer = httpx.post(url, json=silence | {"createdBy": "tests", "comment": "only what a test says counts"})
    identifier = answer.raise_for_status().json()["silenceID"]
    yield busy_stack
    httpx.delete(url.replace("silences", f"silence/{identifier}")).raise_for_status()


def until_level(console: str, level: str) -> dict[str, Any]:
    """The first page's answer, once it has this level, some requests and a budget that they could spend."""
    answers: list[dict[str, Any]] = []

    def said() -> bool:
        answers[:] = [httpx.get(f"{console}/api/overview?lang=en").json()]
        known = any(one["left"] is not None for one in answers[0]["budgets"]) and answers[0]["sparks"]["requests"]
        return bool(answers[0]["level"] == level and known)

    try:
        wait_until(said, f"the level {level}", SLOW)
    except TimeoutError:
        told = ("level", "problems", "watchdog", "ready", "budgets", "sparks", "alerts")
        pytest.fail(f"no {level}: { ({name: answers[0][name] for name in told}) }")
    return answers[0]


def test_a_system_in_order_is_healthy_with_everything_known(hushed: Stack, console: str, open_page: Opener) -> None:
    answer = until_level(console, "healthy")
    assert answer["problems"] == []
    assert answer["watchdog"] is True
    names = [name for name in hushed.document["components"] if name.startswith("api-")]
    assert [(one["name"], one["state"]) for one in answer["instances"]] == [(name, "ready") for name in sorted(names)]
    assert answer["ready"] == len(names)
    assert answer["known_since"] < answer["now"]
    assert answer["since"] is None or answer["known_since"] <= answer["since"] <= answer["now"]
    assert {one["slo"] for one in answer["budgets"]} == {one.slo for one in OBJECTIVES}
    assert all(one["left"] is None or one["left"] <= 1 for one in answer["budgets"])
    assert all(0 < one["objective"] < 1 for one in answer["budgets"])
    assert [float(text) for _, text in answer["sparks"]["ready"]][-1] == len(names)
    assert all(one["up"] for one in answer["targets"])

    page = open_page(f"{console}/?refresh=1s&lang=en")
    expect(page.locator(".answer")).to_have_attribute("data-level", "healthy", timeout=SLOW * 1000)
    expect(page.locator(".answer h1")).to_have_text("Healthy")
    expect(page.locator(".answer .since")).to_contain_text("nothing wrong")
    expect(page.locator(".budgets b").filter(has_text="%").first).to_be_visible()


def test_a_warning_needs_attention_since_it_began(hushed: Stack, console: str, open_page: Opener) -> None:
    until_level(console, "healthy")
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=7)
    url = f"{hushed.url('alertmanager')}/api/v2/alerts"
    alert = {"labels": OURS, "annotations": {"summary": "a rehearsal"}, "startsAt": began.isoformat()}
    httpx.post(url, json=[alert | {"endsAt": (began + timedelta(hours=1)).isoformat()}]).raise_for_status()
    answer = until_level(console, "warning")
    assert datetime.fromisoformat(answer["since"]) == began

    page = open_page(f"{console}/?refresh=1s&lang=en")
    expect(page.locator(".answer")).to_have_attribute("data-level", "warning")
    expect(page.locator(".answer .reasons")).to_contain_text("a rehearsal")
    expect(page.locator(".answer .since")).to_contain_text("for 7 min")
    httpx.post(url, json=[alert | {"endsAt": datetime.now(UTC).isoformat()}]).raise_for_status()
    expect(page.locator(".answer")).to_have_attribute("data-level", "healthy", timeout=SLOW * 1000)
