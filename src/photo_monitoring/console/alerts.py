"""What is wrong now: Prometheus' alerts, and what Alertmanager did with them, as one list in the reader's language.

Either of the two may be away: the other still tells most of it.
"""

import asyncio
import re
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from photo_monitoring import annotations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.overrides import in_force
from photo_monitoring.configuration.settings import LANGUAGES, Language, Settings
from photo_monitoring.console import answers
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
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    found = _BOARD.search(parts.path)
    if found is None or boards.find(found["uid"], lang) is None:
        return None
    return f"/dashboards/{found['uid']}" + (f"?{parts.query}" if parts.query else "")


async def or_error(question: Awaitable[_Answer]) -> _Answer | UpstreamError:
    """Return an answer, or why there is none."""
    try:
        return await question
    except UpstreamError as error:
        return error


def problem(server: answers.Server, error: UpstreamError) -> dict[str, str]:
    """Return what a page is told of a server that gave no answer."""
    return {"server": server, "kind": error.kind, "message": str(error)}


class _Delivered:
    """Alertmanager's alerts, to be found by Prometheus' labels: its copies carry the external labels too."""

    def __init__(self, arrived: list[dict[str, Any]]) -> None:
        self._arrived = arrived
        self._taken: set[int] = set()
        self._by_names: dict[frozenset[str], dict[frozenset[tuple[str, str]], list[int]]] = {}

    def take(self, labels: Mapping[str, str]) -> dict[str, Any] | None:
        """Return the first alert with these labels, and perhaps others, that nobody took yet."""
        names = frozenset(labels)
        if names not in self._by_names:
            self._by_names[names] = self._indexed(names)
        for place in self._by_names[names].get(frozenset(labels.items()), ()):
            if place not in self._taken:
                self._taken.add(place)
                return self._arrived[place]
        return None

    def left(self) -> list[dict[str, Any]]:
        """Return what nobody took."""
        return [one for place, one in enumerate(self._arrived) if place not in self._taken]

    def _indexed(self, names: frozenset[str]) -> dict[frozenset[tuple[str, str]], list[int]]:
        found: dict[frozenset[tuple[str, str]], list[int]] = {}
        for place, one in enumerate(self._arrived):
            own = frozenset(item for item in one["labels"].items() if item[0] in names)
            if len(own) == len(names):
                found.setdefault(own, []).append(place)
        return found


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
        own, delivered = await asyncio.gather(or_error(self._firing()), or_error(self._delivered()))
        problems = []
        if isinstance(own, UpstreamError):
            problems.append(problem("prometheus", own))
        if isinstance(delivered, UpstreamError):
            problems.append(problem("alertmanager", delivered))
        firing = [] if isinstance(own, UpstreamError) else own
        arrived = None if isinstance(delivered, UpstreamError) else delivered
        alerts = list(self._merged(lang, firing, arrived))
        alerts.sort(
            key=lambda one: (_STATES[one["state"]], bool(one["silences"]), _ORDER.get(one["severity"], 2), one["since"])
        )
        watchdog = None if arrived is None else any(one["labels"].get("alertname") == WATCHDOG for one in arrived)
        return {"alerts": alerts[:MAX_ALERTS], "watchdog": watchdog, "problems": problems}

    async def _firing(self) -> list[dict[str, Any]]:
        return answers.prometheus_alerts(await self._upstream.prometheus_alerts())

    async def _delivered(self) -> list[dict[str, Any]]:
        return answers.alertmanager_alerts(await self._upstream.alertmanager_alerts())

    def _merged(
        self, lang: Language, firing: list[dict[str, Any]], arrived: list[dict[str, Any]] | None
    ) -> Iterator[dict[str, Any]]:
        delivered = _Delivered(arrived or [])
        for alert in firing:
            twin = delivered.take(alert["labels"])
            yield from self._entry(lang, alert, state=alert["state"], value=alert["value"], twin=twin)
        for one in delivered.left():
            yield from self._entry(lang, one, state="firing", value=None, twin=one)

    def _entry(
        self, lang: Language, alert: dict[str, Any], *, state: str, value: float | None, twin: dict[str, Any] | None
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
            "since": alert["since"],
            "delivered": twin is not None,
            "silences": twin["silences"] if twin else [],
            "inhibited": bool(twin and twin["inhibited"]),
            "board": local_board(texts.get("dashboard_url", ""), self._boards, lang),
        }
