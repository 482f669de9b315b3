"""The object storages that the contract holds for; each new one is another parameter."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.samples import new_recorder

from photo_api.config import Settings
from photo_api.secrets import load_secrets
from photo_api.storage.filesystem import FileSystemStorage
from photo_metrics import Recorder


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
def new_storage(tmp_path: Path, recorder: Recorder) -> Callable[[], FileSystemStorage]:
    """Makes storages that share one directory, as the processes of one machine do."""

    def make() -> FileSystemStorage:
        settings = Settings(data_dir=tmp_path / "data")
        return FileSystemStorage(settings, load_secrets(settings), recorder)

    return make


@pytest.fixture(params=["filesystem"])
async def storage(new_storage: Callable[[], FileSystemStorage]) -> AsyncIterator[FileSystemStorage]:
    storage = new_storage()
    await storage.open()
    yield storage
    await storage.close()


@pytest.fixture
def objects(tmp_path: Path) -> Callable[[], list[str]]:
    """What lies in the file-system store, as names relative to it."""

    def listing() -> list[str]:
        root = tmp_path / "data" / "objects"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    return listing
