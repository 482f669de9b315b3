"""The traceability matrix and `explain`."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photo_monitoring import traceability
from photo_monitoring.alerts import ALERTS
from photo_monitoring.cli import app
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.documents import reference_drift
from photo_monitoring.guide import load_guide
from photo_monitoring.traceability import render_traceability

RUN = CliRunner()
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_committed_matrix_is_what_the_declarations_render() -> None:
    assert reference_drift(REFERENCE, Settings()) == []


def test_every_criterion_has_metric_rule_and_test() -> None:
    assert "Missing: metric 0, rule 0, test 0," in render_traceability(Settings())


def test_the_matrix_lists_every_criterion_in_the_guides_order() -> None:
    page = render_traceability(Settings())
    positions = [page.index(f"`{criterion.id}`") for criterion in load_guide().criteria]
    assert positions == sorted(positions)


def test_a_criterion_without_a_rule_shows_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    remaining = tuple(alert for alert in ALERTS if alert.subject != "cpu")
    monkeypatch.setattr(traceability, "ALERTS", remaining)
    assert "Missing: metric 2, rule 2, test 2," in render_traceability(Settings())


def test_an_alert_whose_tier_is_gone_shows_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    lesser = tuple(replace(alert, tiers=alert.tiers[:1]) if alert.subject == "disk" else alert for alert in ALERTS)
    monkeypatch.setattr(traceability, "ALERTS", lesser)
    assert "Missing: metric 1, rule 1, test 1," in render_traceability(Settings())


def test_explain_tells_criterion_expression_and_next_steps() -> None:
    result = RUN.invoke(app, ["explain", "LowDiskSpace", "--lang", "en"])
    assert result.exit_code == 0
    for part in ("guide 5.1, node_filesystem_avail_bytes: used ratio > 0.9 for 5m", "for 10m", "next steps", "1e9"):
        assert part in result.output.replace("1000000000", "1e9"), part


def test_explain_suggests_a_name_for_a_misspelt_one() -> None:
    result = RUN.invoke(app, ["explain", "HighErrorRat"])
    assert result.exit_code == 2
    assert "did you mean HighErrorRate?" in result.output
