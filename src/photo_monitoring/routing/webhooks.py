"""Alertmanager's webhook format, version 4 (prometheus.io/docs/alerting/latest/configuration/#webhook_config)."""

from datetime import UTC, datetime
from typing import Any, Final

from photo_monitoring.configuration.settings import SYSTEM
from photo_monitoring.routing.channel import Test

MOST_ALERTS: Final = 100
"""Alerts of one group that a webhook gets at most; 0.25 says in `truncatedAlerts` how many there were beyond."""

TEST_ALERT: Final = "NotificationTest"
"""The alert that notify-test sends."""

NEVER: Final = "0001-01-01T00:00:00Z"
"""How Go writes a time that is not set: the end of an alert that still fires."""


def payload(message: Test) -> dict[str, Any]:
    """Return what Alertmanager would post for a firing test message."""
    labels = {"alertname": TEST_ALERT, "severity": "none", "system": SYSTEM}
    annotations = {"summary": message.title, "description": message.text, "dashboard_url": message.link}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": NEVER,
        "generatorURL": "",
        "fingerprint": message.fingerprint,
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{TEST_ALERT}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "test",
        "groupLabels": {"alertname": TEST_ALERT},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [alert],
    }
