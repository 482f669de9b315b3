"""Which object storage the settings name."""

from photo_api.config import Settings, StorageBackend
from photo_api.secrets import Secrets
from photo_api.storage.base import ObjectStorage
from photo_api.storage.filesystem import FileSystemStorage
from photo_api.storage.s3 import S3Storage
from photo_api.storage.swift import SwiftStorage
from photo_metrics import Recorder


def open_storage(settings: Settings, secrets: Secrets, recorder: Recorder) -> ObjectStorage:
    """The chosen one, not opened yet.

    Raises:
        ConfigurationError: its settings do not go together; the message names them.
    """
    match settings.storage:
        case StorageBackend.S3:
            return S3Storage(settings, recorder)
        case StorageBackend.SWIFT:
            return SwiftStorage(settings, recorder)
        case _:
            return FileSystemStorage(settings, secrets, recorder)
