"""The pages on adopting this monitoring: links, settings and commands in them are real."""

import re
from pathlib import Path

import pytest
from tests.doctor.services import ROOT
from typer.testing import CliRunner

from photo_monitoring.cli import app
from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.settings import LANGUAGES, Language
from photo_monitoring.doctor.outcome import Status
from photo_monitoring.doctor.report import STATUS_WORDS

PAGES = {"en": ROOT / "docs/adopt.md", "ko": ROOT / "docs/adopt.ko.md"}
LANGUAGE = pytest.mark.parametrize("lang", LANGUAGES)


@LANGUAGE
def test_every_link_leads_somewhere(lang: Language) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGES[lang].read_text())
    assert len(links) >= 5
    assert [link for link in links if not (PAGES[lang].parent / link).exists()] == []


@LANGUAGE
def test_the_settings_are_read_as_they_stand(lang: Language) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGES[lang].read_text(), re.DOTALL)
    settings = parse(text)
    assert settings.api_job == "orders"
    assert all(change.reason for change in settings.changes)


@LANGUAGE
def test_every_status_is_explained(lang: Language) -> None:
    text = PAGES[lang].read_text()
    assert [one for one in Status if f"| {STATUS_WORDS[one].in_language(lang)} |" not in text] == []


@LANGUAGE
def test_every_option_that_is_named_exists(lang: Language) -> None:
    # Wide enough for no option to be cut.
    usage = CliRunner().invoke(app, ["doctor", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    commands = re.findall(r"photo-monitoring doctor ([^`\n]*)", PAGES[lang].read_text())
    named = {option for command in commands for option in re.findall(r"--[a-z-]+", command)} | {"--json"}
    assert named >= {"--metrics", "--prometheus", "--json"}
    assert {option for option in named if option not in usage} == set()


def test_both_examples_say_how_they_are_run() -> None:
    for path in sorted(Path(ROOT / "examples").glob("*.py")):
        text = path.read_text()
        assert f"uvicorn --app-dir examples {path.stem}:" in text
        assert "photo-monitoring doctor --metrics" in text
