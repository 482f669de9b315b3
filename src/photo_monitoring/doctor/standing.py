"""One selector against one page: are its series there, will they come, or never, and why."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from photo_metrics.catalog import CATALOG
from photo_metrics.node_exporter import NODE_METRICS
from photo_metrics.spec import LabelKind, LabelSpec, MetricSpec, MetricType
from photo_monitoring.doctor import causes
from photo_monitoring.doctor.exposition import Labels
from photo_monitoring.doctor.outcome import LIVE, Cause, Outcome, Status, both, failed, noted
from photo_monitoring.doctor.syntax import Vector
from photo_monitoring.doctor.world import Source
from photo_monitoring.known_metrics import TARGET_LABELS, known_samples
from photo_monitoring.promql import Matcher

SPECS: Final[Mapping[str, MetricSpec]] = {spec.name: spec for spec in (*CATALOG, *NODE_METRICS)}

_ROUTE_LABELS: Final = sorted(
    {label.name for spec in CATALOG for label in spec.labels if label.kind is LabelKind.ROUTE}
)
_CODES: Final = tuple(str(code) for code in range(100, 600))
_CLASSES: Final = tuple(f"{first}{rest}" for first in range(1, 6) for rest in ("xx", "XX"))
_UNTOLD: Final = frozenset({"unknown", "untyped"})
_GROWING: Final = frozenset({"counter", "histogram", "summary"})


def satisfies(value: str, matchers: Iterable[Matcher]) -> bool:
    """Say whether a label's value (\"\": it has none) satisfies all of these matchers of the label."""
    return all(one.accepts(value) for one in matchers)


def _written(matchers: Iterable[Matcher]) -> str:
    return ", ".join(f'{one.label}{one.operator}"{one.value}"' for one in matchers)


def _by_label(selector: Vector, instance_label: str) -> dict[str, list[Matcher]]:
    found: dict[str, list[Matcher]] = {}
    for one in selector.matchers:
        if one.label not in TARGET_LABELS | {instance_label}:
            found.setdefault(one.label, []).append(one)
    return found


class Standing:
    """Judges selectors by one page."""

    def __init__(self, source: Source, instance_label: str) -> None:
        self._page = source.page
        self._name = source.name
        self._workers = source.workers
        self._instance = instance_label
        self._routes = source.routes or self._declared_routes()

    def _declared_routes(self) -> frozenset[str] | None:
        """Return the values of route labels, where series at 0 show that all were created at the start."""
        for name, values in self._page.values.items():
            spec = SPECS.get(name)
            if spec is not None and 0.0 in values and any(label.kind is LabelKind.ROUTE for label in spec.labels):
                return self._page.label_values(_ROUTE_LABELS)
        return None

    def of(self, selector: Vector) -> Outcome:
        """Return what the page makes of a selector of a metric that a page can have."""
        sample = known_samples()[selector.metric]
        spec = SPECS.get(sample.metric)
        labels = {label.name: label for label in spec.labels} if spec is not None else {}
        found = self._series(selector, sample.metric, labels)
        if (kind := self._page.types.get(selector.metric)) is not None and found.status is not Status.SILENT:
            wanted = spec.type.value if spec is not None else "counter" if sample.counter else "gauge"
            if kind not in _UNTOLD and (kind in _GROWING) != sample.counter:
                found = both(found, failed(Status.WRONG, causes.wrong_type(sample.metric, wanted, kind)))
        if self._workers is not None and found.usable:
            found = both(found, failed(Status.WRONG, causes.several_workers(self._name, self._workers)))
        return found

    def _series(self, selector: Vector, metric: str, labels: Mapping[str, LabelSpec]) -> Outcome:
        series = self._page.series.get(selector.metric, [])
        wanted = _by_label(selector, self._instance)
        if not series and selector.metric not in self._page.types:
            return failed(Status.SILENT, causes.metric_missing(metric))
        if not series:
            return self._declared_only(selector, metric, labels, wanted)
        notes: list[Cause] = []
        for label, matchers in wanted.items():
            if not any(label in one for one in series):
                missing = causes.label_missing(metric, label)
                if not satisfies("", matchers):
                    return failed(Status.SILENT, missing)
                notes.append(missing)
        if any(self._matches(one, wanted) for one in series):
            return noted(LIVE, *notes)
        never: list[Cause] = []
        for label, matchers in wanted.items():
            values = {one.get(label, "") for one in series}
            if not any(satisfies(value, matchers) for value in values):
                cause = self._never(metric, label, matchers, values, labels.get(label))
                never += [] if cause is None else [cause]
        if never:
            return failed(Status.SILENT, *never)
        return self._waiting(metric, wanted, notes)

    def _declared_only(
        self,
        selector: Vector,
        metric: str,
        labels: Mapping[str, LabelSpec],
        wanted: Mapping[str, Sequence[Matcher]],
    ) -> Outcome:
        """Judge a family without any series: a counter's come with an event, and so do those of many clients."""
        spec = SPECS.get(metric)
        for label, matchers in wanted.items():
            if label in labels and labels[label].kind is LabelKind.ROUTE and self._lacks_route(matchers):
                return failed(Status.SILENT, causes.no_route(_written(matchers), label))
        eventful = any(label.kind in {LabelKind.BOUNDED, LabelKind.ROUTE} for label in labels.values())
        if spec is not None and spec.type is MetricType.GAUGE and not eventful:
            return failed(Status.SILENT, causes.not_published(selector.metric))
        return self._waiting(metric, wanted, [])

    def _waiting(self, metric: str, wanted: Mapping[str, Sequence[Matcher]], notes: Sequence[Cause]) -> Outcome:
        spec = SPECS.get(metric)
        written = _written(one for matchers in wanted.values() for one in matchers)
        found = [*notes, causes.not_seen(metric, written)]
        if spec is not None and spec.type is MetricType.COUNTER and any(spec.closed_label_sets()):
            found.append(causes.first_event(metric))
        return Outcome(Status.WAITING, notes=tuple(found))

    def _matches(self, one: Labels, wanted: Mapping[str, Sequence[Matcher]]) -> bool:
        return all(satisfies(one.get(label, ""), matchers) for label, matchers in wanted.items())

    def _lacks_route(self, matchers: Sequence[Matcher]) -> bool:
        return self._routes is not None and not any(satisfies(route, matchers) for route in self._routes)

    def _never(
        self, metric: str, label: str, matchers: Sequence[Matcher], values: set[str], spec: LabelSpec | None
    ) -> Cause | None:
        """Say why a label never has a value that is asked for; None: it may come."""
        written = _written(matchers)
        if label == "le":
            return _bucket(metric, matchers, values)
        if spec is None or spec.kind in {LabelKind.EXTERNAL, LabelKind.IDENTITY}:
            return causes.value_never(metric, label, written, values)
        if spec.kind is LabelKind.ROUTE:
            return causes.no_route(written, label) if self._lacks_route(matchers) else None
        if spec.kind is LabelKind.STATUS:
            shape = _CODES if values & set(_CODES) else _CLASSES if values & set(_CLASSES) else ()
            possible = any(satisfies(value, matchers) for value in shape)
            return None if possible else causes.value_never(metric, label, written, values)
        if spec.kind is LabelKind.CLOSED:
            gauge = SPECS[metric].type is MetricType.GAUGE
            foreign = values.isdisjoint({*spec.values, *([spec.fallback] if spec.fallback else [])})
            return causes.value_never(metric, label, written, values) if gauge or foreign else None
        return None


def _bucket(metric: str, matchers: Sequence[Matcher], values: set[str]) -> Cause | None:
    for one in matchers:
        if one.operator == "=":
            same = (value for value in sorted(values) if _number(value) == _number(one.value))
            return causes.bucket_missing(metric, one.value, next(same, None))
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
