"""Declarations → the files that Prometheus loads. The same declarations always give the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from photo_monitoring import annotations, durations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.example import EXAMPLE, render_example
from photo_monitoring.configuration.overrides import in_force, with_objectives
from photo_monitoring.configuration.settings import SYSTEM, Language, Settings
from photo_monitoring.criteria import Alert, Group, Recording, Tier
from photo_monitoring.dashboards.files import DASHBOARDS, render_dashboards
from photo_monitoring.expressions import condition, fill
from photo_monitoring.routing.files import render_routing
from photo_monitoring.scraping import render_scraping
from photo_monitoring.targets import TARGETS, Instance, render_targets
from photo_monitoring.yaml_text import HEADER, to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

RULES_FOLDER: Final = Path("prometheus/rules")


def alert_rule(alert: Alert, tier: Tier, settings: Settings) -> dict[str, Any]:
    """Return one alerting rule as Prometheus' rule file has it."""
    rule: dict[str, Any] = {"alert": alert.name, "expr": condition(alert, tier, settings)}
    if durations.seconds(tier.hold):
        rule["for"] = durations.scaled(tier.hold, settings.time_scale)
    rule["labels"] = {"severity": tier.severity.value, "subject": alert.subject, "system": SYSTEM}
    rule["annotations"] = annotations.templates(alert, tier, settings)
    return rule


def recording_rule(recording: Recording, settings: Settings) -> dict[str, Any]:
    """Return one recording rule as Prometheus' rule file has it."""
    rule: dict[str, Any] = {"record": recording.name, "expr": fill(recording.expr, settings)}
    return rule | ({"labels": dict(recording.labels)} if recording.labels else {})


def recordings_of(alerts: "Iterable[Alert]") -> list[Recording]:
    """Return what these alerts need recorded, each once, in the order of first use."""
    return list(dict.fromkeys(recording for alert in alerts for recording in alert.recordings()))


def _groups() -> dict[Group, list[Alert]]:
    groups: dict[Group, list[Alert]] = {}
    for alert in ALERTS:
        groups.setdefault(alert.group, []).append(alert)
    return groups


def rule_documents(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return file name → rule file, one group a file, recordings before the alerts that read them."""
    documents = {}
    for group, alerts in _groups().items():
        # What an alert that is switched off records, other alerts and panels may read.
        rules = [recording_rule(recording, settings) for recording in recordings_of(with_objectives(settings, alerts))]
        rules += [alert_rule(alert, tier, settings) for alert in in_force(settings, alerts) for tier in alert.tiers]
        if not rules:
            continue
        interval = durations.scaled(settings.interval, settings.time_scale)
        documents[f"{group.value}.yml"] = {"groups": [{"name": group.value, "interval": interval, "rules": rules}]}
    return documents


def render_rules(lang: Language = "ko", time_scale: float = 1.0, settings: Settings | None = None) -> dict[str, str]:
    """Return file name → YAML text of every rule file.

    `settings`, where given, decides alone; `lang` and `time_scale` are the two that most callers need.
    """
    chosen = settings or Settings(lang=lang, time_scale=time_scale)
    return {name: HEADER + to_yaml(document) for name, document in rule_documents(chosen).items()}


def render_all(settings: Settings) -> dict[Path, str]:
    """Return path below `deploy/monitoring` → text of every rendered file."""
    rules = {RULES_FOLDER / name: text for name, text in render_rules(settings=settings).items()}
    return (
        rules
        | {EXAMPLE: render_example()}
        | render_dashboards(settings)
        | render_routing(settings)
        | render_scraping(settings)
    )


def write_all(out: Path, settings: Settings, instances: "Iterable[Instance]" = ()) -> list[Path]:
    """Write every rendered file below `out`, remove rule files that are rendered no more, and return what changed.

    Where instances are named, the file that Prometheus discovers them by is written too; else it is left as it is.
    """
    files, named = render_all(settings), list(instances)
    if named:
        files[TARGETS] = render_targets(named, settings)
    changed = []
    for path, text in files.items():
        target = out / path
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        changed.append(path)
    for stale in stale_files(out, files.keys()):
        (out / stale).unlink()
        changed.append(stale)
    return changed


def stale_files(out: Path, rendered: "Iterable[Path]") -> list[Path]:
    """Return the rule files and boards below `out` that rendering does not make (any more)."""
    known = set(rendered)
    found = sorted(
        path.relative_to(out) for path in (*(out / RULES_FOLDER).glob("*.yml"), *(out / DASHBOARDS).glob("*/*.json"))
    )
    return [path for path in found if path not in known]


def drift(out: Path, settings: Settings) -> list[str]:
    """Return one line for each file below `out` that rendering would change."""
    files = render_all(settings)
    lines = []
    for path, text in files.items():
        target = out / path
        if not target.is_file():
            lines.append(f"{target} is missing: run `photo-monitoring render`")
        elif target.read_text(encoding="utf-8") != text:
            lines.append(f"{target} differs from its declarations: run `photo-monitoring render`")
    return lines + [
        f"{out / path} is rendered no more: run `photo-monitoring render`" for path in stale_files(out, files)
    ]
