"""Whether a tier can ever fire, and whether an alert's two tiers come in an order that makes sense."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from photo_monitoring import durations
from photo_monitoring.criteria import Alert, Group, Recording, Severity, Tier, Unit
from photo_monitoring.expressions import number

# What a forecast or a difference says may be below 0; nothing else that is counted or measured is.
_SIGNED: Final = ("predict_linear", "deriv", "delta")
_MOST_EVENTS_PER_SECOND: Final = 1e6


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A number of one tier (its severity, its key in the override file) that contradicts the other tier's."""

    severity: str
    key: str
    problem: str


def never_fires(alert: Alert, tier: Tier) -> str | None:
    """Say why a tier could never fire, None: it can."""
    if alert.compare is None or tier.condition is not None:
        return None
    limit = alert.share if alert.share is not None else tier.threshold
    # Only growth may be more than the whole.
    if alert.unit is Unit.RATIO and alert.group is not Group.GROWTH and limit >= 1:
        return "is a share and must be below 1 (0.05 is 5 %): such a rule could never fire"
    if alert.compare == "<" and limit <= 0 and not any(function in _text(alert.value) for function in _SIGNED):
        return "must be above 0: nothing is below, and such a rule could never fire"
    return None


def unreachable(alert: Alert, minimum: float) -> str | None:
    """Say why a minimum volume could never be reached, None: it can."""
    if alert.volume is None or "increase(" not in alert.volume.expr:
        return None
    most = _MOST_EVENTS_PER_SECOND * durations.seconds(alert.window)
    if minimum > most:
        return f"is more than a million a second for {alert.window} ({number(most)}): such a rule could never fire"
    return None


def contradictions(alert: Alert) -> Iterator[Contradiction]:
    """Yield what lets the critical tier of an alert come before its warning, or makes the two the same."""
    tiers = {tier.severity: tier for tier in alert.tiers}
    if Severity.WARNING not in tiers or Severity.CRITICAL not in tiers or alert.objective is not None:
        return
    warning, critical = tiers[Severity.WARNING], tiers[Severity.CRITICAL]
    if alert.compare is None:
        if durations.seconds(warning.hold) > durations.seconds(critical.hold):
            yield Contradiction(
                "warning",
                "for",
                f"must be no longer than critical's {critical.hold}: both tiers wait for the same, and this one would "
                "come after the other",
            )
    elif alert.compare == "<" and warning.threshold <= critical.threshold:
        yield Contradiction("warning", "threshold", f"must be above critical's {number(critical.threshold)}")
    elif alert.compare != "<" and warning.threshold >= critical.threshold:
        yield Contradiction("warning", "threshold", f"must be below critical's {number(critical.threshold)}")


def _text(value: Recording | str) -> str:
    return value.expr if isinstance(value, Recording) else value
