"""Real messages of a real Alertmanager at local providers that refuse what their documents forbid."""

import re
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.routing.conftest import Wired, real_alert
from tests.support.alertmanager import alert, running_alertmanager
from tests.support.channels import CONSOLE, SECRETS, wired
from tests.support.providers import pagerduty, slack
from tests.support.providers.pagerduty import PagerDuty
from tests.support.providers.server import serving
from tests.support.providers.slack import Slack

from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.settings import SYSTEM
from photo_monitoring.routing.alertmanager import write_alertmanager

FIRING = {
    "ko": "[심각] ServiceDown: Photo API 인스턴스가 다운되었습니다: api-1",
    "en": "[CRITICAL] ServiceDown: Photo API instance api-1 is down",
}
RESOLVED = {
    "ko": "[해결] ServiceDown: Photo API 인스턴스가 다운되었습니다: api-1",
    "en": "[RESOLVED] ServiceDown: Photo API instance api-1 is down",
}
WARNED = {"ko": "[경고] SlowLogin: 로그인이 느립니다", "en": "[WARNING] SlowLogin: "}
DESCRIBED = {"ko": "응답하지 않거나 준비되지 않은 상태입니다", "en": "has not answered, or has not been ready"}
CLOCK = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d KST"
SINCE = {"ko": f"시작 {CLOCK}", "en": f"since {CLOCK}"}
UNTIL = {"ko": f"{CLOCK} ~ {CLOCK}", "en": f"{CLOCK} – {CLOCK}"}
LINKS = {"ko": ("런북", "대시보드", "알림 끄기"), "en": ("Runbook", "Dashboard", "Silence")}
RUNBOOK = f"{CONSOLE}/runbooks/ServiceDown"


def is_silence(link: str) -> bool:
    """Whether a link opens the form for a silence of the dead instance, in both severities."""
    parts = urlsplit(link)
    matchers = set(parse_qs(parts.query)["matcher"])
    wanted = {'alertname="ServiceDown"', 'instance="api-1"', 'job="photo-api"', f'system="{SYSTEM}"'}
    return f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{CONSOLE}/silences/new" and matchers == wanted


def test_slack_shows_a_firing_alert_with_its_links(channels: Wired) -> None:
    (shown,) = channels.providers.slack.wait(lambda m: "ServiceDown" in str(m.body)).body["attachments"]
    assert (shown["title"], shown["color"]) == (FIRING[channels.lang], "danger")
    assert DESCRIBED[channels.lang] in shown["text"]
    assert re.search(SINCE[channels.lang], shown["text"])
    assert shown["title_link"].startswith(f"{CONSOLE}/dashboards/photo-api-")
    runbook, dashboard, silence = shown["actions"]
    assert tuple(action["text"] for action in shown["actions"]) == LINKS[channels.lang]
    assert (runbook["url"], dashboard["url"]) == (RUNBOOK, shown["title_link"])
    assert is_silence(silence["url"])


def test_slack_shows_that_it_is_over_and_from_when_to_when(channels: Wired) -> None:
    def over(message: object) -> bool:
        return RESOLVED[channels.lang] in str(message)

    (shown,) = channels.providers.slack.wait(over, "the resolution").body["attachments"]
    assert shown["color"] == "good"
    assert re.search(UNTIL[channels.lang], shown["text"])


def test_slack_gets_warnings_too(channels: Wired) -> None:
    found = channels.providers.slack.wait(lambda m: "SlowLogin" in str(m.body)).body["attachments"][0]
    assert found["title"].startswith(WARNED[channels.lang])
    assert found["color"] == "warning"


def test_pagerduty_opens_an_incident_and_resolves_the_same(channels: Wired) -> None:
    pagerduty = channels.providers.pagerduty
    trigger = pagerduty.wait(lambda m: m.body["event_action"] == "trigger").body
    resolve = pagerduty.wait(lambda m: m.body["event_action"] == "resolve", "the resolution").body
    assert trigger["dedup_key"] == resolve["dedup_key"]
    assert (trigger["payload"]["summary"], trigger["payload"]["severity"]) == (FIRING[channels.lang], "critical")
    assert resolve["payload"]["summary"] == RESOLVED[channels.lang]
    assert DESCRIBED[channels.lang] in trigger["payload"]["custom_details"]["firing"]
    assert tuple(link["text"] for link in trigger["links"]) == LINKS[channels.lang]
    assert trigger["links"][0]["href"] == RUNBOOK
    assert is_silence(trigger["links"][2]["href"])


def test_opsgenie_opens_an_alert_and_closes_the_same(channels: Wired) -> None:
    opsgenie = channels.providers.opsgenie
    created = opsgenie.wait(lambda m: m.path == "/v2/alerts").body
    closed = opsgenie.wait(lambda m: "/close" in m.path, "the closing")
    assert closed.path == f"/v2/alerts/{created['alias']}/close?identifierType=alias"
    assert (created["message"], created["priority"]) == (FIRING[channels.lang], "P1")
    assert created["tags"] == [SYSTEM, "critical"]
    assert DESCRIBED[channels.lang] in created["description"]
    assert created["details"]["runbook"] == RUNBOOK
    assert created["responders"] == [{"name": "photo on-call", "type": "team"}]


@pytest.mark.parametrize("service", ["pagerduty", "opsgenie"])
def test_a_warning_wakes_nobody(channels: Wired, service: str) -> None:
    assert "SlowLogin" not in str(getattr(channels.providers, service).messages)


def test_a_webhook_gets_every_label_and_text(channels: Wired) -> None:
    webhook = channels.providers.webhook
    firing = webhook.wait(lambda m: m.body["status"] == "firing" and "ServiceDown" in str(m.body)).body
    webhook.wait(lambda m: m.body["status"] == "resolved", "the resolution")
    (told,) = firing["alerts"]
    assert told["labels"]["instance"] == "api-1"
    assert DESCRIBED[channels.lang] in told["annotations"]["description"]
    assert told["annotations"]["runbook_url"] == RUNBOOK


def test_dooray_says_what_slack_says(channels: Wired) -> None:
    dooray = channels.providers.dooray
    firing = dooray.wait(lambda m: FIRING[channels.lang] in m.body["text"]).body
    over = dooray.wait(lambda m: RESOLVED[channels.lang] in m.body["text"], "the resolution").body
    shown, silence = firing["attachments"]
    assert re.search(SINCE[channels.lang], shown["text"])
    assert DESCRIBED[channels.lang] in shown["text"]
    assert RUNBOOK in shown["text"]
    assert shown["titleLink"].startswith(f"{CONSOLE}/dashboards/photo-api-")
    assert is_silence(silence["titleLink"])
    assert re.search(UNTIL[channels.lang], over["attachments"][0]["text"])


def test_dooray_and_slack_open_the_same_silence(channels: Wired) -> None:
    (slack,) = channels.providers.slack.wait(lambda m: FIRING[channels.lang] in str(m.body)).body["attachments"]
    dooray = channels.providers.dooray.wait(lambda m: FIRING[channels.lang] in m.body["text"]).body
    assert dooray["attachments"][-1]["titleLink"] == slack["actions"][2]["url"]


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def test_mail_arrives_signed_in_over_tls_as_html_and_as_text(channels: Wired) -> None:
    mail = channels.providers.mail.wait(lambda one: one["subject"] == FIRING[channels.lang])
    assert mail["to"] == "team@example.com, lead@example.com"
    for kind in ("plain", "html"):
        text = body(mail, kind)
        assert DESCRIBED[channels.lang] in text, kind
        assert RUNBOOK in text, kind
        assert re.search(SINCE[channels.lang], text), kind
    channels.providers.mail.wait(lambda one: one["subject"] == RESOLVED[channels.lang])


def test_the_links_of_a_mail_survive_html(channels: Wired) -> None:
    mail = channels.providers.mail.wait(lambda one: one["subject"] == FIRING[channels.lang])
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', body(mail, "html"))]
    assert any(map(is_silence, (link for link in links if "/silences/" in link)))
    assert "ZgotmplZ" not in body(mail, "html")


def test_the_dead_mans_switch_gets_the_watchdog_again_and_again(channels: Wired) -> None:
    switch = channels.providers.switch
    switch.wait(lambda _: len(switch.messages) > 1, "a second sign of life")
    assert {tuple(message.body["alerts"]) for message in switch.messages} == {("Watchdog",)}


def test_the_watchdog_reaches_nobody_else(channels: Wired) -> None:
    found = channels.providers
    everything = [
        message.body
        for one in (found.slack, found.pagerduty, found.opsgenie, found.webhook, found.dooray)
        for message in one.messages
    ]
    assert "Watchdog" not in str(everything)


def test_no_provider_would_refuse_a_message(channels: Wired) -> None:
    assert channels.providers.problems() == []


def test_no_secret_is_in_a_rendered_file_or_a_log(channels: Wired) -> None:
    folder = channels.alertmanager.folder
    rendered = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "secrets"]
    logs = channels.providers.adapter_logs
    assert len(rendered) >= 4
    for path in (*rendered, *logs):
        content = path.read_bytes()
        assert [secret for secret in SECRETS if secret.encode() in content] == [], path


def test_secret_files_are_the_owners_alone_and_have_no_line_end(channels: Wired) -> None:
    files = sorted((channels.alertmanager.folder / "secrets").iterdir())
    assert [file.name for file in files] == [
        "email_password",
        "opsgenie_api_key",
        "pagerduty_routing_key",
        "slack_url",
        "webhook_credentials",
    ]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert not any(b"\n" in file.read_bytes() for file in files)


HOSTILE = '<!channel> & <https://evil.example.com|click> "quoted" \\ `tick`\n{{ .Secret }} ' + "가" * 2_000


def test_long_hostile_groups_stay_within_every_providers_limits(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Three hundred alerts at once, with texts that are too long, and would be markup."""
    with wired(tmp_path_factory.mktemp("hostile"), "ko", time_scale=20) as (providers, alertmanager):
        alertmanager.post(
            *(
                alert(
                    {"alertname": "Flood", "severity": "critical", "system": SYSTEM, "instance": f"api-{number}<&>"},
                    {"summary": HOSTILE, "description": HOSTILE, "runbook_url": f"https://example.com/{'r' * 2_000}"},
                    seconds=0,
                )
                for number in range(300)
            )
        )
        slack = providers.slack.wait(lambda m: "300건" in m.body["attachments"][0]["text"], "Slack's").body[
            "attachments"
        ][0]
        event = providers.pagerduty.wait(lambda m: "300" in m.body["payload"]["custom_details"]["num_firing"]).body
        opsgenie = providers.opsgenie.wait(what="Opsgenie's").body
        webhook = providers.webhook.wait(lambda m: m.body["truncatedAlerts"] == 200, "the webhook's").body
        dooray = providers.dooray.wait(lambda m: "발생 중 300건" in m.body["text"], "Dooray's").body
        mail = providers.mail.wait(lambda _: True)
        assert providers.problems() == []
        assert "&lt;!channel&gt; &amp;" in slack["text"]
        assert "(처음 8건만 표시)" in slack["text"]
        assert event["links"][0]["href"] == f"{CONSOLE}/runbooks"
        assert len(opsgenie["message"]) <= 130
        assert (len(webhook["alerts"]), webhook["truncatedAlerts"]) == (100, 200)
        assert len(dooray["attachments"]) <= 9
        assert "&lt;!channel&gt;" in body(mail, "html")


def test_what_users_notice_is_one_page(tmp_path: Path) -> None:
    """However many objectives a root cause breaks, on-call is paged once for it."""
    with serving(Slack()) as slack_, serving(PagerDuty()) as pagerduty_:
        for name, secret in (("slack", slack_.url + slack.PATH), ("pagerduty", pagerduty.KEY)):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text(secret)
        settings = parse(
            f'[channels.slack]\nurl_file = "{tmp_path}/slack"\n[channels.pagerduty]\n'
            f'routing_key_file = "{tmp_path}/pagerduty"\nurl = "{pagerduty_.url}{pagerduty.PATH}"\n'
        )
        assert write_alertmanager(tmp_path, replace(settings, time_scale=100)) == []
        with running_alertmanager(tmp_path) as alertmanager:
            burns = ("RequestsAvailabilityBurn", "RequestsLatencyBurn", "ImageDeliveryBurn")
            alertmanager.post(
                real_alert("HighErrorRate", "critical", settings, {"job": "photo-api"}, seconds=0),
                *(real_alert(name, "critical", settings, {"sloth_slo": name}, seconds=0) for name in burns),
            )
            pagerduty_.wait(lambda m: m.body["payload"]["custom_details"]["num_firing"] == "4", "one page of four")
            slack_.wait(lambda _: len(slack_.messages) == 4, "four messages to Slack")
    assert len({message.body["dedup_key"] for message in pagerduty_.messages}) == 1
