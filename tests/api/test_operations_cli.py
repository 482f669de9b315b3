"""``photo-api check-config``, ``audit``, ``backup`` and ``restore`` as they are typed."""

import json
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from photo_api.cli import app
from photo_api.database.migrate import migrate

Command = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a migrated, empty database."""
    path = tmp_path / "data"
    migrate(f"sqlite:///{path / 'photo-api.sqlite3'}")
    monkeypatch.setenv("PHOTO_API_DATA_DIR", str(path))
    return path


@pytest.fixture
def command(data: Path) -> Command:
    """Runs ``photo-api`` there."""
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def drifted(data: Path) -> Path:
    """With a total that is wrong."""
    connection = sqlite3.connect(data / "photo-api.sqlite3")
    with connection:
        connection.execute("UPDATE totals SET photos = 3 WHERE shard = 5")
    connection.close()
    return data


def test_an_audit_without_a_finding_ends_with_0(command: Command) -> None:
    result = command("audit")
    assert result.exit_code == 0
    assert result.output == (
        "looked at 0 users, 0 photos, 0 albums, 0 share links, 0 objects, 0 bytes stored: all is right\n"
    )


def test_an_audit_with_a_finding_ends_with_1_and_says_it(command: Command, drifted: Path) -> None:
    result = command("audit")
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == "total: photos: the totals say 3, the tables have 0"


def test_json_is_one_object_and_nothing_else(command: Command, drifted: Path) -> None:
    result = command("audit", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["ok"] is False
    assert found["findings"][0]["kind"] == "total"
    assert found["findings"][0]["count"] == 1


def test_a_repair_ends_with_0_and_leaves_nothing(command: Command, drifted: Path) -> None:
    assert command("audit", "--fix").exit_code == 0
    assert command("audit").exit_code == 0


def test_an_audit_of_no_database_is_one_line(command: Command, data: Path) -> None:
    (data / "photo-api.sqlite3").unlink()
    result = command("audit")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "run photo-api migrate" in result.stderr


def test_an_instance_that_is_none_is_one_line_and_status_2(command: Command) -> None:
    result = command("audit", "--metrics", "127.0.0.1:9101")
    assert result.exit_code == 2
    assert result.stderr == (
        "photo-api: --metrics: 127.0.0.1:9101 is no URL; give an instance's, such as http://127.0.0.1:9101\n"
    )


def test_a_backup_is_restored_and_audited(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "backup"
    before = os.umask(0)
    try:
        saved = command("backup", str(target))
    finally:
        os.umask(before)
    assert saved.exit_code == 0, saved.output
    assert saved.output.startswith(f"saved 16 rows to {target}; copied 0 objects")
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    monkeypatch.setenv("PHOTO_API_DATA_DIR", str(tmp_path / "other"))
    assert command("migrate").exit_code == 0
    restored = command("restore", str(target))
    assert restored.exit_code == 0, restored.output
    assert restored.output.splitlines()[-1].endswith("all is right")


def test_a_backup_over_another_is_one_line_and_status_2(command: Command, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    result = command("backup", str(tmp_path / "there"))
    assert result.exit_code == 2
    assert result.stderr == f"photo-api: {tmp_path / 'there'} is not empty; name a new directory\n"


def test_a_configuration_that_works_ends_with_0(command: Command) -> None:
    result = command("check-config")
    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        "ok     secrets",
        "ok     database",
        "ok     object storage",
        "ok     log service",
    ]


def test_a_backend_that_is_away_ends_with_1(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    result = command("check-config", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [check["name"] for check in found["checks"] if not check["ok"]] == ["Redis"]
    assert "hunter2" not in result.output


def test_settings_that_are_wrong_end_with_2_a_line_each(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_ENVIRONMENT", "production")
    monkeypatch.setenv("PHOTO_API_CORS_ORIGINS", "*")
    result = command("check-config")
    assert result.exit_code == 2
    assert [line.split(": ")[1] for line in result.output.splitlines()] == [
        "PHOTO_API_SECRET_KEY",
        "PHOTO_API_CORS_ORIGINS",
    ]
