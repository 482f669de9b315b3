"""Providers that refuse, are slow or away: messages are tried again, failures counted, and notify-test says why."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.routing.conftest import Wired, real_alert
from tests.support.channels import COMMAND, SECRETS, wired
from tests.support.ports import free_port, wait_until
from tests.support.providers import slack
from tests.support.providers.dooray import told
from tests.support.providers.server import Message, Provider

from photo_monitoring.routing import notify_test
from photo_monitoring.routing.answers import post
from photo_monitoring.routing.channel import Refused
from photo_monitoring.routing.channel import Test as Text
from photo_monitoring.routing.channels import CHANNELS
from photo_monitoring.routing.channels.email import Email
from photo_monitoring.routing.channels.pagerduty import PagerDuty
from photo_monitoring.routing.notify_test import Delivery


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """Every channel, in English, whose providers a test may upset."""
    with wired(tmp_path_factory.mktemp("faulty"), "en") as (providers, alertmanager):
        yield Wired("en", providers, alertmanager)


@pytest.fixture
def upset(faulty: Wired) -> Iterator[Wired]:
    """Providers that are well again after the test."""
    yield faulty
    for provider in faulty.providers.every:
        provider.answers, provider.delay = None, 0.0
    faulty.providers.mail.refusal = None


def tried(wired: Wired, *names: str, url: str | None = None, seconds: float = 45) -> dict[str, Delivery]:
    """Run notify-test on some channels."""
    settings = wired.providers.settings()
    channels = [one for one in settings.channels if one.name in names]
    found = notify_test.run(channels, settings, url or wired.alertmanager.url, seconds=seconds)
    return {delivery.channel: delivery for delivery in asyncio.run(found)}


@pytest.mark.parametrize("name", ["slack", "pagerduty", "opsgenie", "webhook", "dooray"])
def test_a_refused_message_is_counted_and_arrives_once_the_provider_takes_it(upset: Wired, name: str) -> None:
    provider: Provider = getattr(upset.providers, name)
    integration = CHANNELS[name].integration
    before = upset.alertmanager.total("alertmanager_notification_requests_failed_total", integration=integration)
    provider.answers = lambda _: (503, "no")
    attempts, taken = provider.attempts, len(provider.messages)
    labels = {"job": "photo-api", "instance": f"of-{name}"}
    settings = upset.providers.settings()
    upset.alertmanager.post(real_alert("ServiceDown", "critical", settings, labels))
    wait_until(lambda: provider.attempts >= attempts + 2, "a second attempt", 30)
    failed = upset.alertmanager.total("alertmanager_notification_requests_failed_total", integration=integration)
    assert failed > before
    assert len(provider.messages) == taken
    provider.answers = None
    provider.wait(lambda message: f"of-{name}" in str(message.body), "the message after all")
    upset.alertmanager.post(real_alert("ServiceDown", "critical", settings, labels, resolved=True))


def test_a_message_given_up_raises_the_counter_of_the_alert(upset: Wired) -> None:
    """`alertmanager_notifications_failed_total`, which NotificationsFailing reads."""
    before = upset.alertmanager.total("alertmanager_notifications_failed_total", integration="slack")
    upset.providers.slack.answers = lambda _: (403, "invalid_token")
    labels = {"job": "photo-api", "instance": "given-up"}
    settings = upset.providers.settings()
    upset.alertmanager.post(real_alert("ServiceDown", "critical", settings, labels))

    def risen() -> bool:
        return upset.alertmanager.total("alertmanager_notifications_failed_total", integration="slack") > before

    wait_until(risen, "the counter's rise", 20)
    upset.alertmanager.post(real_alert("ServiceDown", "critical", settings, labels, resolved=True))


def test_every_channel_is_reported_delivered(upset: Wired) -> None:
    found = tried(upset, *CHANNELS)
    assert {name: delivery.cause for name, delivery in found.items()} == dict.fromkeys(CHANNELS)
    assert all(delivery.firing_seconds is not None for delivery in found.values())
    without = [name for name, delivery in found.items() if delivery.resolved_seconds is None]
    assert without == ["dead_mans_switch"]


def test_a_test_message_says_that_it_is_one(upset: Wired) -> None:
    assert tried(upset, "slack")["slack"].delivered
    titles = [message.body["attachments"][0]["title"] for message in upset.providers.slack.messages]
    mine = [title for title in titles if "NotificationTest" in title]
    assert mine[-2:] == [
        "[TEST ALERT] NotificationTest: This is a test of notifications; there is nothing to do",
        "[TEST RESOLVED] NotificationTest: This is a test of notifications; there is nothing to do",
    ]


def refuse_token(message: Message) -> tuple[int, str]:
    return 401, f"unknown key in {message.path} {message.headers.get('authorization', '')}"


def test_each_cause_is_told_apart(upset: Wired) -> None:
    """A wrong address, refused tokens (echoed by the provider), a full mailbox, a slow and a failing provider."""
    found = upset.providers
    found.slack.answers = lambda _: (404, "no_service")
    found.pagerduty.delay = 12
    found.opsgenie.answers = refuse_token
    found.webhook.answers = refuse_token
    found.dooray.answers = lambda _: (200, told(taken=False, code=-300300, words="hook not found"))
    found.switch.answers = lambda _: (500, "out of order")
    found.mail.refusal = "452 4.2.2 Mailbox full"
    results = tried(upset, *CHANNELS)
    causes = {name: delivery.cause or "" for name, delivery in results.items()}
    assert "there is no such address (404 no_service): check channels.slack.url_file" in causes["slack"]
    assert causes["pagerduty"] == "it did not answer within 10 s"
    assert causes["opsgenie"].startswith("it refuses our credentials (401 ")
    assert causes["webhook"].endswith("check channels.webhook.url and credentials_file")
    assert "hook not found" in causes["dooray"]
    assert "500 out of order" in causes["dead_mans_switch"]
    assert "a mailbox is full (452 4.2.2 Mailbox full)" in causes["email"]
    lines = "\n".join(map(str, results.values()))
    assert len(lines.splitlines()) == len(CHANNELS)
    assert [secret for secret in SECRETS if secret in lines] == []


def test_a_provider_that_is_away_is_no_connection(upset: Wired) -> None:
    settings = upset.providers.settings()
    (known,) = [one for one in settings.channels if isinstance(one, PagerDuty)]
    gone = replace(known, url=f"http://127.0.0.1:{free_port()}/v2/enqueue")
    upset.providers.pagerduty.answers = lambda _: None
    (delivery,) = asyncio.run(notify_test.run([gone], settings, upset.alertmanager.url))
    assert delivery.cause is not None
    assert delivery.cause.startswith("no connection")


def test_a_secret_that_is_gone_is_named_by_its_setting(upset: Wired) -> None:
    upset.providers.slack.answers = lambda _: (500, "")
    file = upset.providers.config.parent / "slack-url"
    content = file.read_text()
    file.unlink()
    try:
        cause = tried(upset, "slack")["slack"].cause
    finally:
        file.touch(mode=0o600)
        file.write_text(content)
    assert cause == "the file that channels.slack.url_file names cannot be read: No such file or directory"


def test_an_alertmanager_that_cannot_deliver_what_the_provider_takes_is_blamed(upset: Wired) -> None:
    """Its secret is stale, ours is right."""
    theirs = upset.alertmanager.folder / "secrets" / "slack_url"
    content = theirs.read_text()
    theirs.write_text(content.replace(slack.PATH, "/services/old"))
    try:
        cause = tried(upset, "slack")["slack"].cause
    finally:
        theirs.write_text(content)
    assert cause is not None
    assert "though Slack takes messages from here" in cause


def test_another_channels_message_is_not_taken_for_the_tests(upset: Wired) -> None:
    """Of one integration: the dead man's switch hangs while Dooray takes a real alert."""
    switch, settings = upset.providers.switch, upset.providers.settings()
    switch.delay, attempts = 12, switch.attempts
    labels = {"job": "photo-api", "instance": "meanwhile"}

    def meanwhile() -> None:
        wait_until(lambda: switch.attempts > attempts, "the test's attempt", 20)
        upset.alertmanager.post(real_alert("ServiceDown", "critical", settings, labels))

    other = threading.Thread(target=meanwhile)
    other.start()
    try:
        cause = tried(upset, "dead_mans_switch")["dead_mans_switch"].cause
    finally:
        other.join()
        upset.alertmanager.post(real_alert("ServiceDown", "critical", settings, labels, resolved=True))
    assert any("meanwhile" in str(message.body) for message in upset.providers.dooray.messages)
    assert cause is not None
    assert "did not answer within 5 s" in cause


async def test_a_password_that_smtp_cannot_carry_is_one_line_without_it(upset: Wired) -> None:
    (mail,) = [one for one in upset.providers.settings().channels if isinstance(one, Email)]
    message = Text(title="t", text="t", link="https://example.com", fingerprint="f")
    with pytest.raises(Refused, match="not ASCII cannot be sent") as caught:
        await mail.ask({"password": "비밀번호"}, message)
    assert "비밀" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://", "https://hooks.slack.com:99999/services/x"])
async def test_an_address_that_is_none_is_called_so(url: str) -> None:
    with pytest.raises(Refused, match="its address is no URL"):
        await post(url, {})


def notify(wired: Wired, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "notify-test", *arguments, "--config", str(wired.providers.config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_the_command_prints_a_line_for_each_channel_and_fails_for_one(upset: Wired) -> None:
    upset.providers.opsgenie.answers = refuse_token
    url = ("--alertmanager", upset.alertmanager.url)
    good, bad = notify(upset, "slack", *url), notify(upset, "opsgenie", *url, "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("slack             delivered  firing after ")
    (document,) = json.loads(bad.stdout)
    assert (bad.returncode, document["channel"], document["delivered"]) == (1, "opsgenie", False)
    assert [secret for secret in SECRETS if secret in bad.stdout + bad.stderr] == []


def test_no_alertmanager_is_one_line(upset: Wired) -> None:
    done = notify(upset, "slack", "--alertmanager", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be reached: start it, or name another with --alertmanager" in done.stderr


def test_the_password_in_alertmanagers_address_is_not_repeated(upset: Wired) -> None:
    done = notify(upset, "slack", "--alertmanager", f"http://operator:hunter2@127.0.0.1:{free_port()}")
    assert "Alertmanager at http://127.0.0.1:" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_what_is_no_alertmanager_is_one_line(upset: Wired, tmp_path: Path) -> None:
    """It answers 200 all the same."""
    (tmp_path / "api" / "v2").mkdir(parents=True)
    (tmp_path / "api" / "v2" / "status").write_text("<html>Sign in</html>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        done = notify(upset, "slack", "--alertmanager", f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "answers /api/v2/status with something else: is it an Alertmanager?" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [("slak", "no channel is called slak; there are "), ("", "no channel is called ")],
)
def test_an_unknown_channel_is_one_line(upset: Wired, name: str, said: str) -> None:
    done = notify(upset, name)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


def test_no_secret_was_logged_while_providers_failed(upset: Wired) -> None:
    """By us, that is: Alertmanager logs a provider's answer, whatever that repeats."""
    for log in upset.providers.adapter_logs:
        content = log.read_text()
        assert [secret for secret in SECRETS if secret in content] == [], log
