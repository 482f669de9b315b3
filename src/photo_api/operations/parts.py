"""What a command needs of the service: its database and its storage, opened and closed with a block."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.secrets import load_secrets
from photo_api.storage.backends import open_storage
from photo_api.storage.base import ObjectStorage
from photo_metrics import Recorder


def unpublished(settings: Settings) -> Recorder:
    """A recorder whose metrics nobody reads: a command is no instance."""
    return Recorder(
        app="photo-api", version=version("photo-api"), environment=settings.environment.value, node="command"
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Database, ObjectStorage]]:
    """The configured database and storage.

    Raises:
        Unavailable: one of them is away.
        ConfigurationError: a setting is wrong.
    """
    database = open_database(settings)
    storage = open_storage(settings, load_secrets(settings), unpublished(settings))
    async with AsyncExitStack() as stack:
        for part in (database, storage):
            stack.push_async_callback(part.close)
            await part.open()
        yield database, storage
