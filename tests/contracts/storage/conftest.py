"""The object storages that the contract holds for."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.samples import new_recorder

from photo_api.config import Settings
from photo_api.secrets import load_secrets
from photo_api.storage.base import ObjectStorage
from photo_api.storage.filesystem import FileSystemStorage
from photo_metrics import Recorder


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture(params=["filesystem"])
def new_storage(request: pytest.FixtureRequest) -> Callable[[], ObjectStorage]:
    """Makes storages that share what they keep, as several processes do.

    Each is the fixture ``new_<name>_storage``; another storage is another of those, and its name among the parameters.
    """
    make: Callable[[], ObjectStorage] = request.getfixturevalue(f"new_{request.param}_storage")
    return make


@pytest.fixture
async def storage(new_storage: Callable[[], ObjectStorage]) -> AsyncIterator[ObjectStorage]:
    storage = new_storage()
    await storage.open()
    yield storage
    await storage.close()


@pytest.fixture
def new_filesystem_storage(tmp_path: Path, recorder: Recorder) -> Callable[[], FileSystemStorage]:
    """In one directory, as the processes of one machine."""

    def make() -> FileSystemStorage:
        settings = Settings(data_dir=tmp_path / "data")
        return FileSystemStorage(settings, load_secrets(settings), recorder)

    return make
