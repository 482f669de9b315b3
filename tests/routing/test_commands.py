"""`photo-monitoring render` and `check`, as far as channels go: what is left out, secrets, readiness for production."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from photo_monitoring import validate
from photo_monitoring.cli import app
from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.routing import checks

KEY = "sEcReTpAgErDuTyKeY00000000000000"
READY = """
[urls]
console = "https://monitoring.example.com"

[channels.pagerduty]
routing_key_file = "{folder}/key"

[channels.dead_mans_switch]
endpoint = "https://dms.example.com/photo-api"
"""


def ready(folder: Path) -> str:
    """An override file that production can do with."""
    (folder / "key").touch(mode=0o600)
    (folder / "key").write_text(KEY)
    return READY.format(folder=folder)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in a folder of its own, with an override file unless that is None."""
    monkeypatch.chdir(tmp_path)

    def command(config: str | None, *arguments: str) -> Result:
        if config is not None:
            (tmp_path / "monitoring.toml").write_text(config)
        return CliRunner().invoke(app, arguments)

    return command


RENDER = ("render", "--out", "out")


def test_render_names_what_is_left_out_and_writes_secrets_apart(tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run(ready(tmp_path), *RENDER)
    assert done.exit_code == 0, done.stderr
    assert "Slack is left out: there is no [channels.slack]" in done.stdout
    assert "PagerDuty is left out" not in done.stdout
    secret = tmp_path / "out" / "alertmanager" / "secrets" / "pagerduty_routing_key"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (KEY, 0o600)
    rendered = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path != secret]
    assert rendered
    assert [path for path in rendered if KEY.encode() in path.read_bytes()] == []
    assert KEY not in done.stdout + done.stderr


def test_render_says_when_opsgenies_api_ends(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_OPSGENIE_KEY", KEY)
    done = run('[channels.opsgenie]\napi_key_env = "TEST_OPSGENIE_KEY"\n', *RENDER)
    assert done.exit_code == 0, done.stderr
    assert "Opsgenie: its API is announced to end on 2027-04-05" in done.stdout


def test_render_fails_in_one_line_for_a_secret_that_is_not_there(tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run('[channels.slack]\nurl_file = "/no/such/file"\n', *RENDER)
    assert done.exit_code == 1
    assert done.stderr == (
        "photo-monitoring: the file that channels.slack.url_file names cannot be read: No such file or directory;"
        " its channel delivers nothing until it is there\n"
    )
    assert (tmp_path / "out" / "alertmanager" / "alertmanager.yml").is_file()


def test_without_an_override_file_the_example_is_rendered(tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run(None, *RENDER)
    assert done.exit_code == 0, done.stderr
    assert "is rendered from settings.example.toml, with every channel, without secrets" in done.stdout
    assert not (tmp_path / "out" / "alertmanager" / "secrets").exists()


def test_production_has_everything(tmp_path: Path) -> None:
    assert checks.production_problems(parse(ready(tmp_path))) == []


@pytest.mark.parametrize(
    ("without", "problem"),
    [
        ("[channels.pagerduty]\nrouting_key_file", "no channel wakes anybody: set [channels.pagerduty] or"),
        ("[channels.dead_mans_switch]\nendpoint", "nobody would notice that alerts stopped: set"),
        ('[urls]\nconsole = "', "which only this machine has: set urls.console"),
    ],
)
def test_production_misses(tmp_path: Path, without: str, problem: str) -> None:
    config = ready(tmp_path)
    begin = config.index(without)
    end = config.find("\n\n", begin)
    found = checks.production_problems(parse(config[:begin] + (config[end:] if end > 0 else "")))
    assert len(found) == 1
    assert problem in found[0]


def test_production_needs_an_on_call_channel_that_takes_critical_alerts(tmp_path: Path) -> None:
    config = ready(tmp_path).replace("\n\n[channels.dead", '\nseverities = ["warning"]\n\n[channels.dead')
    assert checks.production_problems(parse(config)) == [
        "no channel wakes anybody: set [channels.pagerduty] or [channels.opsgenie]"
    ]


def test_production_needs_its_secrets_and_to_itself(tmp_path: Path) -> None:
    config = ready(tmp_path)
    (tmp_path / "key").chmod(0o640)
    assert checks.production_problems(parse(config)) == [
        "the file that channels.pagerduty.routing_key_file names is open to others: chmod 600"
    ]
    (tmp_path / "key").unlink()
    assert checks.production_problems(parse(config)) == [
        "the file that channels.pagerduty.routing_key_file names cannot be read: No such file or directory"
    ]


def test_production_needs_an_override_file() -> None:
    (problem,) = checks.production_problems(Settings())
    assert problem.startswith("there is no override file, so there are no channels")


def test_check_for_production_begins_with_what_is_missing(tmp_path: Path) -> None:
    result = next(validate.run_checks(tmp_path, tmp_path, parse(""), production=True))
    assert result.name == "production"
    assert any("nobody would notice that alerts stopped" in problem for problem in result.problems)


def test_explain_shows_no_secret(tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run(ready(tmp_path), "explain", "ServiceDown")
    assert done.exit_code == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
