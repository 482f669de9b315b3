"""``photo-api users``: disabling and enabling accounts from the command line."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from photo_api.cli import app
from photo_api.database.migrate import migrate

Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``photo-api`` on an empty data directory."""
    monkeypatch.setenv("PHOTO_API_DATA_DIR", str(tmp_path / "data"))
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def migrated(tmp_path: Path, command: Command) -> Path:
    """The database's file, with one user in it."""
    path = tmp_path / "data" / "photo-api.sqlite3"
    migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO users (id, email, username, password_hash, created_ms)"
            " VALUES ('u', 'mina@example.com', 'mina', 'x', 1)"
        )
    connection.close()
    return path


def test_a_user_is_disabled_and_enabled_again(command: Command, migrated: Path) -> None:
    outputs = [command("users", action, "Mina@Example.com") for action in ("disable", "disable", "enable", "enable")]
    assert [result.exit_code for result in outputs] == [0, 0, 0, 0]
    assert [result.output for result in outputs] == [
        "disabled Mina@Example.com; access tokens end within 900 s\n",
        "Mina@Example.com is disabled already\n",
        "enabled Mina@Example.com\n",
        "Mina@Example.com is not disabled\n",
    ]


@pytest.mark.parametrize("action", ["disable", "enable"])
def test_an_unknown_address_is_one_line_and_status_1(command: Command, migrated: Path, action: str) -> None:
    result = command("users", action, "nobody@example.com")
    assert result.exit_code == 1
    assert result.stderr == "photo-api: nobody has the email address nobody@example.com\n"


def test_what_is_no_address_is_one_line_and_status_2(command: Command, migrated: Path) -> None:
    result = command("users", "disable", "mina")
    assert result.exit_code == 2
    assert result.stderr == "photo-api: EMAIL: mina is not an email address\n"


def test_a_missing_database_is_one_line_that_says_what_to_do(command: Command) -> None:
    result = command("users", "disable", "mina@example.com")
    assert result.exit_code == 1
    assert "run photo-api migrate" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_empty_database_is_one_line_that_says_what_to_do(command: Command, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photo-api.sqlite3").touch()
    result = command("users", "enable", "mina@example.com")
    assert result.exit_code == 1
    assert result.stderr == "photo-api: the database's schema is behind; run photo-api migrate\n"


def test_a_statement_that_is_refused_is_not_told_as_a_schema_that_is_behind(command: Command, migrated: Path) -> None:
    with sqlite3.connect(migrated) as connection:
        connection.execute("CREATE TRIGGER t BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'held by an audit'); END")
    connection.close()
    result = command("users", "disable", "mina@example.com")
    assert result.exit_code == 1
    assert result.stderr == (
        "photo-api: the database refused what this command asked of it (held by an audit); nothing was changed\n"
    )


def test_a_bad_setting_is_told_as_by_the_other_commands(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_DRAIN_SECONDS", "soon")
    result = command("users", "disable", "mina@example.com")
    assert result.exit_code == 2
    assert result.stderr.startswith("photo-api: PHOTO_API_DRAIN_SECONDS: ")
