"""Alertmanager's webhook → a message of Dooray! messenger: the texts of the templates, in Dooray's form.

Dooray takes `botName`, `text` and `attachments` with `title`, `titleLink`, `text` and `color` (its guide for incoming
webhooks). Lists and texts are cut, so that a message stays under 4,000 characters a part.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote_plus

from photo_monitoring.configuration.settings import SYSTEM, Settings
from photo_monitoring.criteria import Text
from photo_monitoring.routing import templates, words
from photo_monitoring.routing.webhooks import TEST_ALERT

_FIRING_SHOWN: Final = 5
_RESOLVED_SHOWN: Final = 3
_COLORS: Final = {"critical": "red", "warning": "orange"}
_OVER: Final = "green"


class NotAWebhook(ValueError):
    """A body is not what Alertmanager posts."""


def _cut(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"


def _summary(alert: Mapping[str, Any]) -> str:
    return _cut(alert["annotations"].get("summary") or alert["labels"].get("alertname", "?"), templates.SUMMARY)


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(words.KST).strftime(words.CLOCK)


class _Message:
    """One message in the making."""

    def __init__(self, payload: Mapping[str, Any], settings: Settings) -> None:
        self.lang, self.settings = settings.lang, settings
        self.alerts: list[dict[str, Any]] = list(payload["alerts"])
        self.common: dict[str, str] = payload["commonLabels"]
        self.over = payload["status"] == "resolved"
        self.firing = [alert for alert in self.alerts if alert["status"] == "firing"]
        self.resolved = [alert for alert in self.alerts if alert["status"] == "resolved"]
        self.first = (self.firing or self.alerts)[0]
        # What Alertmanager left out has most likely the group's status.
        self.unlisted = int(payload.get("truncatedAlerts", 0))

    def say(self, text: Text, **values: object) -> str:
        return text.in_language(self.lang).format(**values)

    def state(self) -> str:
        severity, count = self.common.get("severity"), len(self.firing) + self.unlisted
        word = {"critical": words.CRITICAL, "warning": words.WARNING}.get(severity or "", words.OTHER)
        parts = [self.say(words.RESOLVED if self.over else word)]
        if self.common.get("alertname") == TEST_ALERT:
            parts.insert(0, self.say(words.TEST))
        if not self.over and count > 1:
            parts.append(self.say(words.COUNT, count=count))
        return " ".join(parts)

    def title(self) -> str:
        return f"[{self.state()}] {self.first['labels'].get('alertname', '')}: {_summary(self.first)}"

    def item(self, alert: Mapping[str, Any], color: str) -> dict[str, str]:
        annotations = alert["annotations"]
        start = _clock(alert["startsAt"])
        if alert["status"] == "resolved":
            when = self.say(words.FROM_TO, start=start, end=_clock(alert["endsAt"]))
        else:
            when = self.say(words.SINCE, start=start)
        lines = [_cut(annotations.get("description", ""), templates.DESCRIPTION), when]
        if runbook := _link(annotations, "runbook_url"):
            lines.append(f"{templates.word('runbook', self.lang)}: {runbook}")
        item = {"title": _summary(alert), "text": "\n".join(line for line in lines if line), "color": color}
        dashboard = _link(annotations, "dashboard_url")
        return item | ({"titleLink": dashboard} if dashboard else {})

    def heading(self, text: Text, alerts: list[dict[str, Any]], most: int) -> str:
        shown = self.say(words.SHOWN, most=most) if len(alerts) > most else ""
        unlisted = self.unlisted if text is (words.RESOLVED_LIST if self.over else words.FIRING_LIST) else 0
        return self.say(text, count=len(alerts) + unlisted) + shown

    def render(self) -> dict[str, Any]:
        color = _COLORS.get(self.common.get("severity", ""), "blue")
        lines, attachments = [self.title()], []
        for text, alerts, most, shade in (
            (words.FIRING_LIST, self.firing, _FIRING_SHOWN, color),
            (words.RESOLVED_LIST, self.resolved, _RESOLVED_SHOWN, _OVER),
        ):
            if alerts:
                lines.append(self.heading(text, alerts, most))
                attachments += [self.item(alert, shade) for alert in alerts[:most]]
        labels = self.common if self.common.get("alertname") else self.first["labels"]
        silence = {"title": templates.word("silence", self.lang), "titleLink": silence_url(labels, self.settings)}
        return {"botName": SYSTEM, "text": "\n".join(lines), "attachments": [*attachments, silence]}


def _link(annotations: Mapping[str, str], name: str) -> str | None:
    link = annotations.get(name, "")
    return link if link.startswith(("http://", "https://")) and len(link) <= templates.LONGEST_LINK else None


def silence_url(labels: Mapping[str, str], settings: Settings) -> str:
    """Return the form for a silence of what has these labels, as the templates do."""
    pairs: Iterable[tuple[str, str]] = (
        (name, labels[name])
        for name in sorted(labels, key=lambda name: (name != "alertname", name))
        if name not in templates.NOT_SILENCED and len(labels[name]) <= templates.LONGEST_MATCHED
    )
    matchers = "".join(f"&matcher={quote_plus(f'{name}={json.dumps(value)}')}" for name, value in pairs)
    return f"{settings.console_url}/silences/new?lang={settings.lang}{matchers}"


def dooray_message(payload: object, settings: Settings) -> dict[str, Any]:
    """Return the message for a webhook of Alertmanager; `NotAWebhook` where it is none."""
    try:
        return _Message(payload, settings).render()  # type: ignore[arg-type]  # what it is shows in reading it
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        msg = "not a webhook of Alertmanager"
        raise NotAWebhook(msg) from error
