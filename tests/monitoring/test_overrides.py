"""What the commands show of an override file, and that they leave it alone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from photo_monitoring import validate
from photo_monitoring.cli import app
from photo_monitoring.configuration.example import render_example
from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.traceability import render_traceability

RUN = CliRunner()
DEPLOYED = Path(__file__).parents[2] / "deploy" / "monitoring"
TEXT = """\
language = "en"
[alerts.HighCPUUsage.cpu]
enabled = false
reason = "batch | hosts"
[alerts.HighErrorRate.request-errors.warning]
threshold = 0.02
[alerts.DiskFillingUp.disk-prediction.warning]
for = "2h"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_of_the_working_directory_is_found_and_left_alone(here: Path) -> None:
    (here / "monitoring.toml").write_text(TEXT)
    assert RUN.invoke(app, ["render"]).exit_code == 0
    rules = (here / "deploy/monitoring/prometheus/rules/photo_api_availability.yml").read_text()
    assert "ratio_rate5m > 0.02" in rules
    assert "is down" in rules
    assert (here / "monitoring.toml").read_text() == TEXT


def test_a_named_file_wins_and_an_option_wins_over_the_file(here: Path) -> None:
    (here / "monitoring.toml").write_text("nonsense = 1")
    (here / "other.toml").write_text(TEXT)
    result = RUN.invoke(app, ["render", "--config", "other.toml", "--out", "out", "--lang", "ko"])
    assert result.exit_code == 0, result.output
    assert "다운되었습니다" in (here / "out/prometheus/rules/photo_api_availability.yml").read_text()


@pytest.mark.parametrize("command", [["render"], ["check"], ["explain", "ServiceDown"]])
def test_every_command_tells_all_mistakes_and_exits_with_2(here: Path, command: list[str]) -> None:
    (here / "monitoring.toml").write_text("langage = 'en'\njobs = 1\n")
    result = RUN.invoke(app, command)
    assert result.exit_code == 2
    assert [line[:35] for line in result.output.splitlines()] == [
        "photo-monitoring: monitoring.toml:1",
        "photo-monitoring: monitoring.toml:2",
    ]
    assert not (here / "deploy").exists()


def test_a_named_file_that_is_missing_is_one_line(here: Path) -> None:
    result = RUN.invoke(app, ["render", "--config", str(here / "none.toml")])
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "none.toml: cannot read it: No such file" in result.output


def test_check_lists_what_is_changed_switched_off_and_skipped(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without promtool, whose part `tests/rules` has."""
    (here / "monitoring.toml").write_text(TEXT)
    RUN.invoke(app, ["render"])
    monkeypatch.setenv("PATH", str(here))
    output = RUN.invoke(app, ["check"]).output
    assert "ok     drift" in output
    assert "2 criteria changed, 2 switched off" in output
    assert "HighCPUUsage critical (cpu): switched off: batch | hosts" in output
    assert "HighErrorRate warning (request-errors): threshold 0.02 instead of 0.01" in output
    assert "skipped 2 hand-written cases of DiskFillingUp" in output
    assert "about the declared numbers; generated tests remain" in output


def test_check_finds_rules_rendered_without_the_override(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RUN.invoke(app, ["render"])
    (here / "monitoring.toml").write_text(TEXT)
    monkeypatch.setenv("PATH", str(here))
    assert "photo_api_availability.yml differs" in RUN.invoke(app, ["check"]).output


def test_the_traceability_page_of_a_render_has_its_overrides_with_their_reasons(here: Path) -> None:
    (here / "monitoring.toml").write_text(TEXT)
    RUN.invoke(app, ["render"])
    page = (here / "docs/reference/traceability.md").read_text()
    assert "## 4 overrides" in page
    assert r"| HighCPUUsage | warning | `cpu` | switched off: batch \| hosts |" in page
    assert "switched off: HighCPUUsage (critical, `cpu`) | off |" in page


def test_without_overrides_the_page_says_nothing_of_them() -> None:
    assert "overrides" not in render_traceability(Settings())
    assert validate.overridden(parse(TEXT)).detail == "2 criteria changed, 2 switched off"


def test_explain_shows_default_and_override_side_by_side(here: Path) -> None:
    (here / "monitoring.toml").write_text(TEXT)
    lines = [line.split() for line in RUN.invoke(app, ["explain", "HighErrorRate"]).output.splitlines()]
    assert ["default", "override"] in lines
    assert ["threshold", "0.01", "0.02"] in lines
    assert ["threshold", "0.05", "-"] in lines
    assert ["job:http_requests_errors:ratio_rate5m", ">", "0.02"] in lines


def test_explain_says_why_a_tier_is_off(here: Path) -> None:
    (here / "monitoring.toml").write_text(TEXT)
    assert "switched off: batch | hosts" in RUN.invoke(app, ["explain", "HighCPUUsage"]).output


def test_the_committed_example_is_what_the_declarations_render() -> None:
    assert (DEPLOYED / "monitoring.example.toml").read_text(encoding="utf-8") == render_example()
