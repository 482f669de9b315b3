"""What is wrong now: Prometheus' alerts, and what Alertmanager did with them, as one list in the reader's language.

Either of the two may be away: the other still tells most of it.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from photo_monitoring import annotations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.overrides import in_force
from photo_monitoring.configuration.settings import LANGUAGES, Language, Settings
from photo_monitoring.console.boards import Boards
from photo_monitoring.console.upstream import Upstream, UpstreamError
from photo_monitoring.criteria import Alert, Severity, Tier

MAX_ALERTS: Final = 500
WATCHDOG: Final = "Watchdog"

_Answer = TypeVar("_Answer")

_ORDER: Final = {"critical": 0, "warning": 1}
_STATES: Final = {"firing": 0, "pending": 1}
_BOARD: Final = re.compile(r"/(?:dashboards|d)/(?P<uid>[A-Za-z0-9_-]{1,40})(?:/|$)")


class AlertTexts:
    """Finds the declaration behind an alert's texts, and says the same in another language.

    A text is translated only when it is, letter for letter, what the declaration gives in one of the languages: an
    alert of somebody else's rules keeps its own words.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = {lang: replace(settings, lang=lang) for lang in LANGUAGES}
        self._tiers: dict[tuple[str, str, str], tuple[Alert, Tier]] = {}
        for alert in in_force(settings, ALERTS):
            for tier in alert.tiers:
                self._tiers[alert.name, alert.subject, tier.severity.value] = (alert, tier)

    def translated(
        self, lang: Language, labels: Mapping[str, str], given: Mapping[str, str], value: float | None
    ) -> tuple[str, str]:
        """Return summary and description in `lang` where they are ours, else as they are."""
        summary, description = given.get("summary", ""), given.get("description", "")
        key = labels.get("alertname", ""), labels.get("subject", ""), labels.get("severity", "")
        if key not in self._tiers:
            return summary, description
        alert, tier = self._tiers[key]
        texts = {one: annotations.expected(alert, tier, self._settings[one], labels, value or 0.0) for one in LANGUAGES}
        if summary in {text["summary"] for text in texts.values()}:
            summary = texts[lang]["summary"]
        if description in {text["description"] for text in texts.values()}:
            description = texts[lang]["description"]
        return summary, description


def local_board(url: str, boards: Boards, lang: Language) -> str | None:
    """Return where a dashboard's URL (Grafana's or ours) leads on this console; None when it has no such board."""
    parts = urlsplit(url)
    found = _BOARD.search(parts.path)
    if found is None or boards.find(found["uid"], lang) is None:
        return None
    return f"/dashboards/{found['uid']}" + (f"?{parts.query}" if parts.query else "")


async def _or_error(question: Callable[[], Awaitable[_Answer]]) -> _Answer | UpstreamError:
    try:
        return await question()
    except UpstreamError as error:
        return error


class AlertList:
    """Reads both servers and puts their answers together."""

    def __init__(self, upstream: Upstream, settings: Settings, boards: Boards) -> None:
        self._upstream = upstream
        self._texts = AlertTexts(settings)
        self._boards = boards

    async def read(self, lang: Language) -> dict[str, Any]:
        """Return `{"alerts", "watchdog", "problems"}`, the worst alert first.

        `watchdog` tells whether the alert that always fires reached Alertmanager (None: Alertmanager is away).
        `problems` has `{"server", "kind", "message"}` of each server that gave no answer.
        """
        own, delivered = await asyncio.gather(
            _or_error(self._upstream.prometheus_alerts), _or_error(self._upstream.alertmanager_alerts)
        )
        answers = {"prometheus": own, "alertmanager": delivered}
        problems = [
            {"server": server, "kind": answer.kind, "message": str(answer)}
            for server, answer in answers.items()
            if isinstance(answer, UpstreamError)
        ]
        firing = [] if isinstance(own, UpstreamError) else json.loads(own)["data"]["alerts"]
        arrived = None if isinstance(delivered, UpstreamError) else delivered
        alerts = list(self._merged(lang, firing, arrived))
        alerts.sort(
            key=lambda one: (_STATES[one["state"]], bool(one["silences"]), _ORDER.get(one["severity"], 2), one["since"])
        )
        watchdog = None if arrived is None else any(one["labels"].get("alertname") == WATCHDOG for one in arrived)
        return {"alerts": alerts[:MAX_ALERTS], "watchdog": watchdog, "problems": problems}

    def _merged(
        self, lang: Language, firing: list[dict[str, Any]], arrived: list[dict[str, Any]] | None
    ) -> Iterator[dict[str, Any]]:
        left = list(arrived or ())
        for alert in firing:
            labels = alert["labels"]
            # Alertmanager's copy carries Prometheus' external labels too.
            twin = next((one for one in left if labels.items() <= one["labels"].items()), None)
            if twin is not None:
                left.remove(twin)
            yield from self._entry(
                lang, alert, state=alert["state"], since=alert["activeAt"], value=float(alert["value"]), twin=twin
            )
        for one in left:
            yield from self._entry(lang, one, state="firing", since=one["startsAt"], value=None, twin=one)

    def _entry(
        self,
        lang: Language,
        alert: dict[str, Any],
        *,
        state: str,
        since: str,
        value: float | None,
        twin: dict[str, Any] | None,
    ) -> Iterator[dict[str, Any]]:
        labels, texts = alert["labels"], alert["annotations"]
        if labels.get("severity") == Severity.NONE.value:
            return
        summary, description = self._texts.translated(lang, labels, texts, value)
        yield {
            "name": labels.get("alertname", "?"),
            "severity": labels.get("severity", ""),
            "labels": labels,
            "summary": summary,
            "description": description,
            "state": state,
            "since": since,
            "value": value,
            "delivered": twin is not None,
            "silences": twin["status"]["silencedBy"] if twin else [],
            "inhibited": bool(twin and twin["status"]["inhibitedBy"]),
            "board": local_board(texts.get("dashboard_url", ""), self._boards, lang),
        }
