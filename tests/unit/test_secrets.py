"""The secret: made once, read by all, never shown."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from photo_api.config import ConfigurationError, Settings
from photo_api.secrets import load_secrets


def test_the_secret_is_made_once_with_mode_600(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new" / "data")
    first = load_secrets(settings)
    assert len(first.current) == 64
    assert stat.S_IMODE((settings.data_dir / "secret-key").stat().st_mode) == 0o600
    assert load_secrets(settings).current == first.current
    assert [path.name for path in settings.data_dir.iterdir()] == ["secret-key"]


def test_instances_that_start_at_once_share_one_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: load_secrets(settings).current, range(32)))
    assert len(secrets) == 1


def test_each_purpose_has_a_key_of_its_own(tmp_path: Path) -> None:
    secrets = load_secrets(Settings(data_dir=tmp_path))
    assert secrets.derive("storage") != secrets.derive("tokens")
    assert secrets.derive("storage") == secrets.derive("storage")
    assert secrets.derive("storage", previous=True) is None


def test_no_secret_is_shown(tmp_path: Path) -> None:
    secrets = load_secrets(Settings(data_dir=tmp_path))
    assert secrets.current.decode() not in repr(secrets)


def test_a_directory_that_cannot_be_written_is_one_clear_line() -> None:
    with pytest.raises(ConfigurationError, match="PHOTO_API_DATA_DIR: cannot read or create /proc/nowhere/secret-key"):
        load_secrets(Settings(data_dir=Path("/proc/nowhere")))


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret-key").touch()
    with pytest.raises(ConfigurationError, match="secret-key is too short"):
        load_secrets(Settings(data_dir=tmp_path))
