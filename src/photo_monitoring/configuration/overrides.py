"""From the declared alerts to those in force: what `monitoring.toml` changed or switched off."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photo_monitoring.alerts import ALERTS
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.expressions import number
from photo_monitoring.slos import Objective, burn_alert

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Change, Settings


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


@dataclass(frozen=True, slots=True)
class ObjectiveOverride:
    """A declared objective with what was changed of it: (key of the file, declared, in force)."""

    objective: Objective
    numbers: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        """Say it in one line."""
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


def objective_in_force(objective: Objective, settings: "Settings") -> Objective:
    """Return an objective as the settings have it."""
    for change in settings.objective_changes:
        if change.slo == objective.slo:
            paces = dict(change.burns)
            burns = tuple(replace(burn, factor=paces.get(burn.long, burn.factor)) for burn in objective.burns)
            percent = objective.percent if change.objective is None else round(100 * change.objective, 9)
            return replace(objective, percent=percent, burns=burns)
    return objective


def objective_numbers(objective: Objective) -> dict[str, float]:
    """Return the keys of the override file that an objective has, with its own values."""
    return {"objective": round(objective.percent / 100, 11), **{burn.key: burn.factor for burn in objective.burns}}


def objective_overrides(settings: "Settings", alerts: Iterable[Alert] = ALERTS) -> list[ObjectiveOverride]:
    """Return every objective that differs from its declaration, in the alerts' order."""
    found = []
    for alert in alerts:
        if alert.objective is not None:
            here = objective_numbers(objective_in_force(alert.objective, settings))
            numbers = tuple(
                (key, plain(old), plain(here[key]))
                for key, old in objective_numbers(alert.objective).items()
                if old != here[key]
            )
            if numbers:
                found.append(ObjectiveOverride(alert.objective, numbers))
    return found


def with_objectives(settings: "Settings", alerts: Iterable[Alert] = ALERTS) -> tuple[Alert, ...]:
    """Return the alerts with the objectives that the settings have, in what they record too."""
    kept = []
    for alert in alerts:
        objective = None if alert.objective is None else objective_in_force(alert.objective, settings)
        kept.append(alert if objective == alert.objective or objective is None else burn_alert(objective))
    return tuple(kept)


def in_force(settings: "Settings", alerts: Iterable[Alert] = ALERTS) -> tuple[Alert, ...]:
    """Return the alerts as the settings have them, without tiers that are switched off."""
    changes = {(change.subject, change.severity): change for change in settings.changes}
    kept = []
    for alert in with_objectives(settings, alerts):
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
    """Return the subjects of which a threshold, `for`, minimum or objective in force is not the declared one."""
    changed = {one.alert.subject for one in overrides(settings) if one.numbers and one.change.reason is None}
    return frozenset(changed | {one.objective.subject for one in objective_overrides(settings)})
