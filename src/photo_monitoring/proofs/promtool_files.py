"""promtool's test files: one test, what it expects to fire, and the files that tests are put into."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from photo_monitoring import annotations
from photo_monitoring.configuration.settings import JOBS, SYSTEM, Settings
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.yaml_text import to_yaml

_NAMED: Final = re.compile(r'(?<![\w])(job|proxy)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One promtool test: its name, series with a sample each `step`, checks; rules are evaluated at each `every`."""

    name: str
    step: str
    every: str
    inputs: Mapping[str, str]
    checks: Sequence[Mapping[str, Any]]

    def document(self) -> dict[str, Any]:
        """Return the test as promtool's file has it."""
        series = [{"series": series, "values": values} for series, values in self.inputs.items()]
        return {"name": self.name, "interval": self.step, "input_series": series, "alert_rule_test": list(self.checks)}


def firing(alert: Alert, tier: Tier, labels: Mapping[str, str], value: float, settings: Settings) -> dict[str, Any]:
    """Return an alert that must fire: its labels, static ones too, and its texts for a value."""
    static = {"severity": tier.severity.value, "subject": alert.subject, "system": SYSTEM}
    return {
        "exp_labels": {**{settings.label(name): value for name, value in labels.items()}, **static},
        "exp_annotations": annotations.expected(alert, tier, settings, labels, value),
    }


def check(alert: Alert, at: str, expected: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what must fire under an alert's name at a time after the start: this, and nothing else."""
    return {"eval_time": at, "alertname": alert.name, "exp_alerts": list(expected)}


def names_in_force(settings: Settings) -> dict[str, str]:
    """Return the declarations' job and frontend names, which cases are written with → those in force."""
    plain = Settings()
    return {getattr(plain, name): getattr(settings, name) for name in (*JOBS.values(), "balancer_frontend")}


def located_here(inputs: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return series with this system's names of jobs, frontend and instance label."""
    names = names_in_force(settings)
    return {
        settings.relabelled(_NAMED.sub(lambda found: f'{found[1]}="{names.get(found[2], found[2])}"', series)): values
        for series, values in inputs.items()
    }


def test_files(rule_file: str, tests: Iterable[RuleTest]) -> dict[str, str]:
    """Return file name → test file, one for each interval of evaluation; the rule file is expected beside them."""
    by_interval: dict[str, list[dict[str, Any]]] = {}
    for test in tests:
        by_interval.setdefault(test.every, []).append(test.document())
    return {
        f"{rule_file.removesuffix('.yml')}.{every}.test.yml": to_yaml(
            {"rule_files": [rule_file], "evaluation_interval": every, "tests": documents}
        )
        for every, documents in by_interval.items()
    }
