"""The texts of an alert: as templates that Prometheus fills in, and as the finished text that a test expects."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from photo_monitoring import durations
from photo_monitoring.criteria import Alert, Tier, Unit
from photo_monitoring.dashboards.homes import path_of

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

_VALUE_TEMPLATES: Final = {
    Unit.RATIO: "{{ $value | humanizePercentage }}",
    Unit.PER_MINUTE: '{{ $value | printf "%.4g" }}',
    Unit.COUNT: '{{ $value | printf "%.0f" }}',
    Unit.BYTES: "{{ $value | humanize }}B",
    Unit.TIMES: '{{ $value | printf "%.3g" }}',
    Unit.SECONDS: '{{ $value | printf "%.0f" }}',
}

_PREFIXES: Final = ("", "k", "M", "G", "T", "P")


def _humanized(value: float) -> str:
    """Write a number as Prometheus' `humanize` does, for numbers from 1 up."""
    power = 0
    while abs(value) >= 1000 and power < len(_PREFIXES) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.4g}{_PREFIXES[power]}"


def read_value(unit: Unit, value: float) -> str:
    """Write a value as people read it, exactly as Prometheus renders this unit's template."""
    match unit:
        case Unit.RATIO:
            return f"{value * 100:.4g}%"
        case Unit.PER_MINUTE:
            return f"{value:.4g}"
        case Unit.BYTES:
            return f"{_humanized(value)}B"
        case Unit.TIMES:
            return f"{value:.3g}"
        case Unit.COUNT | Unit.SECONDS:
            return f"{value:.0f}"


def _limits(alert: Alert, tier: Tier, settings: "Settings") -> dict[str, str]:
    limits = {
        "threshold": read_value(alert.unit, tier.threshold),
        "hold": durations.words(durations.scaled(tier.hold, settings.time_scale), settings.lang),
        "window": durations.words(durations.scaled(alert.window, settings.time_scale), settings.lang),
    }
    if alert.share is not None:
        limits["threshold"] = f"{tier.threshold:.4g}"
        limits["share"] = read_value(Unit.RATIO, alert.share)
        limits["percentile"] = f"P{100 - alert.share * 100:.4g}"
    return limits


def _render(alert: Alert, tier: Tier, settings: "Settings", value: str, label: Callable[[str], str]) -> dict[str, str]:
    known = {**{name: label(name) for name in alert.by}, **_limits(alert, tier, settings), "value": value}
    try:
        summary = alert.summary.in_language(settings.lang).format_map(known)
        description = alert.description.in_language(settings.lang).format_map(known)
    except KeyError as error:
        msg = (
            f"{alert.name} ({alert.subject}): its text uses {error}, which is neither a label it keeps nor a known name"
        )
        raise ValueError(msg) from error
    return {
        "summary": summary,
        "description": description,
        "runbook_url": f"{settings.runbooks}/{alert.name}",
        "dashboard_url": f"{settings.dashboards}/{path_of(alert)}",
    }


def templates(alert: Alert, tier: Tier, settings: "Settings") -> dict[str, str]:
    """Return the annotations of a rule, with Prometheus' own placeholders for the value and the labels."""

    def label(name: str) -> str:
        return f"{{{{ $labels.{settings.label(name)} }}}}"

    return _render(alert, tier, settings, _VALUE_TEMPLATES[alert.unit], label)


def expected(alert: Alert, tier: Tier, settings: "Settings", labels: Mapping[str, str], value: float) -> dict[str, str]:
    """Return the annotations that a firing alert must carry for these labels and this value."""
    return _render(alert, tier, settings, read_value(alert.unit, value), lambda name: labels.get(name, ""))
