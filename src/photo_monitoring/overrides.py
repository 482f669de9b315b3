"""From the declared alerts to those in force: what `monitoring.toml` changed or switched off."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photo_monitoring.alerts import ALERTS
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.expressions import number

if TYPE_CHECKING:
    from photo_monitoring.settings import Change, Settings


@dataclass(frozen=True, slots=True)
class Override:
    """A declared tier with what was changed of it."""

    alert: Alert
    tier: Tier
    change: "Change"

    @property
    def numbers(self) -> tuple[tuple[str, str, str], ...]:
        """The numbers that differ: (key of the file, declared, in force)."""
        pairs = (
            ("threshold", self.tier.threshold, self.change.threshold),
            ("for", self.tier.hold, self.change.hold),
            ("minimum", self.tier.minimum, self.change.minimum),
        )
        return tuple(
            (key, plain(old), plain(new)) for key, old, new in pairs if new is not None and plain(new) != plain(old)
        )

    def __str__(self) -> str:
        """Say it in one line."""
        if self.change.reason is not None:
            return f"switched off: {self.change.reason}"
        return ", ".join(f"{key} {new} instead of {old}" for key, old, new in self.numbers)


def plain(value: float | str | None, missing: str = "") -> str:
    """Write a number or a duration as the override file does."""
    return number(value) if isinstance(value, int | float) else value or missing


def changed(tier: Tier, change: "Change") -> Tier:
    """Return a tier with its changed numbers."""
    return replace(
        tier,
        threshold=tier.threshold if change.threshold is None else change.threshold,
        hold=change.hold or tier.hold,
        minimum=tier.minimum if change.minimum is None else change.minimum,
    )


def overrides(settings: "Settings", alerts: Iterable[Alert] = ALERTS) -> list[Override]:
    """Return every tier that differs from its declaration or is switched off, in the alerts' order."""
    changes = {(change.subject, change.severity): change for change in settings.changes}
    found = [
        Override(alert, tier, changes[alert.subject, tier.severity.value])
        for alert in alerts
        for tier in alert.tiers
        if (alert.subject, tier.severity.value) in changes
    ]
    return [override for override in found if override.numbers or override.change.reason]


def in_force(settings: "Settings", alerts: Iterable[Alert] = ALERTS) -> tuple[Alert, ...]:
    """Return the alerts as the settings have them, without tiers that are switched off."""
    changes = {(change.subject, change.severity): change for change in settings.changes}
    kept = []
    for alert in alerts:
        tiers = []
        for tier in alert.tiers:
            change = changes.get((alert.subject, tier.severity.value))
            if change is None:
                tiers.append(tier)
            elif change.reason is None:
                tiers.append(changed(tier, change))
        if tiers:
            kept.append(alert if tuple(tiers) == alert.tiers else replace(alert, tiers=tuple(tiers)))
    return tuple(kept)


def renumbered(settings: "Settings") -> frozenset[str]:
    """Return the subjects of which a threshold, `for` or minimum in force is not the declared one."""
    return frozenset(one.alert.subject for one in overrides(settings) if one.numbers and one.change.reason is None)
