"""The object storages that the contract holds for."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.s3 import Bucket
from tests.support.samples import new_recorder
from tests.support.swift import Swift, swift_settings

from photo_api.config import Settings
from photo_api.secrets import load_secrets
from photo_api.storage.base import ObjectStorage
from photo_api.storage.filesystem import FileSystemStorage
from photo_api.storage.s3 import S3Storage
from photo_api.storage.swift import SwiftStorage
from photo_metrics import Recorder


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture(params=["filesystem", "swift", "s3_on_swift", "s3_on_seaweedfs"])
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


@pytest.fixture
def new_s3_on_swift_storage(swift_bucket: Bucket, tmp_path: Path, recorder: Recorder) -> Callable[[], S3Storage]:
    """In one bucket of Swift's ``s3api``."""
    return lambda: S3Storage(swift_bucket.settings(tmp_path), recorder)


@pytest.fixture
def new_s3_on_seaweedfs_storage(
    seaweedfs_bucket: Bucket, tmp_path: Path, recorder: Recorder
) -> Callable[[], S3Storage]:
    """In one bucket of a server that is like AWS."""
    return lambda: S3Storage(seaweedfs_bucket.settings(tmp_path), recorder)


@pytest.fixture
def new_swift_storage(tmp_path: Path, recorder: Recorder, swift_server: Swift) -> Callable[[], SwiftStorage]:
    """In one container."""
    settings = Settings(data_dir=tmp_path / "data", **swift_settings(swift_server))
    return lambda: SwiftStorage(settings, recorder)
