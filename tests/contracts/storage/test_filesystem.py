"""What only the embedded store promises: its files, its signatures, and how it fails."""

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from tests.support.samples import new_recorder, sample

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Forbidden, MalformedRequest, NotFound, TooLarge, Unavailable
from photo_api.ids import new_id
from photo_api.secrets import Secrets, load_secrets
from photo_api.storage.base import StoredObject
from photo_api.storage.filesystem import FileSystemStorage
from photo_api.storage.signing import UploadSigner
from photo_metrics import Recorder

JPEG = "image/jpeg"


@pytest.fixture
def new_storage(new_filesystem_storage: Callable[[], FileSystemStorage]) -> Callable[[], FileSystemStorage]:
    return new_filesystem_storage


@pytest.fixture
def objects(tmp_path: Path) -> Callable[[], list[str]]:
    """What lies in the file-system store, as names relative to it."""

    def listing() -> list[str]:
        root = tmp_path / "data" / "objects"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    return listing


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def put(storage: FileSystemStorage, content: bytes, **changed: object) -> StoredObject:
    """Use an upload URL signed for 5 bytes of JPEG, as given or with something ``changed``."""
    key = new_id()
    query = parse_qs(urlsplit(storage.presign_upload(key, JPEG, 5, 60).url).query)
    arguments: dict[str, object] = {
        "expires": int(query["expires"][0]),
        "signature": query["signature"][0],
        "content_type": JPEG,
        "size": 5,
    }
    key = str(changed.pop("key", key))
    return await storage.receive_upload(key, chunks=chunks(content), **(arguments | changed))  # type: ignore[arg-type]


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to write more: the same error path as a full disk, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def errors(recorder: Recorder) -> float | None:
    return sample(recorder, "photo_api_external_request_errors_total", service="object_storage")


async def test_what_the_url_was_signed_for_is_stored(storage: FileSystemStorage) -> None:
    assert (await put(storage, b"12345")).size == 5


@pytest.mark.parametrize(
    "changed",
    [
        {"content_type": "image/png"},
        {"content_type": ""},
        {"size": 6},
        {"key": "0190a000-0000-7000-8000-000000000000"},
        {"expires": int(time.time()) + 3_600},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "é"},
        {"key": "../../etc/passwd"},
    ],
)
async def test_anything_else_than_what_was_signed_is_forbidden(
    storage: FileSystemStorage, objects: Callable[[], list[str]], changed: dict[str, object]
) -> None:
    with pytest.raises(Forbidden):
        await put(storage, b"12345", **changed)
    assert objects() == []


async def test_an_expired_url_is_forbidden(storage: FileSystemStorage) -> None:
    key = new_id()
    query = parse_qs(urlsplit(storage.presign_upload(key, JPEG, 5, -1).url).query)
    with pytest.raises(Forbidden, match="expired"):
        await storage.receive_upload(
            key,
            expires=int(query["expires"][0]),
            signature=query["signature"][0],
            content_type=JPEG,
            size=5,
            chunks=chunks(b"12345"),
        )


@pytest.mark.parametrize("content", [b"", b"1234", b"123456"])
async def test_a_body_of_another_length_than_declared_leaves_nothing(
    storage: FileSystemStorage, objects: Callable[[], list[str]], content: bytes
) -> None:
    with pytest.raises(MalformedRequest):
        await put(storage, content)
    assert objects() == []


async def test_a_length_beyond_the_limit_is_refused_before_the_body_is_read(storage: FileSystemStorage) -> None:
    read = False

    async def unread() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b""

    with pytest.raises(TooLarge):
        await storage.receive_upload(new_id(), expires=0, signature="", content_type=JPEG, size=10**12, chunks=unread())


def test_the_secret_before_still_signs_until_it_is_removed() -> None:
    def signer(current: str, previous: str | None) -> UploadSigner:
        settings = Settings(
            secret_key=SecretStr(current * 32),
            secret_key_id=current,
            previous_secret_key=SecretStr(previous * 32) if previous else None,
            previous_secret_key_id=previous or "none",
        )
        return UploadSigner(load_secrets(settings))

    signed = ("PUT", new_id(), 2_000_000_000, JPEG, 5)
    signature = signer("a", None).sign(*signed)
    assert signer("b", "a").is_valid(signature, *signed)
    assert not signer("b", None).is_valid(signature, *signed)


def test_the_storage_key_is_not_the_secret_itself() -> None:
    secrets = Secrets(b"s" * 32, "1", None, "0")
    other = Secrets(secrets.derive("storage") or b"", "1", None, "0")
    signed = ("PUT", new_id(), 2_000_000_000, JPEG, 5)
    assert UploadSigner(secrets).sign(*signed) != UploadSigner(other).sign(*signed)


def test_upload_urls_are_paths_unless_a_public_url_is_set(tmp_path: Path, recorder: Recorder) -> None:
    def url(public_url: str | None) -> str:
        settings = Settings(data_dir=tmp_path, public_url=public_url)
        return FileSystemStorage(settings, load_secrets(settings), recorder).presign_upload("key", JPEG, 1, 60).url

    assert url(None).startswith("/storage/key?expires=")
    assert url("https://photos.example.com/").startswith("https://photos.example.com/storage/key?expires=")


@pytest.mark.parametrize("key", ["../x", "a/b", "", ".", "x" * 36, "0190a000-0000-7000-8000-00000000000/"])
async def test_no_key_but_an_id_reaches_the_file_system(storage: FileSystemStorage, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await storage.read(key, 0, 1)
    with pytest.raises(ValueError, match="not a key"):
        await storage.store(key, JPEG, 10, chunks(b"x"))
    with pytest.raises(ValueError, match="not a key"):
        await storage.delete(key)


async def test_a_disk_that_takes_no_more_is_unavailable_counted_and_leaves_nothing(
    storage: FileSystemStorage, recorder: Recorder, objects: Callable[[], list[str]]
) -> None:
    before = errors(recorder)
    with files_no_larger_than(400_000), pytest.raises(Unavailable):
        await storage.store(new_id(), JPEG, 10**9, chunks(*[bytes(100_000)] * 10))
    assert errors(recorder) == (before or 0) + 1
    assert objects() == []
    assert sample(recorder, "photo_api_external_requests_in_flight", service="object_storage") == 0


@pytest.mark.usefixtures("capsys")  # keeps what is logged out of pytest's own file, which the limit would meet too
async def test_a_disk_that_is_full_fails_the_ping(storage: FileSystemStorage) -> None:
    with files_no_larger_than(0), pytest.raises(Unavailable):
        await storage.ping()


async def test_a_directory_that_went_away_is_unavailable_and_not_an_object_that_is_missing(
    storage: FileSystemStorage, tmp_path: Path
) -> None:
    upload = await storage.store(new_id(), JPEG, 10, chunks(b"x"))
    await storage.seal(upload, JPEG)
    root = tmp_path / "data" / "objects"
    root.rename(root.with_name("unmounted"))
    for call in (
        lambda: storage.read(upload.key, 0, 1),
        lambda: storage.head_upload(upload.key),
        lambda: storage.delete(upload.key),
        lambda: storage.seal(upload, JPEG),
        storage.ping,
    ):
        with pytest.raises(Unavailable):
            await call()
    root.with_name("unmounted").rename(root)
    assert (await storage.head_upload(upload.key)) == upload


async def test_a_missing_object_is_not_counted_as_an_error_of_the_storage(
    storage: FileSystemStorage, recorder: Recorder
) -> None:
    before = errors(recorder)
    with pytest.raises(NotFound):
        await storage.read(new_id(), 0, 1)
    assert errors(recorder) == before


async def test_an_object_that_was_cut_short_breaks_off_and_is_counted_instead_of_pretending(
    storage: FileSystemStorage, recorder: Recorder, tmp_path: Path
) -> None:
    upload = await storage.store(new_id(), JPEG, 10**7, chunks(bytes(600_000)))
    await storage.seal(upload, JPEG)
    (path,) = (tmp_path / "data" / "objects" / "sealed").rglob(upload.key)
    reader = await storage.read(upload.key, 0, 600_000)
    os.truncate(path, 300_000)
    with pytest.raises(Unavailable):
        assert b"".join([piece async for piece in reader]) == b""
    await reader.aclose()
    assert errors(recorder) == 1


async def test_sealing_leaves_one_file_and_deleting_none(
    storage: FileSystemStorage, objects: Callable[[], list[str]]
) -> None:
    upload = await storage.store(new_id(), JPEG, 10, chunks(b"x"))
    await storage.store(upload.key, JPEG, 10, chunks(b"y"))
    again = await storage.store(upload.key, JPEG, 10, chunks(b"x"))
    await storage.seal(again, JPEG)
    assert objects() == [f"sealed/{upload.key[-2:]}/{upload.key}"]
    await storage.delete(upload.key)
    assert objects() == []


async def test_another_process_sees_the_same_objects(
    storage: FileSystemStorage, new_storage: Callable[[], FileSystemStorage]
) -> None:
    other = new_storage()
    await other.open()
    upload = await storage.store(new_id(), JPEG, 10, chunks(b"shared"))
    assert await other.head_upload(upload.key) == upload
    await other.seal(upload, JPEG)
    reader = await storage.read(upload.key, 0, 6)
    assert [piece async for piece in reader] == [b"shared"]
    await other.close()


async def test_a_process_killed_while_it_uploads_leaves_nothing_that_counts(
    storage: FileSystemStorage, tmp_path: Path
) -> None:
    key = new_id()
    program = f"""
import os, pathlib, signal
from photo_api.storage.files import ObjectFiles
draft = ObjectFiles(pathlib.Path({str(tmp_path / "data" / "objects")!r})).create({key!r})
draft.write([b"half a picture"])
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    assert await storage.head_upload(key) is None
    assert await storage.remove_abandoned(-1) == 1


async def test_a_cancelled_upload_leaves_nothing(storage: FileSystemStorage, objects: Callable[[], list[str]]) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(300_000)
            begun.set()
            await asyncio.sleep(0)

    upload = asyncio.create_task(storage.store(new_id(), JPEG, 10**12, endless()))
    await begun.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert objects() == []


async def test_a_place_that_cannot_hold_objects_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    settings = Settings(data_dir=tmp_path / "data")
    storage = FileSystemStorage(settings, Secrets(b"s" * 32, "1", None, "0"), new_recorder())
    with pytest.raises(ConfigurationError, match="PHOTO_API_DATA_DIR"):
        await storage.open()
    await storage.close()


async def test_a_small_object_is_read_and_closed_in_one_turn(storage: FileSystemStorage) -> None:
    upload = await storage.store(new_id(), JPEG, 10**6, chunks(bytes(200_000)))
    await storage.seal(upload, JPEG)
    open_before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    reader = await storage.read(upload.key, 0, 200_000)
    assert len(os.listdir("/proc/self/fd")) == open_before  # noqa: PTH208
    await reader.aclose()


async def test_a_store_that_is_gone_is_no_empty_listing(storage: FileSystemStorage, tmp_path: Path) -> None:
    (tmp_path / "data" / "objects" / "sealed").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        _ = [found async for found in storage.stored()]
