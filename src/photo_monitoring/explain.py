"""Everything about one alert, for the terminal."""

import difflib
from collections.abc import Iterator

from photo_monitoring import annotations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration import tier_limits
from photo_monitoring.configuration.overrides import (
    changed,
    objective_in_force,
    objective_numbers,
    plain,
    with_objectives,
)
from photo_monitoring.configuration.settings import Change, Settings
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.expressions import condition, fill
from photo_monitoring.guide import demand, load_guide


class UnknownAlertError(LookupError):
    """No alert has that name; the message suggests one that is close."""


def _criterion(tier: Tier) -> str:
    for criterion in load_guide().criteria:
        if criterion.id == tier.criterion:
            return f"guide {criterion.section}, {criterion.metric}: {demand(criterion)}"
    return "not in the guide"


def _indented(text: str) -> Iterator[str]:
    yield from (f"    {line}" for line in text.splitlines())


def _numbers(alert: Alert, tier: Tier, change: Change | None) -> Iterator[str]:
    """Yield the table of a declared tier's numbers, defaults beside overrides."""
    yield f"    {'':10}{'default':>14}{'override':>14}"
    changes = {} if change is None else {"threshold": change.threshold, "for": change.hold, "minimum": change.minimum}
    for key in tier_limits.keys(alert, tier):
        yield f"    {key:10}{plain(tier_limits.declared(tier, key)):>14}{plain(changes.get(key), '-'):>14}"


def _objective(alert: Alert, settings: Settings) -> Iterator[str]:
    """Yield the table of a declared objective's numbers, defaults beside overrides."""
    if alert.objective is None:
        return
    here = objective_numbers(objective_in_force(alert.objective, settings))
    yield f"  objective {alert.objective.slo}: {alert.objective.promise.in_language(settings.lang)}"
    yield f"    {'':10}{'default':>14}{'override':>14}"
    for key, value in objective_numbers(alert.objective).items():
        yield f"    {key:10}{plain(value):>14}{'-' if here[key] == value else plain(here[key]):>14}"


def _tier(alert: Alert, declared: Tier, change: Change | None, settings: Settings) -> Iterator[str]:
    yield f"  {declared.severity} — {_criterion(declared)}"
    yield from _numbers(alert, declared, change)
    if change is not None and change.reason is not None:
        yield f"    switched off: {change.reason}"
        return
    tier = declared if change is None else changed(declared, change)
    yield f"    for {tier.hold}, when"
    yield from _indented("\n".join(f"  {line}" for line in condition(alert, tier, settings).splitlines()))
    yield f"    says: {annotations.templates(alert, tier, settings)['description']}"


def explain(name: str, settings: Settings) -> str:
    """Return what the alerts called `name` watch, when they fire, what to do; `UnknownAlertError`: there is none."""
    alerts = [alert for alert in ALERTS if alert.name.lower() == name.lower()]
    if not alerts:
        names = {alert.name for alert in ALERTS}
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(names))}"
        msg = f"no alert is called {name}{hint}"
        raise UnknownAlertError(msg)
    changes = {(change.subject, change.severity): change for change in settings.changes}
    lines: list[str] = []
    for alert in with_objectives(settings, alerts):
        lines += [f"{alert.name} ({alert.subject}), group {alert.group}"]
        lines += _objective(next(one for one in alerts if one.subject == alert.subject), settings)
        for tier in alert.tiers:
            lines += _tier(alert, tier, changes.get((alert.subject, tier.severity.value)), settings)
        for recording in dict.fromkeys(alert.recordings()):
            lines += [f"  recorded {recording.name}", *_indented(fill(recording.expr, settings))]
        lines.append("  next steps")
        lines += [f"    {number}. {step.in_language(settings.lang)}" for number, step in enumerate(alert.next_steps, 1)]
        lines.append("")
    return "\n".join(lines)
