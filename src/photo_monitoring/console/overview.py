"""The first page's answer: is the service healthy, since when, which instances, how much budget is left."""

import asyncio
import json
import time
from typing import Any, Final

from photo_monitoring.alerts.slo import OBJECTIVES
from photo_monitoring.configuration.settings import Language, Settings
from photo_monitoring.console.alerts import AlertList
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

_Vector = list[dict[str, Any]]


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
        alerts, vectors, sparks = await asyncio.gather(self._alerts.read(lang), self._vectors(), self._series(now))
        instances = self._instances(vectors, now)
        ready = sum(one["state"] == "ready" for one in instances)
        return {
            **alerts,
            **_verdict(alerts, instances, ready, vectors),
            "now": now,
            "ready": ready,
            "instances": instances,
            "targets": self._targets(vectors["others"]),
            "budgets": self._budgets(vectors, lang),
            "sparks": sparks,
        }

    async def _vectors(self) -> dict[str, _Vector]:
        async def one(expr: str) -> _Vector:
            try:
                answer = json.loads(await self._upstream.query(expr))
            except UpstreamError:
                return []  # the alerts' question names the fault
            result: _Vector = answer["data"]["result"]
            return result

        results = await asyncio.gather(*map(one, self._instant.values()))
        return dict(zip(self._instant, results, strict=True))

    async def _series(self, now: float) -> dict[str, list[list[Any]]]:
        end = now // SPARK_STEP * SPARK_STEP

        async def one(expr: str) -> list[list[Any]]:
            try:
                answer = json.loads(await self._upstream.query_range(expr, end - SPARK_SECONDS, end, SPARK_STEP))
            except UpstreamError:
                return []
            result = answer["data"]["result"]
            values: list[list[Any]] = result[0]["values"] if result else []
            return values

        results = await asyncio.gather(*map(one, self._sparks.values()))
        return dict(zip(self._sparks, results, strict=True))

    def _instances(self, vectors: dict[str, _Vector], now: float) -> list[dict[str, Any]]:
        def by_instance(name: str) -> dict[str, float]:
            return {one["metric"].get(self._instance, ""): float(one["value"][1]) for one in vectors[name]}

        tables = {name: by_instance(name) for name in ("ready", "started", "drain", "requests", "errors", "p95")}
        infos = {one["metric"].get(self._instance, ""): one["metric"] for one in vectors["info"]}
        found = []
        for name, up in sorted(by_instance("up").items()):
            planned = tables["drain"].get(name, 0.0) > now
            info = infos.get(name, {})
            found.append(
                {
                    "name": name,
                    "state": _state(up == 1, tables["ready"].get(name), planned=planned),
                    "version": info.get("version", ""),
                    "environment": info.get("environment", ""),
                    "started": _number(tables["started"].get(name)),
                    "requests": _number(tables["requests"].get(name)),
                    "errors": _number(tables["errors"].get(name)),
                    "p95": _number(tables["p95"].get(name)),
                }
            )
        return found

    def _targets(self, others: _Vector) -> list[dict[str, Any]]:
        found = [
            {
                "job": one["metric"].get("job", ""),
                "name": one["metric"].get(self._instance, ""),
                "up": one["value"][1] == "1",
            }
            for one in others
        ]
        return sorted(found, key=lambda one: (one["job"], one["name"]))

    def _budgets(self, vectors: dict[str, _Vector], lang: Language) -> list[dict[str, Any]]:
        def by_slo(name: str) -> dict[str, float]:
            return {one["metric"].get("sloth_slo", ""): float(one["value"][1]) for one in vectors[name]}

        left, burn = by_slo("budget"), by_slo("burn")
        return [
            {
                "slo": slo,
                "promise": self._promises[slo].in_language(lang) if slo in self._promises else slo,
                "objective": objective,
                "left": _number(left.get(slo)),
                "burn": _number(burn.get(slo)),
            }
            for slo, objective in by_slo("objective").items()
        ]


def _number(value: float | None) -> float | None:
    """Return a number that JSON can hold."""
    return value if value is not None and abs(value) < float("inf") else None


def _state(up: bool, ready: float | None, *, planned: bool) -> str:
    if up and ready == 1:
        return "ready"
    if planned:
        return "draining"
    return "not_ready" if up else "down"


def _verdict(
    alerts: dict[str, Any], instances: list[dict[str, Any]], ready: int, vectors: dict[str, _Vector]
) -> dict[str, Any]:
    counted = [one for one in alerts["alerts"] if one["state"] == "firing" and not one["silences"]]
    level = "healthy"
    if any(one["severity"] == "critical" for one in counted) or (instances and not ready):
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


def _single(vector: _Vector) -> float | None:
    return float(vector[0]["value"][1]) if vector else None
