"""The command `photo-monitoring` as its users meet it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from photo_monitoring.cli import app

RUN = CliRunner()
DEPLOYED = Path(__file__).parents[2] / "deploy" / "monitoring"
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_check_is_green_on_the_committed_monitoring() -> None:
    """Every check, the promtool tests of every alert among them."""
    result = RUN.invoke(app, ["check", "--out", str(DEPLOYED), "--reference", str(REFERENCE)])
    assert result.exit_code == 0, result.output
    assert "promtool test rules" in result.output


def test_check_names_a_file_that_was_edited_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RUN.invoke(app, ["render", "--out", str(tmp_path)])
    file = tmp_path / "prometheus" / "rules" / "photo_api_availability.yml"
    file.write_text(file.read_text().replace("for: 1m", "for: 9m"))
    monkeypatch.setenv("PATH", str(tmp_path))
    result = RUN.invoke(app, ["check", "--out", str(tmp_path), "--reference", str(REFERENCE)])
    assert result.exit_code == 1
    assert f"{file} differs" in result.output


def test_check_without_promtool_says_which_package_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RUN.invoke(app, ["render", "--out", str(tmp_path)])
    monkeypatch.setenv("PATH", str(tmp_path))
    result = RUN.invoke(app, ["check", "--out", str(tmp_path), "--reference", str(REFERENCE)])
    assert result.exit_code == 1
    assert "Debian's package prometheus" in result.output


def test_a_wrong_time_scale_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["render", "--out", str(tmp_path), "--time-scale", "0"])
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "time scale" in result.output


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = RUN.invoke(app, ["render", "--out", str(blocked)])
    assert result.exit_code == 1
    assert f"cannot write {blocked}" in result.output
