"""Secrets on their way from where they are kept into Alertmanager's folder."""

from pathlib import Path

import pytest

from photo_monitoring.configuration.file import parse
from photo_monitoring.routing import secrets
from photo_monitoring.routing.alertmanager import write_alertmanager
from photo_monitoring.routing.channel import Secret

VALUE = "https://hooks.slack.com/services/T0/B0/abcdef"


def configured(folder: Path, **files: str) -> str:
    """An override file with Slack and PagerDuty; `files` are their secrets."""
    for name, value in files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(value)
    return (
        f'[channels.slack]\nurl_file = "{folder / "slack"}"\n'
        f'[channels.pagerduty]\nrouting_key_file = "{folder / "pagerduty"}"\n'
    )


def test_a_secret_is_read_without_the_line_end_of_an_editor(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{VALUE}\n")
    assert secrets.read("channels.slack.url", Secret(file=str(tmp_path / "url"))) == VALUE
    assert secrets.read("channels.slack.url", Secret(env="URL"), {"URL": f" {VALUE}\n"}) == VALUE


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "the file that channels.slack.url_file names cannot be read: No such file or directory"),
        (b"\n", "the file that channels.slack.url_file names is empty"),
        (b"one two\n", "what channels.slack.url_file names is not a secret of one line"),
        (b"one\ntwo\n", "what channels.slack.url_file names is not a secret of one line"),
        (b"\xff\xfe", "the file that channels.slack.url_file names is no text"),
        (b"x" * 5_000, "what channels.slack.url_file names is not a secret of one line"),
    ],
)
def test_what_is_no_secret_is_said_without_repeating_it(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    with pytest.raises(secrets.SecretMissing) as caught:
        secrets.read("channels.slack.url", Secret(file=str(tmp_path / "url")))
    assert str(caught.value) == problem


def test_a_variable_that_is_not_set_is_said() -> None:
    with pytest.raises(secrets.SecretMissing, match=r"variable that channels\.slack\.url_env names is not set"):
        secrets.read("channels.slack.url", Secret(env="URL"), {})


def test_written_secrets_are_the_owners_alone(tmp_path: Path) -> None:
    settings = parse(configured(tmp_path, slack=VALUE, pagerduty="k" * 32))
    assert write_alertmanager(tmp_path / "out", settings) == []
    folder = tmp_path / "out" / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "slack_url": 0o600,
        "pagerduty_routing_key": 0o600,
    }


def test_a_secret_that_cannot_be_read_leaves_the_last_one(tmp_path: Path) -> None:
    settings = parse(configured(tmp_path, slack=VALUE, pagerduty="k" * 32))
    write_alertmanager(tmp_path / "out", settings)
    (tmp_path / "slack").unlink()
    problems = write_alertmanager(tmp_path / "out", settings)
    assert problems == ["the file that channels.slack.url_file names cannot be read: No such file or directory"]
    assert (tmp_path / "out" / "secrets" / "slack_url").read_text() == VALUE


def test_the_secret_of_a_channel_that_is_no_more_is_removed_and_nothing_else(tmp_path: Path) -> None:
    write_alertmanager(tmp_path / "out", parse(configured(tmp_path, slack=VALUE, pagerduty="k" * 32)))
    (tmp_path / "out" / "secrets" / "own").write_text("somebody's")
    write_alertmanager(tmp_path / "out", parse(""))
    assert [path.name for path in (tmp_path / "out" / "secrets").iterdir()] == ["own"]


def test_a_readable_secret_is_exposed(tmp_path: Path) -> None:
    settings = parse(configured(tmp_path, slack=VALUE, pagerduty="k" * 32))
    (tmp_path / "slack").chmod(0o644)
    assert secrets.exposed(settings.channels) == [
        "the file that channels.slack.url_file names is open to others: chmod 600"
    ]


def test_a_secret_that_cannot_be_written_leaves_no_copy(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "secrets"
    (folder / "slack_url").mkdir(parents=True)  # where the file belongs
    with pytest.raises(IsADirectoryError):
        write_alertmanager(tmp_path / "out", parse(configured(tmp_path, slack=VALUE, pagerduty="k" * 32)))
    assert [path for path in folder.iterdir() if path.is_file() and VALUE in path.read_text()] == []


def test_git_ignores_secrets_wherever_they_are_kept_or_rendered() -> None:
    """`docs/connect-channels.md` keeps them in `secrets/`, and renders below `rendered/`."""
    root = Path(__file__).parents[2]
    assert "secrets/" in (root / ".gitignore").read_text().splitlines()
