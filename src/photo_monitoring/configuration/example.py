"""`monitoring.example.toml`: every key of the override file, commented, with its default."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration import tier_limits
from photo_monitoring.configuration.file import TABLES
from photo_monitoring.configuration.objectives import example_tables
from photo_monitoring.configuration.overrides import plain
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert, Tier, Unit
from photo_monitoring.guide import demand, load_guide

EXAMPLE: Final = Path("monitoring.example.toml")

_HEADER: Final = """\
# Rendered by `photo-monitoring render`; changes made here are lost.
#
# Every key of the override file, with its default. Copy what you want to change, with its [table], into a file
# `monitoring.toml` of your own (found in the working directory, or named by `--config`): what is not in it stays as
# the guide has it, also after an upgrade, which never touches your file. Then `photo-monitoring render`, `check`.
#
# To switch a tier or a whole alert off, say why; its recordings stay, since others read them:
#     [alerts.HighCPUUsage.cpu]
#     enabled = false
#     reason = "batch hosts are always busy"
#
# Channels (Slack, PagerDuty, e-mail, …) and quiet hours, which go into the same file, are in settings.example.toml.
"""
_COMMENTS: Final = {
    "jobs": "Prometheus' job names. The rules read no other job's series.",
    "labels": "The label that tells one instance of a job from another, on every job.",
    "haproxy": "The frontend (`proxy`) whose answers users get; the availability objective counts them.",
    "urls": "Where people reach the console, and below which address runbooks and dashboards are.",
}
_UNITS: Final = {
    Unit.RATIO: "a share: 0.05 is 5 %",
    Unit.PER_MINUTE: "a minute",
    Unit.COUNT: "a number",
    Unit.BYTES: "bytes",
    Unit.TIMES: "times the usual",
    Unit.SECONDS: "seconds",
}


def _tables() -> Iterator[str]:
    settings = Settings()
    values = {"runbooks_url": settings.runbooks, "dashboards_url": settings.dashboards}
    for table, keys in TABLES.items():
        yield f"\n# {_COMMENTS[table]}\n[{table}]"
        for key, name in keys.items():
            yield f'{key} = "{values.get(name) or getattr(settings, name)}"'


def _tier(alert: Alert, tier: Tier) -> Iterator[str]:
    demands = {criterion.id: criterion for criterion in load_guide().criteria}
    criterion = demands.get(tier.criterion or "")
    asked = f"Guide {criterion.section}: {demand(criterion)}." if criterion else "Not in the guide."
    yield f"# {asked}\n[alerts.{alert.name}.{alert.subject}.{tier.severity}]\nenabled = true"
    for key in tier_limits.keys(alert, tier):
        value = plain(tier_limits.declared(tier, key))
        if key == "for":
            yield f'for = "{value}"'
        elif key == "threshold":
            unit = "seconds, a bucket of the histogram" if alert.share is not None else _UNITS[alert.unit]
            yield f"threshold = {value}  # {alert.compare or ''} {unit}".replace("#  ", "# ")
        else:
            yield f"minimum = {value}  # silent where there is less to judge by"


def render_example() -> str:
    """Return the example file's text; read back, it gives the defaults."""
    lines = [_HEADER, "# Language of the alerts' texts: ko or en.", 'language = "ko"', *_tables()]
    for alert in ALERTS:
        lines.append(f"\n# {alert.summary.en.replace('{', '<').replace('}', '>')}")
        lines.append(f"[alerts.{alert.name}.{alert.subject}]\nenabled = true")
        for tier in alert.tiers:
            lines += _tier(alert, tier)
    lines += example_tables()
    return "\n".join(lines) + "\n"
