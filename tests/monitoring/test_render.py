"""Rendering: deterministic, scaled by one number, in two languages."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.render import drift, render_rules, write_all

DEPLOYED = Path(__file__).parents[2] / "deploy" / "monitoring"


def groups(files: dict[str, str]) -> list[dict[str, Any]]:
    return [group for text in files.values() for group in yaml.safe_load(text)["groups"]]


def alerts(files: dict[str, str]) -> list[dict[str, Any]]:
    return [rule for group in groups(files) for rule in group["rules"] if "alert" in rule]


def test_the_same_declarations_give_the_same_bytes() -> None:
    assert render_rules() == render_rules()


def test_committed_files_are_what_the_declarations_render() -> None:
    assert drift(DEPLOYED, Settings()) == []


def test_every_group_is_evaluated_every_30_seconds() -> None:
    assert {group["interval"] for group in groups(render_rules())} == {"30s"}


def test_the_time_scale_divides_for_and_interval_and_windows() -> None:
    scaled = {(rule["alert"], rule["labels"]["severity"]): rule for rule in alerts(render_rules(time_scale=10))}
    assert scaled["HighErrorRate", "warning"]["for"] == "30s"
    assert {group["interval"] for group in groups(render_rules(time_scale=10))} == {"3s"}
    assert "[30s]" in render_rules(time_scale=10)["photo_api_availability.yml"]


def test_windows_may_be_fractions_of_a_second() -> None:
    """A drill's scrapes are as much faster, so that a short window holds as many of them."""
    assert "[2s500ms]" in render_rules(time_scale=120)["photo_api_availability.yml"]


def test_the_time_scale_leaves_thresholds_alone() -> None:
    assert "ratio_rate5m > 0.05" in render_rules(time_scale=10)["photo_api_availability.yml"]


def test_every_alert_has_the_agreed_labels_and_annotations() -> None:
    for rule in alerts(render_rules()):
        assert set(rule["labels"]) == {"severity", "subject", "system"}
        assert rule["labels"]["system"] == "photo-api"
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}


def test_texts_are_korean_by_default_and_english_on_request() -> None:
    korean, english = alerts(render_rules()), alerts(render_rules("en"))
    assert all(any("가" <= letter <= "힣" for letter in rule["annotations"]["description"]) for rule in korean)
    assert not any(
        "가" <= letter <= "힣" for rule in english for text in rule["annotations"].values() for letter in text
    )


def test_writing_twice_changes_nothing_and_removes_what_is_stale(tmp_path: Path) -> None:
    assert write_all(tmp_path, Settings())
    stale = tmp_path / "prometheus" / "rules" / "old.yml"
    stale.write_text("groups: []\n")
    assert [path.name for path in write_all(tmp_path, Settings())] == ["old.yml"]
    assert not stale.exists()
    assert write_all(tmp_path, Settings()) == []


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e9])
def test_a_senseless_time_scale_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="time scale"):
        Settings(time_scale=scale)
