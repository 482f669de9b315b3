"""The first page's answer: is the service healthy, since when, which instances, how much budget is left."""

import asyncio
import math
import time
from typing import Any, Final

from photo_monitoring.alerts.slo import OBJECTIVES
from photo_monitoring.configuration.settings import Language, Settings
from photo_monitoring.console.alerts import AlertList, or_error, problem
from photo_monitoring.console.answers import Sample, first_series, vector
from photo_monitoring.console.upstream import Upstream, UpstreamError
from photo_monitoring.expressions import fill

SPARK_SECONDS: Final = 3600.0
SPARK_STEP: Final = 60.0

_WRONG: Final = 'ALERTS{alertstate="firing", severity=~"critical|warning"}'

# Each by instance, or one value without labels.
INSTANT: Final = {
    "up": "up{$api}",
    "ready": "photo_api_ready{$api}",
    "info": "photo_api_app_info{$api}",
    "started": "process_start_time_seconds{$api}",
    "drain": "last_over_time(photo_api_drain_deadline_timestamp_seconds{$api}[1h])",
    "requests": "sum by (instance) (rate(http_requests_total{$api, $traffic}[5m])) * 60",
    "errors": """
sum by (instance) (rate(http_requests_total{$api, $traffic, status=~"5.."}[5m]))
/
sum by (instance) (rate(http_requests_total{$api, $traffic}[5m]))
""",
    "p95": """
histogram_quantile(0.95, sum by (le, instance) (rate(http_request_duration_seconds_bucket{$api, $timed}[5m])))
""",
    "others": 'up{job!=""} unless up{$api}',
    "last_wrong": f"max_over_time(max(timestamp({_WRONG}))[1d:1m])",
    "first_seen": "min_over_time(min(timestamp(up{$api}))[1d:1m])",
    "budget": "slo:period_error_budget_remaining:ratio",
    "burn": "slo:current_burn_rate:ratio",
    "objective": "slo:objective:ratio",
}
SPARKS: Final = {
    "requests": "sum(rate(http_requests_total{$api, $traffic}[5m])) * 60",
    "errors": """
sum(rate(http_requests_total{$api, $traffic, status=~"5.."}[5m]))
/
sum(rate(http_requests_total{$api, $traffic}[5m]))
""",
    "p95": "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{$api, $timed}[5m])))",
    "ready": "sum(photo_api_ready{$api} == bool 1)",
}


class Overview:
    """Asks everything that the first page shows, in one round."""

    def __init__(self, upstream: Upstream, settings: Settings, alerts: AlertList) -> None:
        self._upstream = upstream
        self._alerts = alerts
        self._instance = settings.label("instance")
        self._instant = {name: fill(expr, settings) for name, expr in INSTANT.items()}
        self._sparks = {name: fill(expr, settings) for name, expr in SPARKS.items()}
        self._promises = {objective.slo: objective.promise for objective in OBJECTIVES}

    async def read(self, lang: Language) -> dict[str, Any]:
        """Return the whole answer; `level` is `healthy`, `warning`, `critical` or `unknown`.

        `since` is unix seconds or RFC 3339: the beginning of what is wrong, else the end of what was last
        wrong, or None when that is not within a day; `known_since` is the first sample of that day.
        """
        now = time.time()
        alerts, found, series = await asyncio.gather(self._alerts.read(lang), self._vectors(), self._series(now))
        failed = next((one for one in (*found.values(), *series.values()) if isinstance(one, UpstreamError)), None)
        # The alerts' own question may have been answered: then the page has to hear of the fault from here.
        if failed and not any(one["server"] == "prometheus" for one in alerts["problems"]):
            alerts["problems"].insert(0, problem("prometheus", failed))
        vectors = {name: [] if isinstance(one, UpstreamError) else one for name, one in found.items()}
        knows_ready = not isinstance(found["ready"], UpstreamError)
        instances = self._instances(vectors, now, knows_ready=knows_ready)
        ready = sum(one["state"] == "ready" for one in instances) if knows_ready else None
        return {
            **alerts,
            **_verdict(alerts, instances, ready, vectors),
            "now": now,
            "ready": ready,
            "instances": instances,
            "targets": self._targets(vectors["others"]),
            "budgets": self._budgets(vectors, lang),
            "sparks": {name: [] if isinstance(one, UpstreamError) else one for name, one in series.items()},
        }

    async def _vectors(self) -> dict[str, list[Sample] | UpstreamError]:
        async def one(expr: str) -> list[Sample]:
            return vector(await self._upstream.query(expr))

        results = await asyncio.gather(*(or_error(one(expr)) for expr in self._instant.values()))
        return dict(zip(self._instant, results, strict=True))

    async def _series(self, now: float) -> dict[str, list[list[Any]] | UpstreamError]:
        end = now // SPARK_STEP * SPARK_STEP

        async def one(expr: str) -> list[list[Any]]:
            return first_series(await self._upstream.query_range(expr, end - SPARK_SECONDS, end, SPARK_STEP))

        results = await asyncio.gather(*(or_error(one(expr)) for expr in self._sparks.values()))
        return dict(zip(self._sparks, results, strict=True))

    def _instances(self, vectors: dict[str, list[Sample]], now: float, *, knows_ready: bool) -> list[dict[str, Any]]:
        def by_instance(name: str) -> dict[str, float]:
            return {one.labels.get(self._instance, ""): one.value for one in vectors[name]}

        tables = {name: by_instance(name) for name in ("ready", "started", "drain", "requests", "errors", "p95")}
        infos = {one.labels.get(self._instance, ""): one.labels for one in vectors["info"]}
        found = []
        for name, up in sorted(by_instance("up").items()):
            planned = tables["drain"].get(name, 0.0) > now
            info = infos.get(name, {})
            state = _state(up == 1, tables["ready"].get(name), planned=planned)
            found.append(
                {
                    "name": name,
                    "state": "unknown" if up == 1 and not knows_ready else state,
                    "version": info.get("version", ""),
                    "environment": info.get("environment", ""),
                    "started": _number(tables["started"].get(name)),
                    "requests": _number(tables["requests"].get(name)),
                    "errors": _number(tables["errors"].get(name)),
                    "p95": _number(tables["p95"].get(name)),
                }
            )
        return found

    def _targets(self, others: list[Sample]) -> list[dict[str, Any]]:
        found = [
            {"job": one.labels.get("job", ""), "name": one.labels.get(self._instance, ""), "up": one.value == 1}
            for one in others
        ]
        return sorted(found, key=lambda one: (one["job"], one["name"]))

    def _budgets(self, vectors: dict[str, list[Sample]], lang: Language) -> list[dict[str, Any]]:
        def by_slo(name: str) -> dict[str, float]:
            return {one.labels.get("sloth_slo", ""): one.value for one in vectors[name]}

        left, burn = by_slo("budget"), by_slo("burn")
        return [
            {
                "slo": slo,
                "promise": self._promises[slo].in_language(lang) if slo in self._promises else slo,
                "objective": _number(objective),
                "left": _number(left.get(slo)),
                "burn": _number(burn.get(slo)),
            }
            for slo, objective in by_slo("objective").items()
        ]


def _number(value: float | None) -> float | None:
    """Return a number that JSON can hold."""
    return value if value is not None and math.isfinite(value) else None


def _state(up: bool, ready: float | None, *, planned: bool) -> str:
    if up and ready == 1:
        return "ready"
    if planned:
        return "draining"
    return "not_ready" if up else "down"


def _verdict(
    alerts: dict[str, Any], instances: list[dict[str, Any]], ready: int | None, vectors: dict[str, list[Sample]]
) -> dict[str, Any]:
    """Judge; `ready` is None when Prometheus did not say it, which is not the same as none."""
    counted = [one for one in alerts["alerts"] if one["state"] == "firing" and not one["silences"]]
    level = "healthy"
    if any(one["severity"] == "critical" for one in counted) or (instances and ready == 0):
        level = "critical"
    elif any(one["server"] == "prometheus" for one in alerts["problems"]) or not instances:
        level = "unknown"
    elif counted or alerts["watchdog"] is not True:
        level = "warning"
    known = _single(vectors["first_seen"])
    since: float | str | None = min((one["since"] for one in counted), default=None)
    if level == "healthy":
        since = _single(vectors["last_wrong"])
    return {"level": level, "since": since, "known_since": known}


def _single(found: list[Sample]) -> float | None:
    return _number(found[0].value) if found else None
