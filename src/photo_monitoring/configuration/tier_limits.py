"""Which numbers of a tier may be overridden, and which values make a rule that can be decided, fire and be tested."""

import math
from dataclasses import replace
from typing import Final

from photo_monitoring import durations, promql
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert, Tier, Unit
from photo_monitoring.expressions import condition
from photo_monitoring.known_metrics import known_samples
from photo_monitoring.reachability import never_fires, unreachable

KEYS: Final = ("threshold", "for", "minimum")
LONGEST_FOR: Final = "1d"


def keys(alert: Alert, tier: Tier) -> tuple[str, ...]:
    """Return the keys of `KEYS` that a tier has: an alert whose value is itself the condition has no threshold."""
    has_threshold = alert.compare is not None and tier.condition is None
    own = {"threshold": has_threshold, "for": True, "minimum": tier.minimum is not None}
    return tuple(key for key in KEYS if own[key])


def declared(tier: Tier, key: str) -> float | str | None:
    """Return a tier's own value of one of `KEYS`."""
    values: dict[str, float | str | None] = {"threshold": tier.threshold, "for": tier.hold, "minimum": tier.minimum}
    return values[key]


def problem(alert: Alert, tier: Tier, key: str, value: object) -> str | None:
    """Say what is wrong with a value for one of a tier's keys, None: nothing."""
    if key == "for":
        return _hold(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "must be a number"
    if value == declared(tier, key):
        return None
    if value <= 0:
        return "must be above 0"
    return _threshold(alert, tier, value) if key == "threshold" else unreachable(alert, value)


def _hold(value: object) -> str | None:
    if not isinstance(value, str) or not durations.is_duration(value):
        return 'must be a duration in quotes, such as "30s", "5m" or "1h30m"'
    if durations.seconds(value) > durations.seconds(LONGEST_FOR):
        return f'is too long to be an alert: at most "{LONGEST_FOR}"'
    return None


def _threshold(alert: Alert, tier: Tier, value: float) -> str | None:
    if alert.share is not None:
        return _bucket(alert, tier, value)
    if never := never_fires(alert, replace(tier, threshold=value)):
        return never
    if alert.unit is Unit.COUNT and value != int(value):
        return "counts something and must be a whole number"
    return None


def _bucket(alert: Alert, tier: Tier, value: float) -> str | None:
    """Only at a bound of the histogram can a threshold be decided."""
    known = known_samples()
    for selector in promql.read(condition(alert, replace(tier, threshold=value), Settings())).selectors:
        for matcher in selector.matchers:
            bounds = known[selector.metric].values.get("le") if selector.metric in known else None
            if matcher.label == "le" and bounds is not None and matcher.value not in bounds:
                usable = sorted(float(bound) for bound in bounds if bound != "+Inf")
                metric = known[selector.metric].metric
                return f"{metric} has no bucket {value:g}; there are {', '.join(f'{bound:g}' for bound in usable)}"
    return None
