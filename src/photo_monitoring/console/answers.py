"""What Prometheus and Alertmanager answered, checked for the fields that the console reads.

JSON of another program is told in one line (`UpstreamError`), not by whichever field it happens to lack.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from photo_monitoring.console.upstream import foreign

Server = Literal["prometheus", "alertmanager"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant vector."""

    labels: dict[str, str]
    value: float


@contextmanager
def _written_by(server: Server) -> Iterator[None]:
    try:
        yield
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError):
        raise foreign(server) from None


def vector(answer: bytes) -> list[Sample]:
    """Read an instant vector (Prometheus' HTTP API, `/api/v1/query`)."""
    with _written_by("prometheus"):
        return [Sample(_texts(one["metric"]), float(one["value"][1])) for one in json.loads(answer)["data"]["result"]]


def first_series(answer: bytes) -> list[list[Any]]:
    """Read the points `[unix seconds, text]` of a range query's first series (`/api/v1/query_range`)."""
    with _written_by("prometheus"):
        result = json.loads(answer)["data"]["result"]
        return [[float(time), str(text)] for time, text in result[0]["values"]] if len(result) else []


def prometheus_alerts(answer: bytes) -> list[dict[str, Any]]:
    """Read what is pending and firing: `labels`, `annotations`, `state`, `since`, `value` (`/api/v1/alerts`)."""
    with _written_by("prometheus"):
        return [
            {
                "labels": _texts(one["labels"]),
                "annotations": _texts(one["annotations"]),
                "state": _state(one["state"]),
                "since": _text(one["activeAt"]),
                "value": float(one["value"]),
            }
            for one in json.loads(answer)["data"]["alerts"]
        ]


def alertmanager_alerts(document: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read the alerts that arrived: `labels`, `annotations`, `since`, `silences`, `inhibited` (API v2, `/alerts`)."""
    with _written_by("alertmanager"):
        return [
            {
                "labels": _texts(one["labels"]),
                "annotations": _texts(one["annotations"]),
                "since": _text(one["startsAt"]),
                "silences": [_text(name) for name in one["status"]["silencedBy"]],
                "inhibited": bool(one["status"]["inhibitedBy"]),
            }
            for one in document
        ]


def silences(document: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read silences: `id`, `state`, `matchers`, `starts`, `ends`, `author`, `reason` (API v2, `/silences`)."""
    with _written_by("alertmanager"):
        return [
            {
                "id": _text(one["id"]),
                "state": _text(one["status"]["state"]),
                "matchers": [
                    {
                        "name": _text(matcher["name"]),
                        "value": _text(matcher["value"]),
                        "isRegex": bool(matcher["isRegex"]),
                        "isEqual": bool(matcher.get("isEqual", True)),
                    }
                    for matcher in one["matchers"]
                ],
                "starts": _text(one["startsAt"]),
                "ends": _text(one["endsAt"]),
                "author": _text(one["createdBy"]),
                "reason": _text(one["comment"]),
            }
            for one in document
        ]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return {_text(name): _text(text) for name, text in value.items()}


def _state(value: object) -> str:
    if value not in {"firing", "pending"}:
        raise ValueError(value)
    return str(value)
