"""Asking Prometheus (HTTP API v1): its targets, rules, series, types, results and how long it keeps them."""

import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from photo_monitoring import durations
from photo_monitoring.configuration.overrides import with_objectives
from photo_monitoring.configuration.settings import JOBS, Settings
from photo_monitoring.doctor.addresses import Address, CannotLookError, scrubbed
from photo_monitoring.doctor.exposition import Page
from photo_monitoring.doctor.fetching import Fetcher
from photo_monitoring.doctor.world import Job, LoadedRule, Server, Source, samples_by_role
from photo_monitoring.render import recordings_of

_RETENTION: Final = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_LONGEST: Final = 160
_LOOK_BACK: Final = 3600.0
"""Seconds; what was there an hour ago may well have ended with a restart."""


class PrometheusLook:
    """Gathers what a Prometheus says, in a handful of questions."""

    def __init__(self, fetcher: Fetcher, address: Address, settings: Settings) -> None:
        self._fetcher = fetcher
        self._address = address
        self._settings = settings
        self._samples = samples_by_role(settings)

    async def look(self) -> tuple[Server, dict[str, Source]]:
        """Return what it has, and what it keeps of each job, by role; `CannotLookError` when it does not answer."""
        try:
            return await self._look()
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            shown = self._address.shown
            raise CannotLookError(
                f"--prometheus {shown}: it answers as no Prometheus that is known (2.42 or later): {error!r}"
            ) from None

    async def _look(self) -> tuple[Server, dict[str, Source]]:
        targets = (await self._ask("/api/v1/targets?state=active"))["data"]["activeTargets"]
        jobs, sources = {}, {}
        for role, setting in JOBS.items():
            name = getattr(self._settings, setting)
            jobs[role], source = await self._job(role, name, [one for one in targets if one["labels"]["job"] == name])
            if source is not None:
                sources[role] = source
        server = Server(
            jobs=jobs, rules=await self._rules(), results=await self._results(), retention=await self._retention()
        )
        return server, sources

    async def _ask(self, path: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._fetcher.prometheus(self._address, path, form)

    async def _query(self, expr: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._ask("/api/v1/query", {"query": expr, "timeout": "10s"}))["data"][
            "result"
        ]
        return found

    async def _job(self, role: str, name: str, targets: list[dict[str, Any]]) -> tuple[Job, Source | None]:
        wanted = self._samples[role]
        pattern = "|".join(sorted(wanted))
        if not targets:
            found = await self._query(f'count by (job) ({{__name__=~"{pattern}"}})') if pattern else []
            others = frozenset(one["metric"]["job"] for one in found if "job" in one["metric"])
            taken = {getattr(self._settings, setting) for setting in JOBS.values()}
            return Job(lookalikes=others - taken), None
        scraped = any(one["health"] != "unknown" for one in targets)
        up = sum(one["health"] == "up" for one in targets)
        page = await self._page(name, pattern) if up else Page()
        job = Job(
            targets=len(targets),
            up=up,
            interval=max(durations.seconds(one["scrapeInterval"]) for one in targets),
            error=next((scrubbed(one["lastError"])[:_LONGEST] for one in targets if one["health"] == "down"), ""),
            names=frozenset(page.series) if scraped else None,
        )
        return job, Source(f"Prometheus, job {name}", page) if up else None

    async def _page(self, name: str, pattern: str) -> Page:
        page = Page()
        matcher = f'{{job="{name}"}}'
        for one in (await self._ask(f"/api/v1/targets/metadata?match_target={quote(matcher)}"))["data"]:
            page.declare(one["metric"], one["type"])
            if one["type"] == "counter":
                page.types[f"{one['metric'].removesuffix('_total')}_total"] = "counter"
        if pattern:
            form = {"match[]": f'{{job="{name}", __name__=~"{pattern}"}}', "start": f"{time.time() - _LOOK_BACK:.0f}"}
            for labels in (await self._ask("/api/v1/series", form))["data"]:
                page.add(labels.pop("__name__"), labels)
        return page

    async def _rules(self) -> dict[tuple[str, frozenset[tuple[str, str]]], LoadedRule]:
        found = {}
        for group in (await self._ask("/api/v1/rules"))["data"]["groups"]:
            for rule in group["rules"]:
                error = scrubbed(rule.get("lastError", ""))[:_LONGEST] if rule.get("health") == "err" else ""
                found[rule["name"], frozenset(rule.get("labels", {}).items())] = LoadedRule(rule["query"], error)
        return found

    async def _results(self) -> frozenset[str]:
        names = sorted({recording.name for recording in recordings_of(with_objectives(self._settings))})
        found = await self._query(f'count by (__name__) ({{__name__=~"{"|".join(names)}"}})')
        return frozenset(one["metric"]["__name__"] for one in found)

    async def _retention(self) -> float | None:
        """Return for how many seconds data is kept at least by time; None where only its size is limited."""
        text = str((await self._ask("/api/v1/status/runtimeinfo"))["data"]["storageRetention"])
        match = _RETENTION.match(text)
        return None if match is None else _seconds(match.group())


def _seconds(text: str) -> float:
    """Read a duration that may begin with years, which Prometheus has at 365 days."""
    years, _, rest = text.rpartition("y")
    return int(years or 0) * 365 * 86_400 + (durations.seconds(rest) if rest else 0)
