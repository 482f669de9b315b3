"""docs/connect-channels.md followed to the letter, with local providers in the place of Slack's and PagerDuty's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from tests.support.alertmanager import running_alertmanager
from tests.support.providers import pagerduty, slack
from tests.support.providers.pagerduty import PagerDuty
from tests.support.providers.server import serving
from tests.support.providers.slack import Slack

from photo_monitoring.cli import app
from photo_monitoring.configuration.file import parse

ROOT = Path(__file__).parents[2]
PAGES = {
    lang: (ROOT / "docs" / name).read_text(encoding="utf-8")
    for lang, name in (("en", "connect-channels.md"), ("ko", "connect-channels.ko.md"))
}
BIN = str(Path(sys.executable).parent)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def uncommented(block: str) -> list[str]:
    return [line.split(" #")[0].rstrip() for line in block.splitlines()]


def shell(command: str, folder: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    path = f"{BIN}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        input=given,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_slack_and_pagerduty_are_connected_as_the_page_says(tmp_path: Path) -> None:
    page = PAGES["en"]
    into_files, render, test = (uncommented(block) for block in blocks(page, "bash")[:3])
    with serving(Slack()) as slack_, serving(PagerDuty()) as pagerduty_:
        make_folder, *fill = into_files
        assert shell(make_folder, tmp_path).returncode == 0
        for command, given in zip(fill, (slack_.url + slack.PATH, pagerduty.KEY), strict=True):
            assert shell(command, tmp_path, f"{given}\n").returncode == 0
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}

        home = tmp_path / "rendered" / "alertmanager"
        config = blocks(page, "toml")[0].replace("/etc/alertmanager/secrets", str(home / "secrets"))
        config += f'url = "{pagerduty_.url}{pagerduty.PATH}"\n'
        (tmp_path / "monitoring.toml").write_text(config)
        done = shell("\n".join(render), tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Opsgenie is left out" in done.stdout

        with running_alertmanager(home) as alertmanager:
            done = shell(f"{test[0]} --alertmanager {alertmanager.url}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"(?:(?:slack|pagerduty) +delivered .*\n){2}", done.stdout)


def test_both_pages_show_the_same_commands_and_tables() -> None:
    for language in ("bash", "toml"):
        english, korean = (
            ["\n".join(uncommented(block)) for block in blocks(page, language)] for page in PAGES.values()
        )
        assert english == korean


@pytest.mark.parametrize("number", range(len(blocks(PAGES["en"], "toml"))))
def test_each_table_is_read_without_a_problem(number: int) -> None:
    assert parse(blocks(PAGES["en"], "toml")[number]).channels


def test_every_command_exists() -> None:
    known = typer.main.get_command(app)
    assert isinstance(known, typer.core.TyperGroup)
    for block in blocks(PAGES["en"], "bash"):
        for line in uncommented(block):
            if line.startswith("photo-monitoring "):
                _, command, *options = line.split()
                names = {name for parameter in known.commands[command].params for name in parameter.opts}
                assert {option for option in options if option.startswith("--")} <= names, line


@pytest.mark.parametrize("page", PAGES.values())
def test_links_lead_to_files(page: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / "docs" / link).exists(), link
