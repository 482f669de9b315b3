"""How a metric is declared: typed, immutable, checked when it is built.

A declaration carries everything that its users need: the exporter (type, buckets), the rules' lints (sample names and
their labels), the reference page (texts in Korean and English, section of the guide).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_UNITS = ("seconds", "bytes")
_RESERVED_LABELS = frozenset({"le", "quantile", "__name__"})

OTHER_KEY = "other"
"""The value of a bounded label that gathers whatever has no series of its own."""


class MetricType(StrEnum):
    """The types that we declare; the values are those of the exposition formats."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class LabelKind(StrEnum):
    """Where a label's values come from, hence what bounds their number."""

    CLOSED = "closed"  # the declared values, and nothing else
    ROUTE = "route"  # route templates known at start-up, "none", "OTHER"
    STATUS = "status"  # three-digit HTTP status codes
    BOUNDED = "bounded"  # at most `limit` values at a time; the rest is "other"
    IDENTITY = "identity"  # one value for the process's life
    EXTERNAL = "external"  # another exporter's


@dataclass(frozen=True, slots=True)
class Text:
    """One text in the two languages of the project."""

    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """One label: its name, where its values come from, and what an unknown value becomes.

    `values` are the known ones (all of them for CLOSED), `fallback` replaces an unknown value (None: it is refused),
    `limit` is the largest number of values of a BOUNDED label.
    """

    name: str
    kind: LabelKind
    values: tuple[str, ...] = ()
    fallback: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse names that Prometheus refuses, and kinds without what bounds them (ValueError)."""
        if not _LABEL_NAME.fullmatch(self.name) or self.name in _RESERVED_LABELS or self.name.startswith("__"):
            message = f"{self.name!r} cannot be a label's name"
            raise ValueError(message)
        if self.kind is LabelKind.CLOSED and not self.values:
            message = f"label {self.name}: a closed label declares its values"
            raise ValueError(message)
        if self.kind is LabelKind.BOUNDED and (self.limit is None or self.fallback is None):
            message = f"label {self.name}: a bounded label declares its limit and its fallback"
            raise ValueError(message)

    def accept(self, value: str, metric: str) -> str:
        """The value to publish for `value`; ValueError names metric, label and the known values."""
        if self.kind is not LabelKind.CLOSED or value in self.values:
            return value
        if self.fallback is not None:
            return self.fallback
        message = f"{metric}: {value!r} is no value of label {self.name}; known are {', '.join(self.values)}"
        raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One metric family.

    `guide` is the guide's section that asks for it (None: ours), `buckets` the histogram's finite upper bounds in
    ascending order, `note` why it is as it is where that differs from the guide, `combinations` the label sets that
    make sense when they are fewer than the product of the closed values, `precreate` whether closed label sets are
    there from the start (False where a value of 0 would be a false statement).
    """

    name: str
    type: MetricType
    help: Text
    labels: tuple[LabelSpec, ...] = ()
    buckets: tuple[float, ...] = ()
    guide: str | None = None
    note: Text | None = None
    combinations: tuple[tuple[str, ...], ...] | None = None
    precreate: bool = True

    def __post_init__(self) -> None:
        """Refuse what an exporter could not publish (ValueError)."""
        if not _METRIC_NAME.fullmatch(self.name):
            message = f"{self.name!r} cannot be a metric's name"
            raise ValueError(message)
        if len(set(self.label_names)) != len(self.labels):
            message = f"{self.name}: a label is declared twice"
            raise ValueError(message)
        if (self.type is MetricType.HISTOGRAM) != bool(self.buckets):
            message = f"{self.name}: a histogram, and only a histogram, declares buckets"
            raise ValueError(message)
        if not all(math.isfinite(bound) for bound in self.buckets) or any(a >= b for a, b in pairwise(self.buckets)):
            message = f"{self.name}: buckets are finite and ascend"
            raise ValueError(message)

    @property
    def unit(self) -> str:
        """The base unit that the name ends in, "seconds" or "bytes"; "" for a plain number."""
        stem = self.name.removesuffix("_total")
        return next((unit for unit in _UNITS if stem.endswith(f"_{unit}")), "")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels' names, in the order in which values are given."""
        return tuple(label.name for label in self.labels)

    @property
    def samples(self) -> dict[str, tuple[str, ...]]:
        """Each sample name that the family exports, with its label names: what a query may use."""
        if self.type is not MetricType.HISTOGRAM:
            return {self.name: self.label_names}
        return {
            f"{self.name}_bucket": (*self.label_names, "le"),
            f"{self.name}_sum": self.label_names,
            f"{self.name}_count": self.label_names,
        }

    def closed_label_sets(self) -> Iterator[tuple[str, ...]]:
        """The label sets to create at start-up: every declared combination, or none if one of the labels is open."""
        if not self.precreate:
            return
        if self.combinations is not None:
            yield from self.combinations
        elif all(label.kind is LabelKind.CLOSED for label in self.labels):
            yield from product(*(label.values for label in self.labels))
