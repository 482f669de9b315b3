"""Every check of the monitoring, each giving all its problems at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photo_monitoring import documents, lints, render, scraping
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.overrides import in_force, objective_overrides, overrides
from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards import lint as dashboard_lint
from photo_monitoring.proofs import promtool, rule_tests, tested_rules
from photo_monitoring.proofs.burn_tests import UndecidedError
from photo_monitoring.proofs.rule_tests import UnprovableError
from photo_monitoring.routing import checks as routing_checks
from photo_monitoring.runbooks import folder as runbook_folder
from photo_monitoring.runbooks.checks import check_queries, check_runbooks
from photo_monitoring.yaml_text import to_yaml

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found: `problems` is empty when all is well; `notes` are worth knowing all the same."""

    name: str
    detail: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def untested() -> list[str]:
    """Return one line for each alert that no test can be made for."""
    return [
        f"{alert.name} ({alert.subject}) has no test: declare a stimulus or cases"
        for alert in ALERTS
        if alert.stimulus is None and alert.objective is None and not alert.cases
    ]


def indistinct() -> list[str]:
    """Return one line for each pair of rules whose firing alerts could not be told apart."""
    seen: set[tuple[str, str, str]] = set()
    lines = []
    for alert in ALERTS:
        for tier in alert.tiers:
            key = (alert.name, tier.severity.value, alert.subject)
            if key in seen:
                lines.append(f"two rules are {alert.name} with severity {tier.severity} and subject {alert.subject}")
            seen.add(key)
    return lines


def overridden(settings: "Settings") -> Result:
    """Say what differs from the declarations, what is switched off and why, and which cases are left out for it."""
    found = overrides(settings)
    notes = [f"{one.alert.name} {one.tier.severity} ({one.alert.subject}): {one}" for one in found]
    objectives = objective_overrides(settings)
    notes += [f"objective {one.objective.slo}: {one}" for one in objectives]
    off = sum(one.change.reason is not None for one in found)
    detail = f"{len(found) - off} criteria changed, {off} switched off"
    if objectives:
        detail += f", {len(objectives)} objectives changed"
    return Result("overrides", detail, notes=(*notes, *rule_tests.left_out(settings)))


def _promtool(name: str, detail: str, complaint: str | None) -> Result:
    return Result(name, detail, () if complaint is None else tuple(complaint.splitlines()))


def routed(settings: "Settings") -> Result:
    """Say whether amtool takes the routing, and whether every alert reaches whom it should."""
    try:
        ways, problems = routing_checks.routing_problems(settings)
    except routing_checks.AmtoolMissing as error:
        return Result("amtool", "not run", (str(error),))
    return Result("amtool", f"the routing, {ways} ways of alerts", tuple(problems), routing_checks.notes(settings))


def run_checks(out: Path, reference: Path, settings: "Settings", *, production: bool = False) -> Iterator[Result]:
    """Run every check, cheap ones first; `out` has the rendered files, `reference` the rendered pages.

    With `production`, alerts must be able to reach a person: channels, their secrets, public addresses.
    """
    if production:
        lines = routing_checks.production_problems(settings)
        yield Result("production", "on-call, dead man's switch, secrets, addresses", tuple(lines))
    drift = (*render.drift(out, settings), *documents.reference_drift(reference, settings))
    yield Result("drift", f"{out} and {reference} against the declarations", drift)
    if settings.changes or settings.objective_changes:
        yield overridden(settings)
    problems = [*untested(), *indistinct(), *lints.lint_all(in_force(settings))]
    yield Result("declarations", f"{len(ALERTS)} alerts", tuple(problems))
    if problems:
        return
    yield routed(settings)
    pages = runbook_folder()
    yield Result("runbooks", f"{pages}", tuple(check_runbooks(pages, reference)))
    yield Result("dashboards", f"{len(BOARDS)} boards", tuple(dashboard_lint.lint_boards(settings)))
    try:
        yield Result("promtool check runbooks", "every query", tuple(check_queries(pages)))
        rules = render.render_rules(settings=settings)
        yield _promtool("promtool check rules", f"{len(rules)} files", promtool.check_rules(rules))
        config = scraping.render_scraping(settings)[scraping.PROMETHEUS_FILE]
        yield _promtool("promtool check config", scraping.PROMETHEUS_FILE.name, promtool.check_config(config, rules))
        queries = {"dashboards.yml": to_yaml(dashboard_lint.query_rules(settings))}
        yield _promtool("promtool check panels", f"{len(BOARDS)} boards", promtool.check_rules(queries))
        suite = tested_rules.suite(settings)
        complaint = promtool.test_rules(suite.rules, suite.tests)
        yield _promtool("promtool test rules", f"{len(suite.tests)} files", complaint)
    except (promtool.PromtoolMissingError, promtool.PromtoolTimeoutError, UnprovableError, UndecidedError) as error:
        yield Result("promtool", "not run", (str(error),))
