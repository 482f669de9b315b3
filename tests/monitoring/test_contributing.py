"""CONTRIBUTING.md followed to the letter: its declarations, in a copy of the sources, give an alert that is proven."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.overrides import objective_overrides, overrides

ROOT = Path(__file__).parents[2]
SECTIONS = dict(
    section.split("\n", 1) for section in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## ")[1:]
)
PROOF = """
from photo_monitoring.proofs import promtool
from photo_monitoring.alerts import ALERTS
from photo_monitoring.lints import lint_all
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.proofs.tested_rules import suite_of

(alert,) = [one for one in ALERTS if one.name == "VerifierRestarting"]
assert lint_all(ALERTS) == [], lint_all(ALERTS)
suite = suite_of([alert], Settings())
(rules,) = suite.rules.values()
assert "photo_api_verifier_restarts_total" in rules
complaint = promtool.test_rules(suite.rules, suite.tests)
assert complaint is None, complaint
print("".join(suite.tests.values()).count("- name:"), "tests passed")
"""


def code(section: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", SECTIONS[section], re.MULTILINE | re.DOTALL)


def put_above(file: Path, marker: str, block: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(marker) == 1
    file.write_text(text.replace(marker, f"{block}\n{marker}"), encoding="utf-8")


def test_a_metric_with_alert_and_test_is_declared_as_contributing_says(tmp_path: Path) -> None:
    for package in ("photo_metrics", "photo_monitoring"):
        shutil.copytree(ROOT / "src" / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    metric, alert = code("Add a metric with an alert and its test", "python")
    put_above(tmp_path / "photo_metrics" / "catalog.py", "\nCATALOG: ", metric)
    module = tmp_path / "photo_monitoring" / "alerts" / "stability.py"
    put_above(module, "\nALERTS: Final = (\n", alert)
    name = alert.split(":")[0]
    text = module.read_text(encoding="utf-8")
    module.write_text(text.replace("\nALERTS: Final = (\n", f"\nALERTS: Final = (\n    {name},\n"), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROOF], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6 tests passed\n"


def test_metric_and_alert_are_ten_lines_as_ruff_formats_them() -> None:
    blocks = code("Add a metric with an alert and its test", "python")
    assert sum(len(block.splitlines()) for block in blocks) == 10
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "format", "--config", ROOT / "pyproject.toml", "-"],
            input=block,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout == block


def test_the_override_file_that_contributing_shows_is_right() -> None:
    (text,) = code("Change a threshold", "toml")
    assert [(one.alert.name, str(one)) for one in overrides(parse(text))] == [
        ("HighErrorRate", "threshold 0.02 instead of 0.01, for 10m instead of 5m"),
        ("HighCPUUsage", "switched off: batch hosts are always busy"),
        ("HighCPUUsage", "switched off: batch hosts are always busy"),
    ]
    assert [(one.objective.slo, str(one)) for one in objective_overrides(parse(text))] == [
        ("image-delivery", "objective 0.99 instead of 0.995")
    ]
