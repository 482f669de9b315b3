"""What promtool cannot know: whether the rules fit the metrics that exist, and our own conventions."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from typing import Final

from photo_monitoring import durations, promql
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert, Recording
from photo_monitoring.expressions import condition, fill
from photo_monitoring.known_metrics import TARGET_LABELS, Sample, known_samples
from photo_monitoring.reachability import contradictions, never_fires, unreachable

STATIC_LABELS: Final = frozenset({"severity", "subject", "system"})
_RECORD_NAME: Final = re.compile(r"[a-z]+(?:_[a-z]+)*:[a-zA-Z_]\w*:[a-z]\w*")
_COUNTER_FUNCTIONS: Final = {"rate", "irate", "increase"}
_GAUGE_FUNCTIONS: Final = {"delta", "idelta", "deriv", "predict_linear"}
# rate() needs two samples; Prometheus' usual scrape interval is 30 s at most here.
_SHORTEST_RATE_SECONDS: Final = 60.0


Recordings = dict[str, list[Recording]]


def recordings_by_name(alerts: Iterable[Alert]) -> Recordings:
    """Return name → recordings, for everything that these alerts record."""
    found: Recordings = {}
    for recording in dict.fromkeys(recording for alert in alerts for recording in alert.recordings()):
        found.setdefault(recording.name, []).append(recording)
    return found


def _selected(selector: promql.Selector, recordings: Recordings) -> Iterator[Recording]:
    """Yield the recordings that a selector reads, by the labels that they add."""
    wanted = {matcher.label: matcher.value for matcher in selector.matchers if matcher.operator == "="}
    for recording in recordings.get(selector.metric, ()):
        if all(wanted.get(label, value) == value for label, value in recording.labels):
            yield recording


def metrics_of(alert: Alert, recordings: Recordings) -> frozenset[str]:
    """Return the metrics that an alert reads, looking through what is recorded."""
    return metrics_read([condition(alert, tier, Settings()) for tier in alert.tiers], recordings)


def metrics_read(texts: Iterable[str], recordings: Recordings) -> frozenset[str]:
    """Return the metrics that expressions read, looking through what is recorded."""
    settings, known = Settings(), known_samples()
    waiting = list(texts)
    found: set[str] = set()
    read: set[Recording] = set()
    while waiting:
        for selector in promql.read(waiting.pop()).selectors:
            if selector.metric in known:
                found.add(known[selector.metric].metric)
            for recording in _selected(selector, recordings):
                if recording not in read:
                    read.add(recording)
                    waiting.append(fill(recording.expr, settings))
    return frozenset(found)


def _matchers(selector: promql.Selector, sample: Sample) -> Iterator[str]:
    by_label: dict[str, list[promql.Matcher]] = {}
    for matcher in selector.matchers:
        if matcher.label in sample.labels:
            by_label.setdefault(matcher.label, []).append(matcher)
        else:
            yield f"{selector.metric} has no label {matcher.label}"
    for label, matchers in by_label.items():
        values = sample.values.get(label)
        unknown = [] if values is None else list(_unknown_values(selector, matchers, values))
        yield from unknown
        if not unknown and matches_nothing(matchers, values):
            written = ", ".join(f'{matcher.label}{matcher.operator}"{matcher.value}"' for matcher in matchers)
            yield f"{selector.metric}{{{written}}} matches nothing: such a rule could never fire"


def _unknown_values(
    selector: promql.Selector, matchers: Iterable[promql.Matcher], closed: Collection[str]
) -> Iterator[str]:
    for matcher in matchers:
        wanted = matcher.value.split("|") if "~" in matcher.operator else [matcher.value]
        for value in wanted:
            if value not in closed and matcher.label == "le":
                yield f"{selector.metric} has no bucket {value}: a threshold there cannot be decided"
            elif value not in closed and value.isidentifier():
                yield f"{selector.metric}: label {matcher.label} never is {value!r}"


def matches_nothing(matchers: Iterable[promql.Matcher], values: Collection[str] | None) -> bool:
    """Say whether no value of a label satisfies all its matchers; `values` are all that there are, None: any."""
    if values is None:
        # Of a label with open values, only what is asked for outright can be tried.
        values = [matcher.value for matcher in matchers if matcher.operator == "="]
        if not values:
            return False
    return not any(all(matcher.accepts(value) for matcher in matchers) for value in values)


def _selector(selector: promql.Selector, sample: Sample) -> Iterator[str]:
    yield from _matchers(selector, sample)
    if not any(matcher.label == "job" for matcher in selector.matchers):
        yield f"{selector.metric} is read without a job: another system's series would mix in"
    if selector.function in _COUNTER_FUNCTIONS:
        if not sample.counter:
            yield f"{selector.function}() over the gauge {selector.metric}: use delta() or deriv()"
        if selector.window and durations.seconds(selector.window) < _SHORTEST_RATE_SECONDS:
            yield f"{selector.function}({selector.metric}[{selector.window}]) may hold fewer than two scrapes"
    elif selector.function in _GAUGE_FUNCTIONS and sample.counter:
        yield f"{selector.function}() over the counter {selector.metric}: use rate() or increase()"
    elif sample.counter:
        yield f"the counter {selector.metric} is compared as it stands, though restarts set it to 0: use rate()"


def lint_expression(text: str, recordings: Iterable[str]) -> list[str]:
    """Return what is wrong with one expression, given the names of what is recorded."""
    known, recorded = known_samples(), set(recordings)
    expression = promql.read(text)
    problems: list[str] = []
    labels = set(TARGET_LABELS) | expression.texts
    through_recording = False
    for selector in expression.selectors:
        if selector.metric in recorded:
            through_recording = True
        elif selector.metric in known:
            labels |= known[selector.metric].labels
            problems += _selector(selector, known[selector.metric])
        else:
            problems.append(f"no metric and no recording is called {selector.metric}")
    if not through_recording:
        problems += [f"nothing here has a label {label}" for label in sorted(expression.labels - labels)]
    return problems


def _unknown_jobs(text: str) -> Iterator[str]:
    """Yield one line for each job that is read and that nobody has; `text` is filled with the default settings."""
    jobs = {value for name, value in asdict(Settings()).items() if name.endswith("_job")}
    for selector in promql.read(text).selectors:
        for matcher in selector.matchers:
            if matcher.label == "job" and matcher.operator == "=" and matcher.value not in jobs:
                yield f"{selector.metric}: no job is called {matcher.value}: such a rule could never fire"


def lint_alert(alert: Alert, recordings: Recordings) -> list[str]:
    """Return what is wrong with one alert: its expressions, and labels that would clash with the static ones."""
    known = known_samples()
    metrics = metrics_of(alert, recordings)
    carried = {label for sample in known.values() if sample.metric in metrics for label in sample.labels}
    clashes = sorted(STATIC_LABELS & (carried | {*alert.by}))
    problems = [f"static label {label} is a label of the metrics it reads" for label in clashes]
    for tier in alert.tiers:
        text = condition(alert, tier, Settings())
        problems += [*lint_expression(text, recordings), *_unknown_jobs(text)]
        problems += [f"{tier.severity}: threshold {never}"] if (never := never_fires(alert, tier)) else []
        if tier.minimum is not None and (never := unreachable(alert, tier.minimum)):
            problems.append(f"{tier.severity}: minimum {never}")
    problems += [f"{found.severity}: {found.key} {found.problem}" for found in contradictions(alert)]
    return [f"{alert.name} ({alert.subject}): {problem}" for problem in dict.fromkeys(problems)]


def lint_recording(recording: Recording, recordings: Recordings) -> list[str]:
    """Return what is wrong with one recording: its name (`level:metric:operations`) and its expression."""
    text = fill(recording.expr, Settings())
    problems = [*lint_expression(text, recordings), *_unknown_jobs(text)]
    if not _RECORD_NAME.fullmatch(recording.name):
        problems.append("a recording is named level:metric:operations")
    same = [other for other in recordings[recording.name] if other.labels == recording.labels]
    if same != [recording]:
        problems.append("two recordings with this name and these labels differ")
    return [f"{recording.name}: {problem}" for problem in problems]


def lint_all(alerts: Iterable[Alert]) -> list[str]:
    """Return every problem of every alert and recording."""
    declared = list(alerts)
    recordings = recordings_by_name(declared)
    problems = [problem for alert in declared for problem in lint_alert(alert, recordings)]
    for alert in declared:
        for recording in alert.recordings():
            problems += lint_recording(recording, recordings)
    return list(dict.fromkeys(problems))
