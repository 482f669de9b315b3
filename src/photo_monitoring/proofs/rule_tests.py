"""promtool unit tests, generated from the declarations.

For every tier: silent one evaluation before `for` has passed, firing with exact labels and texts when it has, silent
after recovery; silent within the threshold (for a plain gauge exactly on it, as the guide words it), under the minimum
volume, and at half the threshold across a counter reset. Cases written by hand come on top.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from photo_monitoring import durations
from photo_monitoring.configuration.overrides import in_force, renumbered
from photo_monitoring.configuration.settings import JOBS, Settings
from photo_monitoring.criteria import Alert, Comparison, Group, Recording, Tier, Unit
from photo_monitoring.proofs.burn_tests import burn_tests
from photo_monitoring.proofs.promtool_files import RuleTest, check, firing, located_here, names_in_force
from photo_monitoring.proofs.stimuli import PLENTY, STEP_SECONDS, Case, Drive, Stimulus, steps_in

# rate() gives 10.000000000000002 for 10 a minute: what is computed stays this far off the boundary.
MARGIN: Final = 0.01

# Steps that a gauge's max_over_time/min_over_time may hold an alert after recovery, and then some.
_LINGER: Final = 8


class UnprovableError(ValueError):
    """A declaration gives no way to test its alert."""


def _limit(alert: Alert, tier: Tier) -> float:
    return alert.share if alert.share is not None else tier.threshold


def _breached(compare: Comparison | None, value: float, limit: float) -> bool:
    match compare:
        case None:
            return value == limit
        case ">":
            return value > limit
        case ">=":
            return value >= limit
        case "<":
            return value < limit


def _rested(alert: Alert, stimulus: Stimulus) -> Stimulus:
    """Return the stimulus with a rest that is within every tier's limit, which a changed one may be beyond."""
    if alert.compare is None or not any(_breached(alert.compare, stimulus.rest, _limit(alert, t)) for t in alert.tiers):
        return stimulus
    if alert.compare == "<":
        highest = max(_limit(alert, tier) for tier in alert.tiers)
        return stimulus.resting((1 + highest) / 2 if alert.unit is Unit.RATIO else 2 * highest)
    return stimulus.resting(min(_limit(alert, tier) for tier in alert.tiers) / 2)


def _job(alert: Alert, settings: Settings) -> str:
    text = alert.value.expr if isinstance(alert.value, Recording) else alert.value
    for role, setting in JOBS.items():
        if role != "api" and f"${role}" in text:
            return str(getattr(settings, setting))
    return settings.node_job if alert.group is Group.RESOURCES else settings.api_job


def _scale(alert: Alert, stimulus: Stimulus) -> float:
    """Return how much larger gauges must be than declared for the volume to be beyond every tier's minimum."""
    scales = [1.0]
    for tier in alert.tiers:
        volume = stimulus.volume_at(_limit(alert, tier))
        if volume and tier.minimum:
            scales.append((1 + 10 * MARGIN) * tier.minimum / volume)
    return max(scales)


class _Course:
    """The course of one alert's value towards `value` as one tier sees it, and which tiers fire when."""

    def __init__(self, alert: Alert, tier: Tier, settings: Settings) -> None:
        if alert.stimulus is None:
            msg = f"{alert.name} ({alert.subject}) can only be tested by cases, and has none"
            raise UnprovableError(msg)
        self.alert, self.tier, self.settings = alert, tier, settings
        self.compare = alert.compare
        self.stimulus = _rested(alert, alert.stimulus)
        self.limit = _limit(alert, tier)
        self.ramp = steps_in(self.stimulus.ramp)
        self.delay = max(self.ramp, 1) + steps_in(self.stimulus.lag)
        self.drive = Drive(
            value=self.beyond,
            limit=tier.threshold,
            bounds=tuple(sorted({other.threshold for other in alert.tiers})),
            healthy=self.ramp + steps_in(self.stimulus.history) + 10,
            lasting=self.delay + max(steps_in(other.hold) for other in alert.tiers) + 4,
            after=self.ramp + 2 * _LINGER,
            events=max(PLENTY, *(2 * (other.minimum or 0) for other in alert.tiers)) / max(self.ramp, 1),
            job=_job(alert, settings),
            spread="instance" not in alert.by,
            scale=_scale(alert, self.stimulus),
        )

    @property
    def beyond(self) -> float:
        """A value just beyond the threshold: on it where that is already too much and exact."""
        if self.compare is None or (self.stimulus.exact and self.compare == ">="):
            return self.limit
        # So little beyond that only the whole course of a ramp gets there: the text then tells its end.
        excess = self._margin
        if self.ramp:
            excess = min(excess, abs(self.limit - self.stimulus.rest) / (2 * self.ramp))
        return self._possible(self.limit - excess if self.compare == "<" else self.limit + excess)

    @property
    def within(self) -> float:
        """A value just within the threshold: on it where that is still allowed and exact."""
        if self.stimulus.exact and self.compare != ">=":
            return self.limit
        return self._possible(self.limit + (self._margin if self.compare == "<" else -self._margin))

    @property
    def _margin(self) -> float:
        """How far off the threshold a test stays; off a threshold of 0, that part of the rest."""
        return MARGIN * abs(self.limit or self.stimulus.rest)

    def _possible(self, value: float) -> float:
        """Keep a share a share, and round to what an alert's text shows, so that both round it alike."""
        rounded = float(f"{value:.3g}" if self.alert.unit is Unit.TIMES else f"{value:.4g}")
        return min(rounded, 1.0) if self.alert.unit is Unit.RATIO and self.alert.group is not Group.GROWTH else rounded

    @property
    def far_beyond(self) -> float:
        """A value well beyond the threshold, still a possible share."""
        if self.compare == "<":
            return self.limit / 2
        return self._possible(self.limit * 2)

    @property
    def half_way(self) -> float:
        """A value half-way between rest and the threshold, or a little less where the other tier's threshold is."""
        rest, half = self.stimulus.rest, (self.limit - self.stimulus.rest) / 2
        if any(abs(rest + half - _limit(self.alert, other)) < MARGIN * abs(half) for other in self.alert.tiers):
            half *= 1 - 2 * MARGIN
        return self._possible(rest + half)

    @property
    def fires(self) -> int:
        """The step at which the tier fires when its value goes just beyond the threshold."""
        starts = self._starts(self.tier, self.drive, None)
        if starts is None:
            msg = f"{self.alert.name} ({self.alert.subject}): its stimulus never reaches the threshold"
            raise UnprovableError(msg)
        return starts

    @property
    def before(self) -> int:
        """The last step before that, or before the course where another tier's text would tell a value on its way."""
        step = self.fires - 1
        starts = [self._starts(other, self.drive, None) for other in self.alert.tiers]
        on_its_way = step - self.drive.healthy - steps_in(self.stimulus.lag) < self.ramp
        return self.drive.healthy if on_its_way and any(one is not None and one <= step for one in starts) else step

    @property
    def over(self) -> int:
        """A step by which nothing of the course is left."""
        return self.drive.healthy + self.drive.lasting + self.ramp + _LINGER

    def _starts(self, tier: Tier, drive: Drive, volume: float | None) -> int | None:
        """Return the step at which a tier begins to fire, None: it does not."""
        if volume is not None and tier.minimum is not None and volume < tier.minimum:
            return None
        seen = self.stimulus.seen(drive.value, drive.limit, tier.threshold)
        for step, value in self.stimulus.climb(drive, seen):
            if _breached(self.compare, value, _limit(self.alert, tier)):
                return drive.healthy + step + steps_in(self.stimulus.lag) + steps_in(tier.hold)
        return None

    def test(
        self, story: str, at: list[int], *, value: float | None = None, volume: float | None = None, reset: bool = False
    ) -> RuleTest:
        """Return one promtool test: the inputs, and at each step what fires under this alert's name."""
        drive = replace(self.drive, value=self.beyond if value is None else value, reset=reset)
        if volume is not None:
            usual = self.stimulus.volume_at(drive.value)
            drive = replace(drive, events=volume / max(self.ramp, 1), scale=volume / usual if usual else 1.0)
        known = {"job": drive.job, "instance": "api-1", **self.stimulus.labels}
        labels = {name: known[name] for name in self.alert.by}
        checks = []
        for step in at:
            expected = []
            for tier in self.alert.tiers:
                starts = self._starts(tier, drive, volume)
                if starts is not None and starts <= step < self.over:
                    seen = self.stimulus.seen(drive.value, drive.limit, tier.threshold)
                    expected.append(firing(self.alert, tier, labels, seen, self.settings))
            checks.append(check(self.alert, durations.duration(step * STEP_SECONDS), expected))
        name = f"{self.alert.name} ({self.alert.subject}, {self.tier.severity}): {story}"
        inputs = {self.settings.relabelled(series): values for series, values in self.stimulus.series(drive)}
        return RuleTest(name, f"{STEP_SECONDS}s", f"{STEP_SECONDS}s", inputs, checks)


def _generated(alert: Alert, tier: Tier, settings: Settings) -> Iterator[RuleTest]:
    course = _Course(alert, tier, settings)
    fires = course.fires
    yield course.test(
        "silent before its time, firing at it, silent after recovery", [course.before, fires, course.over]
    )
    if course.compare is None:
        return
    yield course.test("silent just within its threshold", [fires, fires + 2], value=course.within)
    if course.ramp and course.stimulus.counted:
        halves = course.test(
            "silent at half the threshold across a restart", [fires], value=course.half_way, reset=True
        )
        yield halves
    if tier.minimum is not None and (course.stimulus.counted or course.stimulus.volume_at(course.limit) is not None):
        yield course.test(
            "silent under its minimum volume", [fires], volume=0.9 * tier.minimum, value=course.far_beyond
        )


def _written(alert: Alert, case: Case, settings: Settings) -> RuleTest:
    """Return a case written by hand, with this system's names and without tiers that are switched off."""
    names = names_in_force(settings)

    def label(name: str, value: str) -> str:
        return names.get(value, value) if name == "job" else value

    tiers = {tier.severity.value: tier for tier in alert.tiers}
    checks = []
    for at, expected in case.expect.items():
        fires = []
        for one in expected:
            if one.severity in tiers:
                labels = {name: label(name, value) for name, value in one.labels.items()}
                fires.append(firing(alert, tiers[one.severity], labels, one.value, settings))
        checks.append(check(alert, at, fires))
    inputs = located_here(case.inputs, settings)
    return RuleTest(f"{alert.name} ({alert.subject}): {case.name}", case.step, case.step, inputs, checks)


def tests_of(alert: Alert, settings: Settings) -> list[RuleTest]:
    """Return the promtool tests of an alert in force; `UnprovableError` when nothing tells how to make them.

    Cases tell their story with the declared numbers, and are left out where those were changed (see `left_out`).
    """
    told = alert.subject not in renumbered(settings)
    tests = [_written(alert, case, settings) for case in alert.cases] if told else []
    if alert.objective is not None:
        tests += burn_tests(alert, settings)
    elif alert.stimulus is not None or not alert.cases:
        tests += [test for tier in alert.tiers for test in _generated(alert, tier, settings)]
    return tests


def left_out(settings: Settings) -> list[str]:
    """Return one line for each alert whose cases say nothing about its changed numbers."""
    lines = []
    for alert in in_force(settings):
        if alert.subject in renumbered(settings) and alert.cases:
            rest = (
                "generated tests remain" if alert.stimulus or alert.objective else "no test is left: try it in a drill"
            )
            lines.append(
                f"skipped {len(alert.cases)} hand-written cases of {alert.name} ({alert.subject}), "
                f"which are about the declared numbers; {rest}"
            )
    return lines
