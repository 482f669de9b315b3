"""``photo-api check-config``: tries every backend that the settings name, all at once, as the service would use it.

What is written to try (a row's update, an object, a log record) is undone or removed; of the log record one stays.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
import orjson

from photo_api.config import PREFIX, ConfigurationError, LogService, Settings, StorageBackend
from photo_api.database import SchemaBehind, StatementFailed, open_database
from photo_api.delivery.backends import open_delivery
from photo_api.delivery.cdn import CdnDelivery
from photo_api.errors import ApiError, Unavailable
from photo_api.ids import new_id, now_ms, rfc3339
from photo_api.logs.logncrash import LogNCrashSink
from photo_api.logs.sink import FileSink, LogSink, LogSinkUnavailable, Sent
from photo_api.operations import production, repository
from photo_api.operations.parts import unpublished
from photo_api.operations.snapshot import taken
from photo_api.rate_limits.redis import RedisBackend
from photo_api.secrets import load_secrets
from photo_api.storage.backends import open_storage
from photo_api.storage.base import ObjectStorage, PresignedUpload

TIMEOUT_SECONDS: Final = 20.0
"""The longest a check may take."""
_CONTENT: Final = b"photo-api check-config\n"
_TYPE: Final = "image/jpeg"
_STORAGE_SETTING: Final = {
    StorageBackend.FILESYSTEM: "PHOTO_API_DATA_DIR",
    StorageBackend.S3: "PHOTO_API_S3_ENDPOINT_URL",
    StorageBackend.SWIFT: "PHOTO_API_SWIFT_AUTH_URL",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check; ``text`` is one line, which names the setting where something is wrong."""

    name: str
    ok: bool
    text: str


class _Undone(Exception):
    """Leaves a transaction that must not be committed."""


async def check(settings: Settings, timeout_seconds: float = TIMEOUT_SECONDS) -> list[Result]:
    """Try everything that is configured; results in the order of this module."""
    tries: list[tuple[str, str, Callable[[Settings], Awaitable[str]]]] = [
        ("secrets", "PHOTO_API_SECRET_KEY", _secrets),
        ("database", "PHOTO_API_DATABASE_URL", _database),
        ("object storage", _STORAGE_SETTING[settings.storage], _storage),
        ("log service", _log_setting(settings), _logs),
    ]
    if settings.cdn_url is not None:
        tries.append(("CDN", "PHOTO_API_CDN_API_URL", _cdn))
    if settings.redis_url is not None:
        tries.append(("Redis", "PHOTO_API_REDIS_URL", _redis))
    if settings.public_url is not None:
        tries.append(("public URL", "PHOTO_API_PUBLIC_URL", _public_url))
    return await asyncio.gather(*(_tried(settings, timeout_seconds, *one) for one in tries))


async def _tried(
    settings: Settings, timeout_seconds: float, name: str, setting: str, attempt: Callable[[Settings], Awaitable[str]]
) -> Result:
    try:
        async with asyncio.timeout(timeout_seconds):
            return Result(name, ok=True, text=await attempt(settings))
    except SchemaBehind:
        text = "the schema is behind; run photo-api migrate"
    except TimeoutError:
        text = f"no answer within {timeout_seconds:g} s"
    except (ConfigurationError, StatementFailed, LogSinkUnavailable, OSError, aiohttp.ClientError) as error:
        text = str(error) or type(error).__name__
    except ApiError as error:
        text = error.detail or error.title
    except Exception as error:  # noqa: BLE001 - the other checks' results are not lost to a fault of one
        text = f"an unexpected {type(error).__name__}"
    line = " ".join(text.split()).rstrip(".")
    return Result(name, ok=False, text=line if "PHOTO_API_" in line else f"{line}; check {setting}")


async def _secrets(settings: Settings) -> str:
    await asyncio.to_thread(load_secrets, settings)
    weak = sorted({PREFIX + line.split(":")[0] for line in production.problems(settings)})
    return f"can be read; production would refuse {', '.join(weak)}" if weak else "good enough for production"


async def _database(settings: Settings) -> str:
    async with taken(settings):  # the schema is this version's
        pass
    database = open_database(settings)
    try:
        await database.open()
        with suppress(_Undone):
            async with database.transaction() as transaction:
                await repository.touch_totals(transaction)
                raise _Undone
    finally:
        await database.close()
    kind = "SQLite" if settings.resolved_database_url.startswith("sqlite:") else "PostgreSQL"
    return f"{kind} can be read and written, its schema is this version's"


async def _storage(settings: Settings) -> str:
    storage = open_storage(settings, load_secrets(settings), unpublished(settings))
    key = new_id()
    try:
        await storage.open()
        try:
            await storage.seal(await storage.store(key, _TYPE, len(_CONTENT), _pieces()), _TYPE)
            reader = await storage.read(key, 0, len(_CONTENT))
            try:
                found = b"".join([piece async for piece in reader])
            finally:
                await reader.aclose()
            if found != _CONTENT:
                raise Unavailable("The storage gave back something else than was stored.")
            uploaded = await _upload(settings, storage)
        finally:
            with suppress(Unavailable):
                await storage.delete(key)
        await storage.delete(key)
    finally:
        await storage.close()
    return f"{settings.storage.value}: an object was written, read and deleted{uploaded}"


async def _pieces() -> AsyncIterator[bytes]:
    yield _CONTENT


async def _upload(settings: Settings, storage: ObjectStorage) -> str:
    """Use an upload URL as a client would; the embedded store's are served by the service itself."""
    if settings.storage is StorageBackend.FILESYSTEM:
        return ""
    key = new_id()
    upload = storage.presign_upload(key, _TYPE, len(_CONTENT), 60)
    try:
        status = await _put(upload)
        if status not in {200, 201, 204}:
            raise ConfigurationError(
                f"an upload URL was refused ({status}); check PHOTO_API_STORAGE_PUBLIC_URL and the keys that sign it"
            )
    finally:
        await storage.delete(key)
    return ", also by an upload URL"


async def _put(upload: PresignedUpload) -> int:
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.request(upload.method, upload.url, data=_CONTENT, headers=dict(upload.headers)) as answer,
        ):
            return answer.status
    except aiohttp.ClientError as error:  # its text has the URL, which is signed
        raise ConfigurationError(
            f"an upload URL cannot be reached ({type(error).__name__}); check PHOTO_API_STORAGE_PUBLIC_URL"
        ) from None


def _log_setting(settings: Settings) -> str:
    return "PHOTO_API_LOG_FILE" if settings.log_service is LogService.FILE else "PHOTO_API_LOGNCRASH_URL"


async def _logs(settings: Settings) -> str:
    recorder = unpublished(settings)
    path = settings.log_file or settings.data_dir / "logs" / "photo-api.jsonl"
    sink: LogSink = FileSink(path, recorder)
    if settings.log_service is LogService.LOGNCRASH:
        sink = LogNCrashSink(settings, recorder)
    record = {"time": rfc3339(now_ms()), "level": "info", "logger": "photo_api", "event": "check_config"}
    await sink.open()
    try:
        sent = await sink.send([orjson.dumps(record)])
        if sent != Sent():
            raise LogSinkUnavailable(f"the log service refused a record ({sent.reason})")
    finally:
        await sink.close()
    return f"{settings.log_service.value}: a record was taken"


async def _cdn(settings: Settings) -> str:
    delivery = open_delivery(settings, unpublished(settings))
    try:
        await delivery.open()
        if isinstance(delivery, CdnDelivery):
            await delivery.check()
    finally:
        await delivery.close()
    return "a token was made, and the edge takes it"


async def _redis(settings: Settings) -> str:
    backend = RedisBackend(settings, unpublished(settings))
    try:
        await backend.open()
        await backend.ping()
    finally:
        await backend.close()
    return "rate limits are counted there"


async def _public_url(settings: Settings) -> str:
    """Whether anybody answers: what, depends on whether the service runs."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{settings.public_url}/health") as answer:
            return f"answers {answer.status} to /health"
    except aiohttp.ClientConnectorCertificateError as error:
        reason = error.certificate_error
        why = reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else str(reason)
        raise ConfigurationError(f"PHOTO_API_PUBLIC_URL: its certificate is not valid ({why})") from None
