"""The adapters: what the provider did not take is answered 5xx, nothing secret is said, no start without a URL."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.channels import SWITCH_PATH, adapter
from tests.support.ports import free_port
from tests.support.providers.dooray import PATH, Dooray, told
from tests.support.providers.server import serving
from tests.support.providers.webhook import Webhook
from typer.testing import CliRunner

from photo_monitoring.cli import app
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.routing.channel import Test as Message
from photo_monitoring.routing.dooray_message import NotAWebhook, dooray_message
from photo_monitoring.routing.webhooks import payload

TOKEN = PATH.rpartition("/")[2]
FIRING = payload(Message(title="down", text="it is down", link="https://example.com/d", fingerprint="f"))
RESOLVED = json.loads(json.dumps(FIRING).replace('"firing"', '"resolved"').replace("0001-01-01", "2026-01-01"))


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dooray, str, Path]]:
    folder = tmp_path_factory.mktemp("adapter")
    config, log, port = folder / "monitoring.toml", folder / "log", free_port()
    config.write_text('[channels.dooray]\nurl_env = "TEST_DOORAY_URL"\n')
    with (
        serving(Dooray()) as dooray,
        adapter("dooray-adapter", config, port, log, TEST_DOORAY_URL=dooray.url + PATH),
    ):
        yield dooray, f"http://127.0.0.1:{port}/alerts", log


@pytest.fixture
def dooray(wired: tuple[Dooray, str, Path]) -> Iterator[tuple[Dooray, str, Path]]:
    yield wired
    wired[0].answers, wired[0].delay = None, 0.0


def post(url: str, body: object = FIRING) -> httpx.Response:
    return httpx.post(url, json=body, timeout=20)


def test_a_message_that_dooray_took_is_answered_200(dooray: tuple[Dooray, str, Path]) -> None:
    provider, url, _ = dooray
    assert post(url).status_code == 200
    assert provider.messages[-1].body["text"].startswith("[시험 알림] NotificationTest: down")
    assert provider.problems == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (200, told(taken=False, code=-300300, words=f"no hook {TOKEN}")),
            "it refuses the message (-300300 no hook …)",
        ),
        ((200, told(taken=False)), "it refuses the message (0 )"),
        ((200, "<html>login</html>"), "it refuses the message (no reason given)"),
        ((200, '{"header": "?"}'), "it refuses the message (no reason given)"),
        ((404, "gone"), "there is no such address (404 gone)"),
        ((429, ""), "too many messages"),
        ((503, "maintenance"), "the provider fails (503 maintenance)"),
        (None, "it closed the connection without an answer"),
    ],
)
def test_what_dooray_did_not_take_is_answered_502_with_the_reason(
    dooray: tuple[Dooray, str, Path], answer: tuple[int, str] | None, said: str
) -> None:
    provider, url, log = dooray
    provider.answers = lambda _: answer
    found = post(url)
    assert found.status_code == 502
    assert said.rstrip(") ") in found.text
    assert TOKEN not in found.text + log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_slow_dooray_is_answered_502_before_alertmanager_gives_up(dooray: tuple[Dooray, str, Path]) -> None:
    provider, url, _ = dooray
    provider.delay = 7
    found = post(url)
    assert (found.status_code, "did not answer within 5 s" in found.text) == (502, True)


@pytest.mark.parametrize(
    "body", [[], {}, {"alerts": []}, {"alerts": [{}], "status": "firing", "commonLabels": {}}, "x"]
)
def test_what_is_no_webhook_is_answered_400(dooray: tuple[Dooray, str, Path], body: object) -> None:
    assert post(dooray[1], body).status_code == 400


@pytest.mark.parametrize(
    "body", [None, 3, {"alerts": 3, "status": "firing", "commonLabels": {}}, {**FIRING, "alerts": [3]}]
)
def test_what_is_no_webhook_gives_no_message(body: object) -> None:
    with pytest.raises(NotAWebhook):
        dooray_message(body, Settings())


def test_a_link_that_is_none_is_left_out() -> None:
    alert: dict[str, Any] = FIRING["alerts"][0]
    alert = {**alert, "annotations": {"summary": "s", "dashboard_url": "javascript:alert(1)"}}
    message = dooray_message({**FIRING, "alerts": [alert]}, Settings())
    assert "titleLink" not in message["attachments"][0]


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Webhook, str, Path]]:
    folder = tmp_path_factory.mktemp("switch")
    config, log, secret, port = folder / "monitoring.toml", folder / "log", folder / "url", free_port()
    config.write_text(f'[channels.dead_mans_switch]\nurl_file = "{secret}"\n')
    with serving(Webhook(token=None)) as provider:
        provider.schema = {"type": "object"}  # type: ignore[misc]  # it takes anything
        secret.write_text(provider.url + SWITCH_PATH)
        with adapter("dead-mans-switch-adapter", config, port, log):
            yield provider, f"http://127.0.0.1:{port}/watchdog", log


def test_a_firing_watchdog_is_a_sign_of_life(switch: tuple[Webhook, str, Path]) -> None:
    provider, url, _ = switch
    before = len(provider.messages)
    firing = json.loads(json.dumps(FIRING).replace("NotificationTest", "Watchdog"))
    assert post(url, firing).status_code == 200
    assert len(provider.messages) == before + 1


def test_the_end_of_the_watchdog_and_other_alerts_are_none(switch: tuple[Webhook, str, Path]) -> None:
    provider, url, _ = switch
    before = len(provider.messages)
    for body in (RESOLVED, json.loads(json.dumps(FIRING).replace("NotificationTest", "ServiceDown"))):
        assert post(url, body).status_code == 200
    assert len(provider.messages) == before


def test_a_switch_that_refuses_is_answered_502(switch: tuple[Webhook, str, Path]) -> None:
    provider, url, log = switch
    provider.answers = lambda _: (404, f"no check {SWITCH_PATH}")
    found = post(url)
    provider.answers = None
    assert found.status_code == 502
    assert SWITCH_PATH[1:] not in found.text + log.read_text()


@pytest.mark.parametrize(
    ("command", "config", "said"),
    [
        ("dooray-adapter", "", "there is no channels.dooray.url_file (or url_env): name the file with the address"),
        ("dooray-adapter", '[channels.dooray]\nurl_file = "/no/file"\n', "url_file names cannot be read"),
        ("dooray-adapter", '[channels.dooray]\nurl_env = "NOT_SET"\n', "channels.dooray.url_env names is not set"),
        ("dooray-adapter", '[channels.dooray]\nurl_env = "NO_URL"\n', "names is no URL: it must begin with https://"),
        ("dead-mans-switch-adapter", "", "there is no channels.dead_mans_switch.url_file"),
        (
            "dead-mans-switch-adapter",
            '[channels.dead_mans_switch]\nendpoint = "https://dms.example.com"\n',
            "there is no channels.dead_mans_switch.url_file",
        ),
    ],
)
def test_an_adapter_does_not_start_without_its_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, config: str, said: str
) -> None:
    (tmp_path / "monitoring.toml").write_text(config)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_URL", "secret-token")
    done = CliRunner().invoke(app, [command, "--port", str(free_port())])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert "secret-token" not in done.stderr
