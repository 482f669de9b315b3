"""Everything about one alert, for the terminal."""

import difflib
from collections.abc import Iterator

from photo_monitoring import annotations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.expressions import condition, fill
from photo_monitoring.guide import load_guide
from photo_monitoring.settings import Settings
from photo_monitoring.traceability import demand


class UnknownAlertError(LookupError):
    """No alert has that name; the message suggests one that is close."""


def _criterion(tier: Tier) -> str:
    for criterion in load_guide().criteria:
        if criterion.id == tier.criterion:
            return f"guide {criterion.section}, {criterion.metric}: {demand(criterion)}"
    return "not in the guide"


def _indented(text: str) -> Iterator[str]:
    yield from (f"    {line}" for line in text.splitlines())


def _tier(alert: Alert, tier: Tier, settings: Settings) -> Iterator[str]:
    yield f"  {tier.severity} — {_criterion(tier)}"
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
    lines: list[str] = []
    for alert in alerts:
        lines += [f"{alert.name} ({alert.subject}), group {alert.group}"]
        for tier in alert.tiers:
            lines += _tier(alert, tier, settings)
        for recording in dict.fromkeys(alert.recordings()):
            lines += [f"  recorded {recording.name}", *_indented(fill(recording.expr, settings))]
        lines.append("  next steps")
        lines += [f"    {number}. {step.in_language(settings.lang)}" for number, step in enumerate(alert.next_steps, 1)]
        lines.append("")
    return "\n".join(lines)
