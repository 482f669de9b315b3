"""Thresholds: those of the alerts in force that a panel names, as Grafana's steps from low to high."""

from typing import TYPE_CHECKING

from photo_monitoring.alerts import ALERTS
from photo_monitoring.alerts.slo import OBJECTIVES
from photo_monitoring.configuration.overrides import in_force, objective_in_force
from photo_monitoring.criteria import Severity
from photo_monitoring.dashboards.panels import Colour, Panel, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photo_monitoring.configuration.settings import Settings
    from photo_monitoring.criteria import Alert

_COLOURS: dict[Severity, Colour] = {Severity.WARNING: "orange", Severity.CRITICAL: "red"}


def _upwards(alerts: "Iterable[Alert]") -> list[Step]:
    """Return steps of alerts that fire above their thresholds; where two meet, the graver one counts."""
    colours: dict[float, Severity] = {}
    for alert in alerts:
        for tier in alert.tiers:
            if colours.get(tier.threshold) is not Severity.CRITICAL:
                colours[tier.threshold] = tier.severity
    return [Step(None, "green"), *(Step(value, _COLOURS[colours[value]]) for value in sorted(colours))]


def _downwards(alerts: "Iterable[Alert]") -> list[Step]:
    """Return steps of alerts that fire below their thresholds: each step is the colour of what lies above."""
    tiers = sorted(
        (tier for alert in alerts for tier in alert.tiers), key=lambda tier: (tier.threshold, tier.severity.value)
    )
    colours = [_COLOURS[tier.severity] for tier in tiers]
    above: list[Colour] = [*colours[1:], "green"]
    return [Step(None, colours[0]), *(Step(tier.threshold, colour) for tier, colour in zip(tiers, above, strict=True))]


def steps(panel: Panel, settings: "Settings") -> list[Step]:
    """Return a panel's thresholds, its own or its alerts' as overridden; without any, one colour for all."""
    if panel.promise is not None:
        (objective,) = (one for one in OBJECTIVES if one.slo == panel.promise)
        percent = objective_in_force(objective, settings).percent
        return [Step(None, "red"), Step(round(percent / 100, 9), "green")]
    if panel.steps:
        return list(panel.steps)
    drawn = [alert for alert in in_force(settings, ALERTS) if alert.subject in panel.drawn]
    if not drawn:
        return [Step(None, "green")]
    return _downwards(drawn) if drawn[0].compare == "<" else _upwards(drawn)


def runbooks(panel: Panel) -> list[str]:
    """Return the names of the alerts that a panel shows, each once: their runbooks say what to do."""
    named = {*panel.home_of, *panel.drawn}
    return list(dict.fromkeys(alert.name for alert in ALERTS if alert.subject in named))
