"""promtool unit tests, generated from the declarations.

For every tier: silent one evaluation before `for` has passed, firing with exact labels and texts when it has, silent
after recovery; silent within the threshold (for a plain gauge exactly on it, as the guide words it), under the minimum
volume, and at half the threshold across a counter reset. Cases written by hand come on top.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from photo_monitoring import annotations, durations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.criteria import Alert, Comparison, Group, Tier
from photo_monitoring.render import to_yaml
from photo_monitoring.settings import SYSTEM, Settings
from photo_monitoring.stimuli import PLENTY, STEP_SECONDS, Case, Drive, Stimulus

# rate() gives 10.000000000000002 for 10 a minute: what is computed stays this far off the boundary.
MARGIN: Final = 0.01

# Steps that a gauge's max_over_time/min_over_time may hold an alert after recovery, and then some.
_LINGER: Final = 8


class UnprovableError(ValueError):
    """A declaration gives no way to test its alert."""


def _steps(duration: str) -> int:
    return round(durations.seconds(duration) / STEP_SECONDS)


def _limit(alert: Alert, tier: Tier) -> float:
    return alert.share if alert.share is not None else tier.threshold


def _breached(compare: Comparison, value: float, limit: float) -> bool:
    match compare:
        case ">":
            return value > limit
        case ">=":
            return value >= limit
        case "<":
            return value < limit


def _firing(alert: Alert, tier: Tier, labels: Mapping[str, str], value: float, settings: Settings) -> dict[str, Any]:
    static = {"severity": tier.severity.value, "subject": alert.subject, "system": SYSTEM}
    return {
        "exp_labels": {**labels, **static},
        "exp_annotations": annotations.expected(alert, tier, settings, labels, value),
    }


class _Course:
    """The course of one alert's value towards `value` as one tier sees it, and which tiers fire when."""

    def __init__(self, alert: Alert, tier: Tier, settings: Settings) -> None:
        if alert.stimulus is None or alert.compare is None:
            msg = f"{alert.name} ({alert.subject}) can only be tested by cases, and has none"
            raise UnprovableError(msg)
        self.alert, self.tier, self.settings = alert, tier, settings
        self.stimulus: Stimulus = alert.stimulus
        self.compare: Comparison = alert.compare
        self.limit = _limit(alert, tier)
        self.ramp = _steps(self.stimulus.ramp)
        self.delay = max(self.ramp, 1) + _steps(self.stimulus.lag)
        self.drive = Drive(
            value=self.beyond,
            limit=tier.threshold,
            bounds=tuple(sorted(other.threshold for other in alert.tiers)),
            healthy=self.ramp + _steps(self.stimulus.history) + 10,
            lasting=self.delay + max(_steps(other.hold) for other in alert.tiers) + 4,
            after=self.ramp + 2 * _LINGER,
            events=PLENTY / max(self.ramp, 1),
            job=settings.node_job if alert.group is Group.RESOURCES else settings.api_job,
            spread="instance" not in alert.by,
        )

    @property
    def beyond(self) -> float:
        """A value just beyond the threshold: on it where that is already too much and exact."""
        if self.stimulus.exact and self.compare == ">=":
            return self.limit
        return self.limit * (1 - MARGIN if self.compare == "<" else 1 + MARGIN)

    @property
    def within(self) -> float:
        """A value just within the threshold: on it where that is still allowed and exact."""
        if self.stimulus.exact and self.compare != ">=":
            return self.limit
        return self.limit * (1 + MARGIN if self.compare == "<" else 1 - MARGIN)

    @property
    def far_beyond(self) -> float:
        """A value well beyond the threshold, still a possible share."""
        if self.compare == "<":
            return self.limit / 2
        return min(1.0, self.limit * 2)

    @property
    def half_way(self) -> float:
        """A value half-way between rest and the threshold."""
        return (self.stimulus.rest + self.limit) / 2

    @property
    def fires(self) -> int:
        """The step at which the tier fires when its value goes just beyond the threshold."""
        starts = self._starts(self.tier, self.drive, None)
        if starts is None:
            msg = f"{self.alert.name} ({self.alert.subject}): its stimulus never reaches the threshold"
            raise UnprovableError(msg)
        return starts

    @property
    def over(self) -> int:
        """A step by which nothing of the course is left."""
        return self.drive.healthy + self.drive.lasting + self.ramp + _LINGER

    def _starts(self, tier: Tier, drive: Drive, volume: float | None) -> int | None:
        """Return the step at which a tier begins to fire, None: it does not."""
        if volume is not None and tier.minimum is not None and volume < tier.minimum:
            return None
        seen, rest = self.stimulus.seen(drive.value, drive.limit, tier.threshold), self.stimulus.rest
        for step in range(1, max(self.ramp, 1) + 1):
            value = rest + (seen - rest) * step / max(self.ramp, 1)
            if _breached(self.compare, value, _limit(self.alert, tier)):
                return drive.healthy + step + _steps(self.stimulus.lag) + _steps(tier.hold)
        return None

    def test(
        self, story: str, at: list[int], *, value: float | None = None, volume: float | None = None, reset: bool = False
    ) -> dict[str, Any]:
        """Return one promtool test: the inputs, and at each step what fires under this alert's name."""
        drive = replace(self.drive, value=self.beyond if value is None else value, reset=reset)
        if volume is not None:
            drive = replace(drive, events=volume / max(self.ramp, 1))
        known = {"job": drive.job, "instance": "api-1", **self.stimulus.labels}
        labels = {name: known[name] for name in self.alert.by}
        checks = []
        for step in at:
            expected = []
            for tier in self.alert.tiers:
                starts = self._starts(tier, drive, volume)
                if starts is not None and starts <= step < self.over:
                    seen = self.stimulus.seen(drive.value, drive.limit, tier.threshold)
                    expected.append(_firing(self.alert, tier, labels, seen, self.settings))
            checks.append(_check(self.alert, durations.duration(step * STEP_SECONDS), expected))
        name = f"{self.alert.name} ({self.alert.subject}, {self.tier.severity}): {story}"
        return _test(name, dict(self.stimulus.series(drive)), checks, f"{STEP_SECONDS}s")


def _check(alert: Alert, at: str, expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {"eval_time": at, "alertname": alert.name, "exp_alerts": expected}


def _test(name: str, inputs: Mapping[str, str], checks: list[dict[str, Any]], step: str) -> dict[str, Any]:
    series = [{"series": series, "values": values} for series, values in inputs.items()]
    return {"name": name, "interval": step, "input_series": series, "alert_rule_test": checks}


def _generated(alert: Alert, tier: Tier, settings: Settings) -> Iterator[dict[str, Any]]:
    course = _Course(alert, tier, settings)
    fires = course.fires
    yield course.test("silent before its time, firing at it, silent after recovery", [fires - 1, fires, course.over])
    yield course.test("silent just within its threshold", [fires, fires + 2], value=course.within)
    if course.ramp:
        halves = course.test(
            "silent at half the threshold across a restart", [fires], value=course.half_way, reset=True
        )
        yield halves
    if tier.minimum is not None and course.stimulus.counted:
        yield course.test(
            "silent under its minimum volume", [fires], volume=0.9 * tier.minimum, value=course.far_beyond
        )


def _written(alert: Alert, case: Case, settings: Settings) -> dict[str, Any]:
    tiers = {tier.severity.value: tier for tier in alert.tiers}
    checks = [
        _check(
            alert,
            at,
            [_firing(alert, tiers[one.severity], one.labels, one.value, settings) for one in expected],
        )
        for at, expected in case.expect.items()
    ]
    return _test(f"{alert.name} ({alert.subject}): {case.name}", case.inputs, checks, case.step)


def tests_of(alert: Alert, settings: Settings) -> list[dict[str, Any]]:
    """Return the promtool tests of one alert; `UnprovableError` when it has neither stimulus nor cases."""
    tests = [_written(alert, case, settings) for case in alert.cases]
    if alert.stimulus is not None or not tests:
        tests += [test for tier in alert.tiers for test in _generated(alert, tier, settings)]
    return tests


def render_tests(settings: Settings) -> dict[str, str]:
    """Return file name → promtool test file, one for each rule file and step; the rule file is expected beside it."""
    sorted_tests: dict[tuple[Group, str], list[dict[str, Any]]] = {}
    for alert in ALERTS:
        for test in tests_of(alert, settings):
            sorted_tests.setdefault((alert.group, test["interval"]), []).append(test)
    return {
        f"{group.value}.{step}.test.yml": to_yaml(
            {"rule_files": [f"{group.value}.yml"], "evaluation_interval": step, "tests": tests}
        )
        for (group, step), tests in sorted_tests.items()
    }
