"""The matrix: each demand of the guide and what answers it, so that what is missing shows."""

from collections.abc import Iterable, Iterator
from typing import Final

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.overrides import in_force, objective_overrides, overrides
from photo_monitoring.configuration.settings import LANGUAGES, Settings
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.dashboards import BOARDS, matrix
from photo_monitoring.guide import demand, load_guide
from photo_monitoring.known_metrics import known_samples
from photo_monitoring.lints import metrics_of, recordings_by_name
from photo_monitoring.proofs import rule_tests
from photo_monitoring.routing.guide_channels import channel_rows, own_channels
from photo_monitoring.runbooks import has_runbook, page_name

Counts = dict[tuple[str, str], int]
"""(subject, severity) → how many tests."""

NOT_YET: Final = "—"
_OFF: Final = "off"

_INTRODUCTION: Final = """\
<!-- Rendered by `photo-monitoring render`; changes made here are lost. -->
# Traceability

What the monitoring guide demands, in its order, and what answers it. A `—` is missing. Sections are the guide's.
"""


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _table(header: tuple[str, ...], rows: Iterable[Iterable[object]]) -> list[str]:
    return [_row(header), _row("---" for _ in header), *(_row(row) for row in rows), ""]


def _declared() -> dict[str, tuple[Alert, Tier]]:
    return {tier.criterion: (alert, tier) for alert in ALERTS for tier in alert.tiers if tier.criterion}


def test_counts(settings: Settings) -> Counts:
    """Return (subject, severity) → how many promtool tests let it fire or keep it silent by its own threshold."""
    counts: Counts = {}
    for alert in in_force(settings, ALERTS):
        names = [test.name for test in rule_tests.tests_of(alert, settings)]
        for tier in alert.tiers:
            own = f"({alert.subject}, {tier.severity})"
            shared = sum(f"({alert.subject})" in name for name in names)
            counts[alert.subject, tier.severity.value] = shared + sum(own in name for name in names)
    return counts


def _runbook(alert: Alert) -> str:
    """Link an alert's two pages from the reference's folder."""
    if not has_runbook(alert.name):
        return NOT_YET
    return ", ".join(f"[{lang}](../runbooks/{page_name(alert.name, lang)})" for lang in LANGUAGES)


def _criteria_rows(settings: Settings, counts: Counts) -> Iterator[tuple[object, ...]]:
    declared, recordings = _declared(), recordings_by_name(ALERTS)
    off = {
        (one.alert.subject, one.tier.severity) for one in overrides(settings, ALERTS) if one.change.reason is not None
    }
    for criterion in load_guide().criteria:
        answer = declared.get(criterion.id)
        if answer is None:
            yield (criterion.section, f"`{criterion.id}`", demand(criterion), *[NOT_YET] * 6)
            continue
        alert, tier = answer
        metrics = ", ".join(f"`{metric}`" for metric in sorted(metrics_of(alert, recordings)))
        rule = f"{alert.name} ({tier.severity}, `{alert.subject}`)"
        tests = counts.get((alert.subject, tier.severity.value)) or NOT_YET
        if (alert.subject, tier.severity) in off:
            rule, tests = f"switched off: {rule}", _OFF
        panel, pages = matrix.panel_of(alert, NOT_YET), _runbook(alert)
        yield criterion.section, f"`{criterion.id}`", demand(criterion), metrics, rule, tests, panel, pages, NOT_YET


def _metric_rows() -> Iterator[tuple[object, ...]]:
    known = {sample.metric for sample in known_samples().values()}
    recordings = recordings_by_name(ALERTS)
    readers: dict[str, set[str]] = {}
    for alert in ALERTS:
        for name in metrics_of(alert, recordings):
            readers.setdefault(name, set()).add(alert.name)
    for metric in load_guide().metrics:
        yield (
            metric.section,
            f"`{metric.name}`",
            metric.type,
            "yes" if metric.name in known else NOT_YET,
            ", ".join(sorted(readers.get(metric.name, ()))) or "no criterion",
            matrix.panels_of(metric.name, NOT_YET),
        )


def _rule_rows() -> Iterator[tuple[object, ...]]:
    for rule in load_guide().rules:
        found = [alert for alert in ALERTS if alert.name == rule.alert and alert.group.value == rule.group]
        tiers = [f"{tier.severity} ({alert.subject})" for alert in found for tier in alert.tiers]
        yield rule.group, rule.alert, ", ".join(tiers) or NOT_YET


def _own_rows(counts: Counts) -> Iterator[tuple[object, ...]]:
    for alert in ALERTS:
        for tier in alert.tiers:
            if tier.criterion is None:
                tests = counts.get((alert.subject, tier.severity.value), _OFF)
                panel = matrix.panel_of(alert, NOT_YET)
                yield alert.group.value, alert.name, tier.severity, tests, panel, _runbook(alert)


def _override_section(settings: Settings) -> list[str]:
    """Return the section on what this system has differently, nothing where that is nothing."""
    rows = [
        (one.alert.name, one.tier.severity.value, f"`{one.alert.subject}`", str(one).replace("|", "\\|"))
        for one in overrides(settings, ALERTS)
    ]
    rows += [("—", "both", f"`{one.objective.subject}`", str(one)) for one in objective_overrides(settings, ALERTS)]
    if not rows:
        return []
    header = ("Alert", "Severity", "Subject", "Different here")
    return [f"## {len(rows)} overrides", "", *_table(header, rows)]


def _panel_sections() -> list[str]:
    """Return the sections on what is to be seen: the guide's panels, its growth metrics, its points to watch."""
    guide = load_guide()
    panels = sum(len(board.panels) for board in BOARDS)
    return [
        f"## {len(guide.panels)} panels of section 8",
        "",
        f"A panel is named by its board and its number there; {len(BOARDS)} boards have {panels} panels.",
        "",
        *_table(("Row.number", "Title", "Kind", "Panel"), matrix.guide_panel_rows()),
        f"## {len(guide.usages)} ways of showing the growth metrics (section 7)",
        "",
        *_table(("Metric", "As", "What", "Panel"), matrix.usage_rows(NOT_YET)),
        f"## {len(guide.points)} points to watch (sections 1-7)",
        "",
        *_table(("Section", "Metric or route", "Point", "Panel"), matrix.point_rows(NOT_YET)),
    ]


def render_traceability(settings: Settings) -> str:
    """Return the page `docs/reference/traceability.md`, with what `settings` have differently."""
    guide, counts = load_guide(), test_counts(settings)
    rows = list(_criteria_rows(settings, counts))
    parts = ("metric", "rule", "test", "panel", "runbook", "drill")
    missing = {part: sum(row[3 + index] == NOT_YET for row in rows) for index, part in enumerate(parts)}
    header = ("Section", "Criterion", "The guide asks", "Metric", "Rule", "Tests", "Panel", "Runbook", "Drill")
    lines = [
        _INTRODUCTION,
        f"## {len(rows)} alert criteria",
        "",
        "Missing: " + ", ".join(f"{part} {count}" for part, count in missing.items()) + ".",
        "",
        *_table(header, rows),
        f"## {len(guide.metrics)} metrics",
        "",
        *_table(("Section", "Metric", "Type", "In the catalog", "Alerts", "Panels"), _metric_rows()),
        f"## {len(guide.rules)} rules of section 9",
        "",
        *_table(("Group", "Name", "Tiers (subject)"), _rule_rows()),
        "## Alerts that the guide does not have",
        "",
        *_table(("Group", "Name", "Severity", "Tests", "Panel", "Runbook"), _own_rows(counts)),
        f"## {len(guide.channels)} channels of section 9.2",
        "",
        *_table(("Channel", "Severities", "How", "Table of `monitoring.toml`"), channel_rows(NOT_YET)),
        f"Beside the guide's: {', '.join(own_channels())}.",
        "",
        *_panel_sections(),
        *_override_section(settings),
        "## Not answered yet",
        "",
        f"- {len(guide.checklist)} items of the checklist (section 10)",
        "",
    ]
    return "\n".join(lines)
