"""The passwords and keys of the profile production: made once, kept, and shown to nobody."""

import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from photo_api.operations.production import is_guessable
from photo_stack.credentials import Credentials
from photo_stack.errors import CannotStart


def test_they_are_made_once_each_its_own_and_good_enough_for_production(tmp_path: Path) -> None:
    made = Credentials.kept_in(tmp_path / "secrets")
    secrets = list(asdict(made).values())
    assert len(set(secrets)) == len(secrets) == 9
    assert not any(map(is_guessable, secrets))
    assert Credentials.kept_in(tmp_path / "secrets") == made


def test_only_their_owner_reads_them_whatever_was_before(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    (folder / "secret-key").write_text("5f3c9a71" * 8)
    (folder / "secret-key").chmod(0o644)
    Credentials.kept_in(folder)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o700, {0o600})


def test_they_are_not_shown(tmp_path: Path) -> None:
    made = Credentials.kept_in(tmp_path)
    assert not any(secret in repr(made) for secret in asdict(made).values())


@pytest.mark.parametrize("content", ["", "short", "'; DROP ROLE photo_api; --" * 3])
def test_a_file_that_holds_no_secret_is_refused_and_not_repeated(tmp_path: Path, content: str) -> None:
    (tmp_path / "postgresql-password").write_text(content)
    with pytest.raises(CannotStart) as refusal:
        Credentials.kept_in(tmp_path)
    assert str(refusal.value).startswith(f"{tmp_path}/postgresql-password: must hold at least 32")
    assert content == "" or content not in str(refusal.value)


def test_a_place_where_they_cannot_be_kept_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=r"file/secrets.*--data"):
        Credentials.kept_in(tmp_path / "file" / "secrets")
