"""The runbooks: looked up, complete, and true to what exists; each check is shown a fault that it must find."""

import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from photo_api.database.migrate import migrate
from photo_monitoring import runbooks
from photo_monitoring.alerts import ALERTS
from photo_monitoring.cli import app
from photo_monitoring.configuration.settings import LANGUAGES, Settings
from photo_monitoring.runbooks import RunbookMissingError, runbook
from photo_monitoring.runbooks import checks as runbook_checks
from photo_monitoring.runbooks.checks import Page, blocks, check_queries, check_runbooks, page_problems, read_pages
from photo_monitoring.runbooks.commands import command_problems, simple_commands
from photo_monitoring.runbooks.index import meaning
from photo_monitoring.runbooks.view import show
from photo_monitoring.traceability import render_traceability

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "runbooks"
REFERENCE = ROOT / "docs" / "reference"
RUN = CliRunner()
NAMES = sorted({alert.name for alert in ALERTS})
ENGLISH = Page("ServiceDown", "en", (PAGES / "ServiceDown.md").read_text(encoding="utf-8"))
KOREAN = Page("ServiceDown", "ko", (PAGES / "ServiceDown.ko.md").read_text(encoding="utf-8"))


def problems(page: Page) -> list[str]:
    settings = runbook_checks.known_settings(REFERENCE)
    return list(page_problems(page, PAGES, settings, runbook_checks.recorded_names()))


def test_every_alert_has_both_pages_and_nothing_in_them_is_wrong() -> None:
    assert check_runbooks(PAGES, REFERENCE) == []


def test_promtool_reads_every_query() -> None:
    assert check_queries(PAGES) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_begins_with_its_alert_and_what_it_means(name: str) -> None:
    for lang in LANGUAGES:
        text = runbook(name, lang)
        assert text.startswith(f"# {name}")
        assert len(meaning(Page(name, lang, text))) > 10


@pytest.mark.parametrize("name", ["NoSuchAlert", "../../README", "README"])
def test_what_is_no_alert_has_no_runbook(name: str) -> None:
    with pytest.raises(RunbookMissingError, match=r"there is no runbook .*\.ko\.md"):
        runbook(name, "ko")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# ServiceDown\n", "# ServiceUp\n", "begins with the one title # ServiceDown"),
        ("## Mitigate\n", "## Repair\n", "has the sections What it means, What users notice, Confirm, Repair"),
        ("after 30 s", "after 20 s", "does not tell the 30 of service-health, warning"),
        ("`service-health`", "health", "does not name the subject `service-health`"),
        ("(ServiceDownAll.md)", "(ServiceDownAl.md)", "links to ServiceDownAl.md, which is not there"),
        ("(ServiceDownAll.md)", "(ServiceDownAll.ko.md)", "which is in the other language"),
        ("`photo_api_ready` is 0", "`photo_api_redy` is 0", "names photo_api_redy, which is neither a metric nor"),
        ("PHOTO_API_VERIFIER_MEMORY_MIB", "PHOTO_API_VERIFIER_MEMORY", "names the setting PHOTO_API_VERIFIER_MEMORY,"),
        ("photo_api_ready{", "photo_api_redy{", "no metric and no recording is called photo_api_redy"),
        ('\nup{job="photo-api"}\n', '\nup{node="a", job="photo-api"}\n', "up has no label node"),
        ("photo-stack status", "photo-stack state", "photo-stack has no command state"),
        ("photo-stack status", "photo-stack status --jsn", "photo-stack status: No such option: --jsn"),
        ("photo-stack start api-1", "photo-stack start", "photo-stack start: Missing parameter: name"),
        ("dmesg -T", "dmsg -T", "dmsg is no command that runbooks use"),
        ("```bash", "```sh", "has a block in sh: use one of bash, promql, toml"),
    ],
)
def test_a_fault_of_a_page_is_named(old: str, new: str, problem: str) -> None:
    assert problems(ENGLISH) == []
    assert old in ENGLISH.text
    found = problems(replace(ENGLISH, text=ENGLISH.text.replace(old, new)))
    assert any(problem in one for one in found), found


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("Confirm", "has no ```promql block under Confirm"),
        ("Over when", "asks Prometheus nothing under Over when"),
        ("Related", "says nothing under Related"),
    ],
)
def test_an_empty_section_is_named(section: str, problem: str) -> None:
    emptied = re.sub(rf"(?s)## {section}\n.*?(?=\n## |\Z)", f"## {section}\n", ENGLISH.text)
    assert problem in problems(replace(ENGLISH, text=emptied))


def test_a_page_that_is_missing_or_of_no_alert_is_named() -> None:
    pages = [page for page in read_pages(PAGES) if page.name != "ServiceDown.ko.md"]
    stray = Page("ServiceUp", "en", ENGLISH.text)
    assert list(runbook_checks.missing([*pages, stray])) == [
        "ServiceDown.ko.md is missing",
        "ServiceUp.md is the runbook of no alert",
    ]


def test_two_languages_with_different_queries_are_named() -> None:
    other = replace(KOREAN, text=KOREAN.text.replace("photo_api_ready{", "photo_api_app_info{"))
    assert list(runbook_checks.unequal([ENGLISH, KOREAN])) == []
    assert list(runbook_checks.unequal([ENGLISH, other])) == [
        "ServiceDown: the Korean and the English page have different queries"
    ]


@pytest.mark.parametrize("page", [ENGLISH, KOREAN], ids=["en", "ko"])
def test_a_passage_copied_from_another_page_is_named(page: Page) -> None:
    (found,) = runbook_checks.copied([page, replace(page, alert="HighErrorRate")])
    assert found.startswith(f"HighErrorRate{page.name.removeprefix('ServiceDown')} repeats {page.name}: “")


def test_a_query_that_promtool_refuses_is_told_with_its_page(tmp_path: Path) -> None:
    text = ENGLISH.text.replace("\n```promql\n", '\n```promql\nsum by job (up{job="photo-api"})\n\n', 1)
    (tmp_path / "ServiceDown.md").write_text(text, encoding="utf-8")
    complaint = "\n".join(check_queries(tmp_path))
    assert "ServiceDown.md" in complaint
    assert "parse" in complaint


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ("a b | c d && e", [["a", "b"], ["c", "d"], ["e"]]),
        ("a \\\n  b\nc", [["a", "b"], ["c"]]),
        ("a 2>&1 > file b\nc < in # why", [["a", "b"], ["c"]]),
        ("a \"b | c\" '<the id>'", [["a", "b | c", "PLACEHOLDER"]]),
    ],
)
def test_simple_commands_are_told_apart(script: str, commands: list[list[str]]) -> None:
    assert [words for words in simple_commands(script) if words] == commands


@pytest.mark.parametrize(
    "script",
    [
        "PHOTO_API_LOG_LEVEL=debug .venv/bin/photo-api serve --port 8001",
        "for n in 1 2; do photo-stack restart api-$n; done",
        "photo-api users disable <email>",
        "sudo kill $(pgrep -f photo-api)",
        "photo-monitoring explain --help",
    ],
)
def test_usual_commands_are_accepted(script: str) -> None:
    assert command_problems(script) == []


def test_a_quotation_without_an_end_is_named() -> None:
    assert command_problems("echo 'all") == ["a command cannot be read: No closing quotation"]


def statements(program: str, flag: str | None) -> Iterator[tuple[str, str]]:
    """Page and SQL of every command of one program: what follows `flag`, else its last word."""
    for page in read_pages(PAGES):
        for script in blocks(page, "bash"):
            for words in simple_commands(script):
                if words and words[0] == program:
                    after = [sql for word, sql in pairwise(words) if word == flag]
                    for sql in after if flag else words[-1:]:
                        yield page.name, sql.replace("PLACEHOLDER", "0")


def test_sqlite_takes_every_statement(tmp_path: Path) -> None:
    file = tmp_path / "photos.sqlite3"
    migrate(f"sqlite:///{file}")
    found = list(statements("sqlite3", None))
    assert len(found) > 10
    database = sqlite3.connect(file)
    try:
        for page, sql in found:
            try:
                database.execute(sql if sql.startswith("PRAGMA") else f"EXPLAIN {sql}")
            except sqlite3.Error as error:
                pytest.fail(f"{page}: {error}: {sql}")
    finally:
        database.close()


async def test_postgresql_takes_every_statement(postgresql_url: str) -> None:
    await asyncio.to_thread(migrate, postgresql_url)
    found = list(statements("psql", "-c"))
    assert len(found) > 20
    connection = await asyncpg.connect(postgresql_url, timeout=30)
    try:
        for page, sql in found:
            explained = sql if sql.startswith(("SHOW", "EXPLAIN", "VACUUM", "ANALYZE")) else f"EXPLAIN {sql}"
            try:
                await connection.execute(explained)
            except asyncpg.PostgresError as error:
                pytest.fail(f"{page}: {error}: {sql}")
    finally:
        await connection.close()


@pytest.mark.parametrize(("lang", "heading"), [("ko", "## 무슨 뜻인가"), ("en", "## What it means")])
def test_explain_prints_the_runbook(lang: str, heading: str) -> None:
    result = RUN.invoke(app, ["explain", "servicedown", "--lang", lang])
    assert result.exit_code == 0
    assert heading in result.output.splitlines()


def test_in_a_terminal_the_runbook_is_set_not_raw(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show("ServiceDown", "en")
    output = capsys.readouterr().out
    assert "What it means" in output
    assert "## What it means" not in output


def test_the_matrix_links_a_runbook_for_every_criterion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "runbook 0," in render_traceability(Settings())
    shutil.copytree(PAGES, tmp_path / "pages")
    (tmp_path / "pages" / "HighCPUUsage.ko.md").unlink()
    monkeypatch.setattr(runbooks, "_PACKAGED", tmp_path / "pages")
    assert "runbook 2," in render_traceability(Settings())


def test_an_installed_package_has_the_pages_where_it_looks_for_them(tmp_path: Path) -> None:
    """As the wheel is built: the folder that pyproject.toml includes, beside the package's modules."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in wheel["force-include"].items():
        shutil.copytree(ROOT / source, tmp_path / target)
    for package in ("photo_metrics", "photo_monitoring"):
        shutil.copytree(ROOT / "src" / package, tmp_path / package, dirs_exist_ok=True)
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "from photo_monitoring import runbooks as r; print(r.folder(), r.runbook('ServiceDown', 'en'))",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert shown.stdout.startswith(f"{tmp_path}/photo_monitoring/runbooks/pages # ServiceDown")
