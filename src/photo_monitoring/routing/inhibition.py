"""What silences what: one root cause pages at most twice, once as the cause and once for what users notice."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import SYSTEM
from photo_monitoring.criteria import Alert, Group, Severity

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

FLEET: Final = "ServiceDownAll"
"""The alert beside which nothing else about the service is news."""

_FAILS: Final = 'alertname=~"ExternalServiceCircuitOpen|ExternalServiceFailure|SlowExternalService"'
CAUSES: Final[dict[str, tuple[str, ...]]] = {
    "database": ('alertname="HighDBErrorRate"', 'severity="critical"'),
    "object_storage": (_FAILS, 'severity="critical"', 'service="object_storage"'),
    "cdn": (_FAILS, 'severity="critical"', 'service="cdn"'),
    "log_service": (_FAILS, 'severity="critical"', 'service="log_service"'),
    "fleet": (f'alertname="{FLEET}"',),
}
"""What an alert's `symptom_of` may name, beside alerts: cause → the matchers of the alerts that tell of it."""

NOTICED: Final = frozenset(
    {"HighErrorRate", "ProbeFailing", *(alert.name for alert in ALERTS if alert.group is Group.SLO)}
)
"""Alerts that say what users notice, whatever the cause: together they are one page."""

NEVER_SILENCED: Final = NOTICED | {"ServiceDown"}
"""Alerts that no dependency's alert silences."""

_SYSTEM: Final = f'system="{SYSTEM}"'


def _named(names: Iterable[str]) -> str:
    return "|".join(sorted(set(names)))


def told_apart_by(settings: "Settings") -> list[str]:
    """Return the labels in which two alerts of one name differ: every label that any criterion groups by."""
    labels = {settings.label(label) for alert in ALERTS for label in alert.by}
    return ["system", "alertname", *sorted(labels)]


def symptoms(cause: str) -> list[str]:
    """Return the names of the alerts that are declared to be a symptom of a cause."""
    return sorted({alert.name for alert in ALERTS if cause in alert.symptom_of})


def beside_fleet() -> list[str]:
    """Return the alerts that a dead fleet does not explain: those on the way of alerts itself, unless declared so."""
    return sorted({alert.name for alert in ALERTS if alert.group is Group.PIPELINE and "fleet" not in alert.symptom_of})


def problems(alerts: Iterable[Alert] = ALERTS) -> list[str]:
    """Return one line for each `symptom_of` that names no cause, or would silence what must be heard."""
    declared = list(alerts)
    names = {alert.name for alert in declared}
    lines = []
    for alert in declared:
        for cause in alert.symptom_of:
            if cause not in CAUSES and cause not in names:
                lines.append(f"{alert.name} ({alert.subject}) is a symptom of {cause}, which is no cause and no alert")
            if alert.name in NEVER_SILENCED and cause != "fleet":
                lines.append(
                    f"{alert.name} ({alert.subject}) says what users notice: only the fleet's alert silences it"
                )
            if alert.group is Group.RESOURCES:
                lines.append(f"{alert.name} ({alert.subject}) is about a host: no alert of a service silences it")
    return lines


def rules(settings: "Settings") -> list[dict[str, Any]]:
    """Return `inhibit_rules`: severity, fleet, then each cause with its symptoms."""
    found: list[dict[str, Any]] = [
        {
            "source_matchers": [_SYSTEM, f'severity="{Severity.CRITICAL}"'],
            "target_matchers": [_SYSTEM, f'severity="{Severity.WARNING}"'],
            "equal": told_apart_by(settings),
        },
        {
            "source_matchers": [_SYSTEM, *CAUSES["fleet"]],
            "target_matchers": [_SYSTEM, f'alertname!~"{_named([FLEET, *beside_fleet()])}"', 'severity!="none"'],
            "equal": ["system"],
        },
    ]
    causes = {name: matchers for name, matchers in CAUSES.items() if name != "fleet"}
    own = dict.fromkeys(cause for alert in ALERTS for cause in alert.symptom_of if cause not in CAUSES)
    causes |= {name: (f'alertname="{name}"', f'severity="{Severity.CRITICAL}"') for name in own}
    for cause, matchers in causes.items():
        if names := symptoms(cause):
            equal = ["system", "service"] if cause in own and _has_service(cause) else ["system"]
            found.append(
                {
                    "source_matchers": [_SYSTEM, *matchers],
                    "target_matchers": [_SYSTEM, f'alertname=~"{_named(names)}"'],
                    "equal": equal,
                }
            )
    return found


def _has_service(name: str) -> bool:
    return any("service" in alert.by for alert in ALERTS if alert.name == name)
