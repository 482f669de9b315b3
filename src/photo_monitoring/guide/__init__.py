"""The monitoring guide as data: what it defines and demands, so that what is missing can be counted.

The TOML files beside this module are the index; nothing here is derived from our own rules or metrics.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, TypeVar

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideMetric:
    """A metric of sections 1-7; `values` has the closed values of the labels that have them."""

    name: str
    section: str
    type: str
    labels: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    buckets: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideCriterion:
    """A Warning or Critical statement, or (kind `or`) a clause within statement `of` that is a criterion by itself."""

    id: str
    kind: str
    section: str
    metric: str
    severity: str
    measure: str
    of: str | None = None
    compare: str | None = None
    threshold: float | None = None
    hold: str | None = None


def demand(criterion: GuideCriterion) -> str:
    """Say a criterion of the guide in one line: what is measured, against what, for how long."""
    words = [criterion.measure]
    if criterion.compare and criterion.threshold is not None:
        words.append(f"{criterion.compare} {criterion.threshold:g}")
    if criterion.hold:
        words.append(f"for {criterion.hold}")
    return " ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideRule:
    """One of the fifteen rules of section 9."""

    alert: str
    group: str
    severity: str
    metric: str
    compare: str
    threshold: float
    hold: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidePanel:
    """One of the 24 panels of section 8."""

    row: int
    number: int
    row_title: str
    title: str
    kind: str
    metrics: list[str]
    unit: str = ""
    by: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    handler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideUsage:
    """How section 7 wants a growth metric shown."""

    metric: str
    kind: str
    shows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidePoint:
    """A bullet under a metric's "핵심 모니터링 포인트"."""

    section: str
    metric: str
    about: str
    handler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideChecklistItem:
    """One of the sixteen items of section 10; `period` is hourly, daily, weekly or monthly."""

    period: str
    section: str
    item: str
    metrics: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidePhaseItem:
    """An item of one of the four phases of section 11."""

    phase: int
    number: int
    metrics: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideChannel:
    """A channel of section 9.2 and which alerts it gets."""

    name: str
    severities: list[str]
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """The whole index, each part in the guide's order."""

    metrics: tuple[GuideMetric, ...]
    criteria: tuple[GuideCriterion, ...]
    rules: tuple[GuideRule, ...]
    panels: tuple[GuidePanel, ...]
    usages: tuple[GuideUsage, ...]
    points: tuple[GuidePoint, ...]
    checklist: tuple[GuideChecklistItem, ...]
    phases: tuple[GuidePhaseItem, ...]
    channels: tuple[GuideChannel, ...]
    refresh: str
    ranges: tuple[str, ...]
    variables: tuple[str, ...]


def _entries(kind: type[Entry], rows: list[Mapping[str, Any]]) -> tuple[Entry, ...]:
    return tuple(kind(**{"hold" if key == "for" else key: value for key, value in row.items()}) for row in rows)


@cache
def load_guide() -> Guide:
    """Read the index; TypeError when an entry has a key that its kind does not know, or lacks one."""

    def read(name: str) -> dict[str, Any]:
        return tomllib.loads(resources.files(__name__).joinpath(name).read_text(encoding="utf-8"))

    section9, dashboards, reviews = read("section9.toml"), read("dashboards.toml"), read("reviews.toml")
    return Guide(
        metrics=_entries(GuideMetric, read("metrics.toml")["metric"]),
        criteria=_entries(GuideCriterion, read("criteria.toml")["criterion"]),
        rules=_entries(GuideRule, section9["rule"]),
        panels=_entries(GuidePanel, dashboards["panel"]),
        usages=_entries(GuideUsage, dashboards["usage"]),
        points=_entries(GuidePoint, read("points.toml")["point"]),
        checklist=_entries(GuideChecklistItem, reviews["checklist"]),
        phases=_entries(GuidePhaseItem, reviews["phase"]),
        channels=_entries(GuideChannel, section9["channel"]),
        refresh=dashboards["settings"]["refresh"],
        ranges=tuple(dashboards["settings"]["ranges"]),
        variables=tuple(dashboards["settings"]["variables"]),
    )
