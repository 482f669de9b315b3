"""Every criterion against what was seen: its condition is walked like a formula, down to selectors and back.

`and` and arithmetic need both sides, `or` one, `unless` its left one; `absent()` of what is never there is always true.
A recording is what its own expression is; one that reads itself adds nothing to itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.overrides import in_force
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert, Recording, Tier
from photo_monitoring.doctor import causes
from photo_monitoring.doctor.outcome import (
    LIVE,
    NOTHING,
    Cause,
    Outcome,
    Status,
    both,
    either,
    failed,
    noted,
    without,
)
from photo_monitoring.doctor.standing import Standing
from photo_monitoring.doctor.syntax import Binary, Call, Constant, Node, Vector, is_condition, parse, vectors
from photo_monitoring.doctor.world import Server, World, role_of
from photo_monitoring.expressions import condition, fill
from photo_monitoring.known_metrics import TARGET_LABELS, known_samples
from photo_monitoring.lints import recordings_by_name
from photo_monitoring.render import alert_rule, recording_rule

_SLOPES: Final = frozenset({"rate", "irate", "increase", "delta", "deriv", "predict_linear"})
# Prometheus' --query.lookback-delta: how old a sample may be that an instant selector takes.
_LOOK_BACK: Final = 300.0
_ABSENT: Final = frozenset({"absent", "absent_over_time"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one tier of an alert, which is one criterion."""

    alert: Alert
    tier: Tier
    outcome: Outcome

    @property
    def name(self) -> str:
        """The criterion's id in the guide's index; ours have their subject and severity."""
        return self.tier.criterion or f"{self.alert.subject}/{self.tier.severity.value}"


class Diagnosis:
    """Judges expressions by a world; each recording once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._settings = world.settings
        self._alerts = in_force(self._settings)
        # What a switched-off alert records, others may read.
        self._recordings = recordings_by_name([*self._alerts, *ALERTS])
        self._known: dict[Recording, Outcome] = {}
        self._under_way: set[Recording] = set()
        self._met: set[Recording] = set()  # those under way that were asked for again
        self._standings = {
            role: [Standing(source, self._settings.instance_label) for source in sources]
            for role, sources in world.sources.items()
        }

    def verdicts(self) -> Iterator[Verdict]:
        """Yield what is found of every criterion in force, in the alerts' order."""
        for alert in self._alerts:
            for tier in alert.tiers:
                found = self._of(parse(condition(alert, tier, self._settings)))
                found = both(found, self._labels_of(alert, tier))
                found = both(found, self._rule_of(alert, tier))
                yield Verdict(alert, tier, noted(found, *self._forgotten(alert)))

    def _forgotten(self, alert: Alert) -> Iterator[Cause]:
        """Yield a note where something that is recorded beside the alert, for boards, reads what is deleted by then."""
        server = self._world.server
        if server is None or server.retention is None:
            return
        read = (parse(fill(recording.expr, self._settings)) for recording in alert.recordings())
        reach = max((one.reach for node in read for one in vectors(node)), default=0.0)
        if reach > server.retention:
            yield causes.retention_too_short(server.retention, reach)

    # Expressions

    def _of(self, node: Node) -> Outcome:
        match node:
            case Vector():
                return self._vector(node)
            case Constant():
                return LIVE
            case Binary(operator="or"):
                return either(self._of(node.left), self._of(node.right))
            case Binary(operator="unless"):
                return without(self._of(node.left), self._of(node.right))
            case Binary():
                return both(self._of(node.left), self._of(node.right))
            case Call() if node.name in _ABSENT:
                return self._absent(self._of(node.arguments[0]))
            case Call() if node.name in _SLOPES:
                return self._each(node.arguments, samples=2)
            case _:
                return self._each(node.arguments)

    def _each(self, nodes: tuple[Node, ...], samples: int = 1) -> Outcome:
        found = LIVE
        for node in nodes:
            found = both(found, self._vector(node, samples) if isinstance(node, Vector) else self._of(node))
        return found

    @staticmethod
    def _absent(inner: Outcome) -> Outcome:
        if inner.status is Status.SILENT:
            ways = tuple(frozenset(causes.always_fires(cause) for cause in way) for way in inner.ways)
            return replace(inner, status=Status.WRONG, ways=ways)
        return inner

    def _vector(self, selector: Vector, samples: int = 1) -> Outcome:
        recorded = selector.metric in self._recordings
        found = self._recorded(selector) if recorded else self._scraped(selector, samples)
        if not found.usable:
            return found
        return self._kept(selector, replace(found, history=max(found.history, selector.offset)))

    def _kept(self, selector: Vector, found: Outcome) -> Outcome:
        server = self._world.server
        if server is None or server.retention is None or server.retention >= selector.reach:
            return found
        return both(found, failed(Status.SILENT, causes.retention_too_short(server.retention, selector.reach)))

    # Recordings

    def _recorded(self, selector: Vector) -> Outcome:
        found = [
            self._recording(recording)
            for recording in self._recordings[selector.metric]
            if all((selector.value(label) or value) == value for label, value in recording.labels)
        ]
        whole = found[0] if found else NOTHING
        for one in found[1:]:
            whole = either(whole, one)
        return whole

    def _recording(self, recording: Recording) -> Outcome:
        if recording in self._under_way:
            self._met.add(recording)
            return NOTHING
        if recording not in self._known:
            self._under_way.add(recording)
            found = self._of(parse(fill(recording.expr, self._settings)))
            found = both(found, self._rule_of_recording(recording))
            server = self._world.server
            if server is not None and found.status is Status.LIVE and self._late(recording, found, server):
                late = causes.no_result_yet(recording.name, found.history)
                found = noted(replace(found, status=Status.WAITING), late)
            self._under_way.remove(recording)
            self._met.discard(recording)
            if self._met:  # what was found lacks the part that is under way
                return found
            self._known[recording] = found
        return self._known[recording]

    def _late(self, recording: Recording, found: Outcome, server: Server) -> bool:
        """Say whether a recording should have a result by now, and has none; a condition is right to have none."""
        if recording.name in server.results:
            return False
        return found.history > 0 or not is_condition(parse(fill(recording.expr, self._settings)))

    # Scraped metrics

    def _scraped(self, selector: Vector, samples: int) -> Outcome:
        role = role_of(selector.value("job"), self._settings)
        if role is None or selector.metric not in known_samples():
            return LIVE
        found = self._target(role, selector)
        if selector.metric == "up":
            return found
        for standing in self._standings.get(role, ()):
            found = both(found, standing.of(selector))
        return both(found, self._in_time(role, selector, samples))

    def _target(self, role: str, selector: Vector) -> Outcome:
        server, name = self._world.server, selector.value("job") or ""
        if server is None:
            return LIVE if self._standings.get(role) else failed(Status.UNKNOWN, causes.not_looked(role))
        job = server.jobs[role]
        if not job.targets:
            return failed(Status.SILENT, causes.no_target(role, name, job.lookalikes))
        if selector.metric == "up":
            return LIVE
        if job.names is None:
            return Outcome(Status.WAITING, notes=(causes.not_scraped(name),))
        if not job.up:
            return failed(Status.SILENT, causes.target_down(name, job.error))
        pages = (source.page for source in self._world.sources.get(role, ()))
        if selector.metric not in job.names and any(selector.metric in page.series for page in pages):
            return failed(Status.SILENT, causes.not_stored(known_samples()[selector.metric].metric, name))
        return LIVE if not job.error else noted(LIVE, causes.target_down(name, job.error))

    def _in_time(self, role: str, selector: Vector, samples: int) -> Outcome:
        server = self._world.server
        interval = None if server is None else server.jobs[role].interval
        window = _LOOK_BACK if selector.window is None else selector.window
        if interval is None or window >= samples * interval:
            return LIVE
        return failed(Status.SILENT, causes.interval_too_long(selector.value("job") or "", interval, window))

    def _labels_of(self, alert: Alert, tier: Tier) -> Outcome:
        """Complain where the alert is to name something (a client, a service) that its metrics do not tell apart."""
        found = LIVE
        wanted = set(alert.by) - TARGET_LABELS
        if not wanted:
            return found
        for selector in self._all_vectors(parse(condition(alert, tier, self._settings)), set()):
            sample = known_samples().get(selector.metric)
            role = role_of(selector.value("job"), self._settings)
            if sample is None or role is None:
                continue
            for source in self._world.sources.get(role, ()):
                series = source.page.series.get(selector.metric, [])
                for label in sorted(wanted & sample.labels):
                    if series and not any(label in one for one in series):
                        missing = causes.label_missing(sample.metric, label)
                        found = both(found, failed(Status.WRONG, missing))
        return found

    def _all_vectors(self, node: Node, seen: set[Recording]) -> Iterator[Vector]:
        for selector in vectors(node):
            yield selector
            for recording in self._recordings.get(selector.metric, ()):
                if recording not in seen:
                    seen.add(recording)
                    yield from self._all_vectors(parse(fill(recording.expr, self._settings)), seen)

    # Rules

    def _rule_of(self, alert: Alert, tier: Tier) -> Outcome:
        rule = alert_rule(alert, tier, self._settings)
        return self._loaded(alert.name, alert.group.value, frozenset(rule["labels"].items()), rule["expr"])

    def _rule_of_recording(self, recording: Recording) -> Outcome:
        group = self._group_of.get(recording, "")
        rule = recording_rule(recording, self._settings)
        return self._loaded(recording.name, group, frozenset(recording.labels), rule["expr"])

    @cached_property
    def _group_of(self) -> dict[Recording, str]:
        found: dict[Recording, str] = {}
        for alert in (*self._alerts, *ALERTS):
            for recording in alert.recordings():
                found.setdefault(recording, alert.group.value)
        return found

    def _loaded(self, name: str, group: str, labels: frozenset[tuple[str, str]], expr: str) -> Outcome:
        server = self._world.server
        if server is None:
            return LIVE
        rule = server.rules.get((name, labels))
        if rule is None:
            return failed(Status.SILENT, causes.rules_not_loaded(group))
        if rule.error:
            return failed(Status.SILENT, causes.rule_failing(name, rule.error))
        return LIVE if _same(rule.expr, expr) else noted(LIVE, causes.rules_differ(group))


def _same(one: str, other: str) -> bool:
    try:
        return parse(one) == parse(other)
    except ValueError:
        return False


def examine(world: World) -> list[Verdict]:
    """Return what is found of every criterion in force."""
    return list(Diagnosis(world).verdicts())


def switched_off(settings: Settings) -> int:
    """Return how many criteria an override file switched off."""
    return sum(change.reason is not None for change in settings.changes)


def all_causes(verdicts: list[Verdict]) -> list[Cause]:
    """Return every cause once, those that alone bring the most criteria back first, where nobody looked last."""
    every = {cause for verdict in verdicts for cause in verdict.outcome.causes}

    def rank(cause: Cause) -> tuple[bool, int, int, str]:
        return cause.kind == "not-looked", -alone(cause, verdicts), -needed(cause, verdicts), cause.what.en

    return sorted(every, key=rank)


def alone(cause: Cause, verdicts: list[Verdict]) -> int:
    """Return how many criteria become live when this one thing is mended."""
    return sum(frozenset({cause}) in verdict.outcome.ways for verdict in verdicts)


def needed(cause: Cause, verdicts: list[Verdict]) -> int:
    """Return of how many criteria this is among what is to be mended."""
    return sum(cause in verdict.outcome.causes for verdict in verdicts)
