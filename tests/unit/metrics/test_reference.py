from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from photo_metrics.catalog import CATALOG
from photo_metrics.reference import main, render_reference

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_page_is_what_the_declarations_say() -> None:
    assert (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8") == render_reference()


def test_every_metric_is_on_the_page_with_its_texts() -> None:
    page = render_reference()
    for spec in CATALOG:
        assert f"### `{spec.name}`" in page
        assert spec.help.ko in page
        assert spec.help.en in page


def test_check_fails_on_another_page_and_writing_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "docs" / "metrics.md"
    assert main(["--check", "--output", str(path)]) == 1
    assert "run: python -m photo_metrics.reference" in capsys.readouterr().err
    assert main(["--output", str(path)]) == 0
    assert main(["--check", "--output", str(path)]) == 0


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"cannot use {tmp_path}: Is a directory; name another file with --output\n"


def test_the_page_can_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--output", "-"]) == 0
    assert capsys.readouterr().out == render_reference()
