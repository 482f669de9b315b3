"""What is missing before a start, and the command that installs it."""

from pathlib import Path

import pytest

from photo_stack import preflight
from photo_stack.errors import CannotStart
from photo_stack.preflight import BACKENDS, BINARIES, find_binaries
from photo_stack.profile import Profile


def programs(folder: Path, *names: str) -> str:
    """A folder with such programs, as a PATH."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return str(folder)


@pytest.fixture
def _nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preflight, "_SYSTEM_FOLDERS", "")
    monkeypatch.setattr(preflight, "_POSTGRESQL", tmp_path / "postgresql")


@pytest.mark.usefixtures("_nothing_else")
def test_only_the_profile_production_needs_postgresql_and_redis(tmp_path: Path) -> None:
    path = programs(tmp_path / "bin", *(binary.names[0] for binary in BINARIES.values()))
    assert find_binaries(path).keys() == BINARIES.keys()
    with pytest.raises(CannotStart, match=r"^postgresql, redis are not installed: .* postgresql redis-server "):
        find_binaries(path, Profile.PRODUCTION)


@pytest.mark.usefixtures("_nothing_else")
def test_the_newest_postgresql_is_taken_where_debian_keeps_several(tmp_path: Path) -> None:
    path = programs(tmp_path / "bin", "redis-server", *(binary.names[0] for binary in BINARIES.values()))
    for version in ("9.6", "15", "8.4", "local"):
        programs(tmp_path / "postgresql" / version / "bin", "postgres")
    found = find_binaries(path, Profile.PRODUCTION)
    assert found["postgresql"] == str(tmp_path / "postgresql" / "15" / "bin" / "postgres")
    assert found.keys() == (BINARIES | BACKENDS).keys()
