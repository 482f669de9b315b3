"""Warnings wait in quiet hours, seen with a real Alertmanager whose night is now, by Korea's clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from tests.support.alertmanager import alert, running_alertmanager
from tests.support.providers import slack
from tests.support.providers.server import serving
from tests.support.providers.slack import Slack

from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.settings import SYSTEM
from photo_monitoring.routing.alertmanager import write_alertmanager
from photo_monitoring.routing.quiet_hours import QuietHours
from photo_monitoring.routing.words import KST

WARNING = {"alertname": "SlowLogin", "severity": "warning", "system": SYSTEM}
CRITICAL = {"alertname": "ServiceDown", "severity": "critical", "system": SYSTEM}


@contextmanager
def night_from(folder: Path, start: datetime, end: datetime) -> Iterator[Slack]:
    """Slack, told of a warning and then of a critical alert, with a night between two times."""
    with serving(Slack()) as provider:
        (folder / "url").touch(mode=0o600)
        (folder / "url").write_text(provider.url + slack.PATH)
        settings = parse(f'[channels.slack]\nurl_file = "{folder / "url"}"\n')
        hours = QuietHours(start=f"{start:%H:%M}", end=f"{end:%H:%M}")
        assert write_alertmanager(folder, replace(settings, quiet_hours=hours)) == []
        config = folder / "alertmanager.yml"
        document = yaml.safe_load(config.read_text())
        for route in document["route"]["routes"]:
            # The clock cannot be scaled, but the wait before a message can.
            route |= {"group_wait": "20ms", "group_interval": "50ms"}
        config.write_text(yaml.safe_dump(document))
        with running_alertmanager(folder) as alertmanager:
            alertmanager.post(alert(WARNING))
            alertmanager.post(alert(CRITICAL))
            yield provider
            assert alertmanager.total("alertmanager_notifications_failed_total") == 0


def titles(provider: Slack) -> list[str]:
    return [message.body["attachments"][0]["title"] for message in provider.messages]


def test_at_night_a_warning_waits_and_a_critical_alert_does_not(tmp_path: Path) -> None:
    now = datetime.now(KST)
    with night_from(tmp_path, now - timedelta(hours=1), now + timedelta(hours=1)) as provider:
        provider.wait(lambda message: "ServiceDown" in str(message.body))
    assert not any("SlowLogin" in title for title in titles(provider))


def test_by_day_a_warning_is_told(tmp_path: Path) -> None:
    now = datetime.now(KST)
    with night_from(tmp_path, now + timedelta(hours=2), now + timedelta(hours=4)) as provider:
        provider.wait(lambda message: "SlowLogin" in str(message.body))
