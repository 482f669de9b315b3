"""What promtool tests: the rendered rules in slices, and the test files beside them.

A slice has every alert of one name and the recordings that they read, as the rule files have them: a test evaluates
some of the rules, not a group of fifty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from photo_monitoring import promql
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.overrides import in_force, overrides
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert
from photo_monitoring.proofs.promtool_files import test_files
from photo_monitoring.proofs.rule_tests import tests_of
from photo_monitoring.render import rule_documents
from photo_monitoring.yaml_text import to_yaml

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """Rule files and the test files that name them: file name → text."""

    rules: Mapping[str, str]
    tests: Mapping[str, str]


def _is_read(recording: Rule, selectors: Iterable[promql.Selector]) -> bool:
    labels = recording.get("labels", {})
    for selector in selectors:
        if selector.metric == recording["record"]:
            wanted = {matcher.label: matcher.value for matcher in selector.matchers if matcher.operator == "="}
            if all(wanted.get(label, value) == value for label, value in labels.items()):
                return True
    return False


def _slice(rules: Sequence[Rule], wanted: Sequence[int]) -> list[Rule]:
    """Return the rules at these positions and what they read, directly or not, in order."""
    kept, waiting = set(wanted), list(wanted)
    while waiting:
        selectors = promql.read(rules[waiting.pop()]["expr"]).selectors
        read = [n for n, rule in enumerate(rules) if n not in kept and "record" in rule and _is_read(rule, selectors)]
        kept.update(read)
        waiting += read
    return [rules[position] for position in sorted(kept)]


def _slice_name(alert: Alert, settings: Settings) -> str:
    """Return the name of an alert's slice; where one of its name was changed, they are tested each alone.

    The course of one may then rightly make another of that name fire.
    """
    changed = {one.alert.name for one in overrides(settings)}
    return f"{alert.name}.{alert.subject}" if alert.name in changed else alert.name


def slices(settings: Settings) -> dict[str, str]:
    """Return file name → rule file of every slice."""
    groups = [group for document in rule_documents(settings).values() for group in document["groups"]]
    subjects: dict[str, set[str]] = {}
    for alert in ALERTS:
        subjects.setdefault(_slice_name(alert, settings), set()).add(alert.subject)
    files = {}
    for name, own in subjects.items():
        parts = []
        for group in groups:
            rules = group["rules"]
            wanted = [n for n, rule in enumerate(rules) if "alert" in rule and rule["labels"]["subject"] in own]
            if wanted:
                parts.append({**group, "rules": _slice(rules, wanted)})
        if parts:
            files[f"{name}.yml"] = to_yaml({"groups": parts})
    return files


def suite_of(alerts: Iterable[Alert], settings: Settings) -> Suite:
    """Return the tests of alerts in force, and the rules that they are about."""
    rules = slices(settings)
    by_file: dict[str, list[Any]] = {}
    for alert in alerts:
        by_file.setdefault(f"{_slice_name(alert, settings)}.yml", []).extend(tests_of(alert, settings))
    tests = {name: text for file, own in by_file.items() for name, text in test_files(file, own).items()}
    return Suite({file: rules[file] for file in by_file}, tests)


def suite(settings: Settings) -> Suite:
    """Return the tests of everything in force."""
    return suite_of(in_force(settings), settings)
