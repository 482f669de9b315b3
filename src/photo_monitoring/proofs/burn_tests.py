"""The tests of burn alerts, at whatever objective and paces are in force; `burn_model` says what must fire when.

For every pair of windows: a fresh installation just under and just over the pace (silent until the long window holds
as much as the short one is long, and for `for`), and a healthy past before it (the long window). These feed what is
recorded of errors and events; a course in which everything fails, and one with a single failure, feed the metrics.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from photo_monitoring import durations
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.proofs.burn_model import RECORDED, SAMPLE_SECONDS, BurnModel, Phases, samples
from photo_monitoring.proofs.promtool_files import RuleTest, check, firing, located_here
from photo_monitoring.proofs.stimuli import growing
from photo_monitoring.slos import ACTIVE, ERRORS, TOTAL, Burn, Objective

_MARGIN: Final = 0.01
_AFTER_A_PAST: Final = 4.003
"""Times the pace, after a healthy past: not so even that a window crosses its limit right on a sample."""
_BELOW_FASTER: Final = 0.951
_EVALUATIONS: Final = 40
"""About so many in a window or in `for`; never more than there are samples."""
_EVENTS: Final = 100.0
"""In 30 s, where everything fails."""


class UndecidedError(ValueError):
    """No course makes a burn alert fire."""


@dataclass(frozen=True, slots=True)
class _Prover:
    """Makes the tests of one alert."""

    alert: Alert
    objective: Objective
    settings: Settings

    @property
    def rate(self) -> float:
        """Events a second: so many that two failures are never what decides."""
        return 1 / self.objective.budget

    def pair(self, tier: Tier, burn: Burn, faster: Burn | None) -> Iterator[RuleTest]:
        """Yield the tests of one pair of windows."""
        limit, hold, short = burn.factor * self.objective.budget, samples(tier.hold), samples(burn.short)
        every = max(1, short // _EVALUATIONS, hold // _EVALUATIONS)
        lasts, recovers = short + hold + 3 * every, short + 2 * every
        over = ((min(1.0, limit * (1 + _MARGIN)), lasts), (0.0, recovers))
        fires = self._fires(tier, over, every)
        pace = f"{burn.factor:g} times the pace over {burn.long} and {burn.short}"
        name = f"{self.alert.name} ({self.alert.subject}, {tier.severity})"
        looks = (max(0, fires - every), fires, lasts + recovers - 1)
        yield self._recorded(f"{name}: newly installed, just over {pace}", over, every, looks)
        under = ((limit * (1 - _MARGIN), lasts),)
        yield self._recorded(f"{name}: newly installed, just under {pace}", under, every, (fires,))
        yield self._after_a_past(f"{name}: after a healthy past, over {pace}", tier, burn, faster)

    def _after_a_past(self, name: str, tier: Tier, burn: Burn, faster: Burn | None) -> RuleTest:
        """Let the budget burn after a past as long as the tier's longest window, slower than the next faster pair."""
        limit, hold, long = burn.factor * self.objective.budget, samples(tier.hold), samples(burn.long)
        share = min(1.0, _AFTER_A_PAST * limit)
        if faster is not None and faster.factor * _BELOW_FASTER > burn.factor:
            share = min(share, _BELOW_FASTER * faster.factor * self.objective.budget)
        every = max(1, long // _EVALUATIONS, hold // _EVALUATIONS)
        past = max(samples(one.long) for one in self.objective.burns if one.severity is tier.severity)
        lasts, recovers = long + hold + 3 * every, samples(burn.short) + 2 * every
        fires = self._fires(tier, ((0.0, past), (share, lasts)), every)
        phases = ((0.0, past), (share, fires + 1 - past), (0.0, recovers))
        looks = (fires - every, fires, fires + samples(burn.short) // 2, fires + recovers)
        return self._recorded(name, phases, every, looks)

    def _fires(self, tier: Tier, phases: Phases, every: int) -> int:
        for at in BurnModel.over(self.objective, self.rate, phases).firing(tier, every):
            return at
        msg = f"{self.alert.name}: no course makes its {tier.severity} tier fire"
        raise UndecidedError(msg)

    def _recorded(self, name: str, phases: Phases, every: int, looks: Sequence[int]) -> RuleTest:
        labels = ",".join(f'{label}="{value}"' for label, value in self.objective.labels)
        errors = [f"{self.rate * share!r}+0x{number - 1}" for share, number in phases]
        length = sum(number for _, number in phases)
        inputs = {
            f"{ERRORS}{{{labels}}}": " ".join(errors),
            f"{TOTAL}{{{labels}}}": f"{self.rate!r}+0x{length - 1}",
            # Recorded every 30 s, not only where this test looks.
            f"{ACTIVE}{{{labels}}}": f"1+0x{length - 1}",
        }
        model = BurnModel.over(self.objective, self.rate, phases)
        return self._test(name, inputs, model, every, looks)

    def everything_fails(self) -> RuleTest:
        """Return the test that feeds the metrics until all fails for long enough."""
        tier = self.alert.tiers[0]
        short = min(samples(burn.short) for burn in self.objective.burns if burn.severity is tier.severity)
        phases = ((1.0, short + samples(tier.hold) + 5), (0.0, 2 * samples(RECORDED) + 2))
        model = BurnModel.scraped(self.objective, _EVENTS / SAMPLE_SECONDS, phases)
        fires = next(model.firing(tier, 1))
        name = f"{self.alert.name} ({self.alert.subject}): everything fails, from the first scrape on"
        return self._test(name, self._scraped(phases, _EVENTS), model, 1, (fires - 1, fires, model.length - 1))

    def one_failure(self) -> RuleTest:
        """Return the test that feeds the metrics one failure among next to nothing."""
        phases = ((0.0, 10), (1.0, 1), (0.0, 20))
        model = BurnModel.scraped(self.objective, 1 / SAMPLE_SECONDS, phases)
        name = f"{self.alert.name} ({self.alert.subject}): one failure at night is silent"
        return self._test(name, self._scraped(phases, 1.0), model, 1, (12, 20))

    def _scraped(self, phases: Phases, events: float) -> dict[str, str]:
        inputs = dict(self.objective.constant)
        for series, part in self.objective.feed:
            level, notation = 0.0, ["0"]
            for share, number in phases:
                written, level = growing(level, events * part(share), number)
                notation.append(written)
            inputs[series] = " ".join(notation)
        return located_here(inputs, self.settings)

    def _test(self, name: str, inputs: dict[str, str], model: BurnModel, every: int, looks: Sequence[int]) -> RuleTest:
        fired = {tier: set(model.firing(tier, every)) for tier in self.alert.tiers}
        labels = dict(self.objective.labels)
        checks: list[dict[str, Any]] = []
        for look in sorted(set(looks)):
            seen = look // every * every
            expected = [firing(self.alert, tier, labels, 0, self.settings) for tier, at in fired.items() if seen in at]
            checks.append(check(self.alert, durations.duration(look * SAMPLE_SECONDS), expected))
        seconds = durations.duration
        return RuleTest(name, seconds(SAMPLE_SECONDS), seconds(every * SAMPLE_SECONDS), inputs, checks)


def burn_tests(alert: Alert, settings: Settings) -> Iterator[RuleTest]:
    """Yield the tests of a burn alert in force; `UndecidedError` when nothing makes it fire."""
    if alert.objective is None:
        return
    prover = _Prover(alert, alert.objective, settings)
    for tier in alert.tiers:
        for faster, burn in pairwise((None, *alert.objective.burns)):
            if burn is not None and burn.severity is tier.severity:
                yield from prover.pair(tier, burn, faster)
    yield prover.everything_fails()
    yield prover.one_failure()
