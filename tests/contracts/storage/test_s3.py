"""What S3 adds to the contract, on Swift's ``s3api`` and on SeaweedFS.

Where the two differ: Swift checks a body against its signed hash and the region of a signature, SeaweedFS neither;
SeaweedFS copies on condition, Swift never; SeaweedFS tells an unknown key from a wrong secret, Swift does not.
"""

import asyncio
import hashlib
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from tests.support.ports import free_port
from tests.support.s3 import NO_CERTIFICATES, Bucket
from tests.support.samples import sample

from photo_api.config import ConfigurationError
from photo_api.errors import Conflict, NotFound, TooLarge, Unavailable
from photo_api.ids import new_id
from photo_api.storage import s3_sweep, s3_upload
from photo_api.storage.base import PresignedUpload, StoredObject
from photo_api.storage.s3 import S3Storage
from photo_metrics import Recorder

JPEG = "image/jpeg"
MIB = 1024 * 1024
NewStorage = Callable[..., S3Storage]


@pytest.fixture(params=["swift", "seaweedfs"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    bucket: Bucket = request.getfixturevalue(f"{request.param}_bucket")
    return bucket


@pytest.fixture
async def new_storage(bucket: Bucket, tmp_path: Path, recorder: Recorder) -> AsyncIterator[NewStorage]:
    """``new_storage(s3_region=…, clock=…)``: not opened, closed at the end."""
    made: list[S3Storage] = []

    def make(*, clock: Callable[[], float] = time.time, **settings: Any) -> S3Storage:
        made.append(S3Storage(bucket.settings(tmp_path, **settings), recorder, clock=clock))
        return made[-1]

    yield make
    for storage in made:
        await storage.close()


@pytest.fixture
async def storage(new_storage: NewStorage) -> S3Storage:
    storage = new_storage()
    await storage.open()
    return storage


async def chunks(content: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def put(upload: PresignedUpload, content: bytes, **headers: str) -> int:
    """Upload as a client does; the status."""
    async with httpx.AsyncClient(timeout=20, verify=NO_CERTIFICATES) as client:
        answer = await client.put(upload.url, content=content, headers=dict(upload.headers) | headers)
        return answer.status_code


async def uploaded(storage: S3Storage, content: bytes, key: str | None = None) -> StoredObject:
    upload = storage.presign_upload(key or new_id(), JPEG, len(content), 60)
    assert await put(upload, content) == 200
    found = await storage.head_upload(upload.url.partition("?")[0].rpartition("/")[2])
    assert found is not None
    return found


async def served(storage: S3Storage, key: str, size: int) -> bytes:
    reader = await storage.read(key, 0, size)
    content = b"".join([piece async for piece in reader])
    await reader.aclose()
    return content


async def test_what_the_url_was_signed_for_is_stored(storage: S3Storage, bucket: Bucket) -> None:
    upload = await uploaded(storage, b"12345")
    assert (upload.size, upload.etag) == (5, hashlib.md5(b"12345", usedforsecurity=False).hexdigest())
    assert bucket.names(f"uploads/{upload.key}") == [f"uploads/{upload.key}"]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"12345", {"Content-Type": "image/png"}),
        (b"123456", {}),
        (b"1234", {}),
        (b"", {}),
        (b"12345", {"x-amz-copy-source": "/s3-photos/photos/another"}),
        (b"12345", {"x-amz-meta-upload-etag": "another"}),
    ],
)
async def test_another_type_or_length_or_s3_header_is_forbidden(
    storage: S3Storage, content: bytes, headers: dict[str, str]
) -> None:
    key = new_id()
    assert await put(storage.presign_upload(key, JPEG, 5, 60), content, **headers) == 403
    assert await storage.head_upload(key) is None


@pytest.mark.parametrize(
    ("signed", "instead"),
    [
        ("/uploads/", "/photos/"),
        ("Expires=60", "Expires=600"),
        ("Signature=", "Signature=0"),
        ("&X-Amz-Signature=", "&X-Amz-Other="),
        ("content-length%3B", ""),
    ],
)
async def test_a_url_that_was_changed_is_forbidden(
    storage: S3Storage, bucket: Bucket, signed: str, instead: str
) -> None:
    key = new_id()
    upload = storage.presign_upload(key, JPEG, 5, 60)
    changed = PresignedUpload(upload.url.replace(signed, instead), "PUT", upload.headers, 60)
    assert changed.url != upload.url
    assert await put(changed, b"12345") in {400, 403}
    assert not [name for name in bucket.names() if key in name]


async def test_an_upload_url_neither_reads_nor_deletes(storage: S3Storage) -> None:
    upload = storage.presign_upload(new_id(), JPEG, 5, 60)
    assert await put(upload, b"12345") == 200
    async with httpx.AsyncClient(timeout=20, verify=NO_CERTIFICATES) as client:
        for method in ("GET", "DELETE"):
            answer = await client.request(method, upload.url, headers=dict(upload.headers), content=b"12345")
            assert answer.status_code == 403, method


async def test_an_expired_url_is_forbidden(new_storage: NewStorage) -> None:
    earlier = new_storage(clock=lambda: time.time() - 62)
    assert await put(earlier.presign_upload(new_id(), JPEG, 5, 60), b"12345") == 403


async def test_clients_upload_to_the_public_url(new_storage: NewStorage, bucket: Bucket) -> None:
    public = bucket.url.replace("127.0.0.1", "localhost")
    storage = new_storage(storage_public_url=public)
    await storage.open()
    upload = storage.presign_upload(new_id(), JPEG, 5, 60)
    assert upload.url.startswith(public)
    assert await put(upload, b"12345") == 200


async def test_an_upload_url_does_not_change_a_sealed_photo(storage: S3Storage) -> None:
    upload = storage.presign_upload(new_id(), JPEG, 5, 60)
    assert await put(upload, b"first") == 200
    key = upload.url.partition("?")[0].rpartition("/")[2]
    first = await storage.head_upload(key)
    assert first is not None
    await storage.seal(first, JPEG)
    assert await put(upload, b"other") == 200
    other = StoredObject(key, 5, hashlib.md5(b"other", usedforsecurity=False).hexdigest())
    assert await storage.head_upload(key) == first
    with pytest.raises(Conflict):
        await storage.seal(other, JPEG)
    assert await served(storage, key, 5) == b"first"


async def test_an_upload_url_used_while_its_photo_is_sealed_changes_nothing(storage: S3Storage) -> None:
    for _ in range(4):
        upload = storage.presign_upload(new_id(), JPEG, 5, 60)
        assert await put(upload, b"first") == 200
        first = await storage.head_upload(upload.url.partition("?")[0].rpartition("/")[2])
        assert first is not None
        sealing = asyncio.gather(storage.seal(first, JPEG), return_exceptions=True)
        assert await put(upload, b"other") == 200
        (outcome,) = await sealing
        if outcome is None:
            assert await served(storage, first.key, 5) == b"first"
        else:
            assert isinstance(outcome, Conflict)
            with pytest.raises(NotFound):
                await storage.read(first.key, 0, 5)


async def test_two_confirms_at_once_of_the_same_upload_both_succeed(storage: S3Storage) -> None:
    upload = await uploaded(storage, b"12345")
    await asyncio.gather(*(storage.seal(upload, JPEG) for _ in range(2)))
    assert await served(storage, upload.key, 5) == b"12345"


async def test_nothing_of_what_the_uploader_sent_besides_is_on_the_sealed_object(
    storage: S3Storage, bucket: Bucket
) -> None:
    key = new_id()
    besides = {
        "Content-Encoding": "gzip",
        "Content-Disposition": "attachment; filename=evil.exe",
        "Cache-Control": "public, max-age=99999",
        "X-Delete-After": "60",
        "X-Object-Meta-Owner": "me",
        "X-Object-Manifest": "s3-photos/photos/",
    }
    assert await put(storage.presign_upload(key, JPEG, 5, 60), b"12345", **besides) == 200
    upload = await storage.head_upload(key)
    assert upload is not None
    await storage.seal(upload, "image/png")
    headers = bucket.ask("HEAD", f"/photos/{key}").headers
    assert headers["Content-Type"] == "image/png"
    ours = {name: value for name, value in headers.items() if name.startswith(("x-amz-meta-", "x-amz-expiration"))}
    assert ours == {"x-amz-meta-upload-etag": upload.etag}
    assert not {"content-encoding", "content-disposition", "cache-control", "x-delete-at"} & set(headers)


async def test_a_large_upload_goes_in_parts_within_bounded_memory(storage: S3Storage) -> None:
    size, piece = 16 * MIB, bytes(range(256)) * 256

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    tracemalloc.start()
    try:
        upload = await storage.store(new_id(), JPEG, size, pieces())
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2.5 * s3_upload.PART_BYTES  # one part, while it is joined
    assert upload.size == size
    assert upload.etag.endswith("-4")
    await storage.seal(upload, JPEG)
    assert await storage.head_upload(upload.key) == upload
    async with storage.upload_as_file(upload) as copy:
        assert (copy.size, copy.sha256) == (size, hashlib.sha256(piece * (size // len(piece))).hexdigest())


async def test_a_file_of_exactly_one_part_is_put_at_once(storage: S3Storage) -> None:
    content = bytes(s3_upload.PART_BYTES)
    upload = await storage.store(new_id(), JPEG, len(content), chunks(content, 300_001))
    assert upload.etag == hashlib.md5(content, usedforsecurity=False).hexdigest()


class Broken(Exception):
    """A client that went away."""


@pytest.mark.parametrize("end", ["breaks off", "too large", "given up"])
async def test_a_large_upload_that_does_not_end_well_leaves_nothing(
    storage: S3Storage, bucket: Bucket, end: str
) -> None:
    key, sent = new_id(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(MIB)
        sent.set()
        if end == "breaks off":
            raise Broken
        if end == "given up":
            await asyncio.Event().wait()
        yield bytes(MIB)

    storing = asyncio.create_task(storage.store(key, JPEG, 11 * MIB, pieces()))
    if end == "given up":
        await sent.wait()
        storing.cancel()
    with pytest.raises((Broken, TooLarge, asyncio.CancelledError)):
        await storing
    assert bucket.unfinished() == []
    assert await storage.head_upload(key) is None


async def test_parts_that_a_killed_process_left_are_swept_when_they_are_old(
    storage: S3Storage, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_sweep, "PAGE", 2)
    for _ in range(3):
        bucket.ask("POST", f"/uploads/{new_id()}", "uploads=")
    assert await storage.remove_abandoned(3_600) == 0
    assert len(bucket.unfinished()) == 3
    # SeaweedFS skips some between one page and the next; the next sweep finds them.
    assert await storage.remove_abandoned(-1) + await storage.remove_abandoned(-1) == 3
    assert bucket.unfinished() == []


async def test_listings_go_on_to_their_last_page(storage: S3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_sweep, "PAGE", 2)
    uploads = [await uploaded(storage, b"12345") for _ in range(5)]
    await storage.seal(uploads[0], JPEG)
    await storage.seal(uploads[1], JPEG)
    await storage.seal(uploads[2], JPEG)
    listed = {found.key async for found in storage.stored()}
    assert {upload.key for upload in uploads} & listed == {upload.key for upload in uploads[:3]}
    assert await storage.remove_abandoned(-1) == 2


async def test_the_age_of_an_upload_is_by_the_storages_clock(new_storage: NewStorage) -> None:
    ahead = new_storage(clock=lambda: time.time() + 200)
    await ahead.open()
    await uploaded(ahead, b"12345")
    assert await ahead.remove_abandoned(100) == 0


async def test_what_all_direct_uploads_keep_in_memory_is_bounded_and_given_back(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_upload, "BUFFERED_BYTES", 3 * MIB)
    kept, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(2 * MIB)
        kept.set()
        await go_on.wait()
        yield b"end"

    async def failing() -> AsyncIterator[bytes]:
        yield bytes(MIB // 2)
        raise Broken

    slow_one = asyncio.create_task(storage.store(new_id(), JPEG, 10 * MIB, slow()))
    await kept.wait()
    with pytest.raises(Broken):
        await storage.store(new_id(), JPEG, 10 * MIB, failing())
    with pytest.raises(Unavailable, match="Too many files are being uploaded"):
        await storage.store(new_id(), JPEG, 10 * MIB, chunks(bytes(2 * MIB)))
    go_on.set()
    assert (await slow_one).size == 2 * MIB + 3
    assert (await storage.store(new_id(), JPEG, 10 * MIB, chunks(bytes(3 * MIB)))).size == 3 * MIB


async def test_a_reader_that_stops_half_way_gives_its_connection_back(storage: S3Storage, recorder: Recorder) -> None:
    upload = await storage.store(new_id(), JPEG, 4 * MIB, chunks(bytes(4 * MIB)))
    await storage.seal(upload, JPEG)
    reader = await storage.read(upload.key, 0, 4 * MIB)
    assert await anext(reader)
    await reader.aclose()
    assert sample(recorder, "photo_api_external_requests_in_flight", service="object_storage") == 0
    assert sample(recorder, "photo_api_external_request_errors_total", service="object_storage") == 0


async def test_what_is_not_there_is_no_failure_of_the_storage(storage: S3Storage, recorder: Recorder) -> None:
    with pytest.raises(NotFound):
        await storage.read(new_id(), 0, 1)
    assert await storage.head_upload(new_id()) is None
    await storage.delete(new_id())
    await storage.ping()
    assert sample(recorder, "photo_api_external_request_errors_total", service="object_storage") == 0


@pytest.mark.parametrize("key", ["../x", "a/b", "", "x" * 36, "0190a000-0000-7000-8000-00000000000/"])
async def test_no_key_but_an_id_is_asked_for(storage: S3Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await storage.read(key, 0, 1)
    with pytest.raises(ValueError, match="not a key"):
        storage.presign_upload(key, JPEG, 1, 60)
    with pytest.raises(ValueError, match="not a key"):
        await storage.delete(key)


async def test_an_object_that_is_shorter_than_it_was_is_unavailable_and_counted(
    storage: S3Storage, recorder: Recorder
) -> None:
    upload = await uploaded(storage, b"12345")
    await storage.seal(upload, JPEG)
    with pytest.raises(Unavailable):
        await storage.read(upload.key, 0, 6)
    assert sample(recorder, "photo_api_external_request_errors_total", service="object_storage") == 1


@pytest.mark.parametrize(
    ("changes", "on_swift", "on_seaweedfs"),
    [
        (
            {"s3_secret_access_key": SecretStr("wrong-secret")},
            *["PHOTO_API_S3_SECRET_ACCESS_KEY: the storage refuses the signature"] * 2,
        ),
        (
            {"s3_access_key_id": "nobody"},
            "PHOTO_API_S3_ACCESS_KEY_ID again, they belong together",
            "PHOTO_API_S3_ACCESS_KEY_ID: the storage does not know this key",
        ),
        ({"s3_bucket": "no-such-bucket"}, *["PHOTO_API_S3_BUCKET: there is no bucket no-such-bucket; create it"] * 2),
        ({"s3_region": "eu-west-9"}, "PHOTO_API_S3_REGION: the bucket is not in eu-west-9, it says KR1", None),
    ],
)
async def test_what_is_wrong_is_said_at_the_start_in_one_line_that_names_the_setting(
    new_storage: NewStorage, bucket: Bucket, changes: dict[str, Any], on_swift: str, on_seaweedfs: str | None
) -> None:
    storage = new_storage(**changes)
    expected = on_swift if bucket.kind == "swift" else on_seaweedfs
    if expected is None:
        await storage.open()
        return
    with pytest.raises(ConfigurationError) as caught:
        await storage.open()
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(("seconds", "side"), [(3_600, "ahead of"), (-3_600, "behind")])
async def test_a_clock_that_is_wrong_is_told_by_how_much(new_storage: NewStorage, seconds: int, side: str) -> None:
    storage = new_storage(clock=lambda: time.time() + seconds)
    with pytest.raises(ConfigurationError, match=rf"clock is (3599|3600|3601) s {side} the object storage's"):
        await storage.open()
    with capture_logs() as logs, pytest.raises(Unavailable):
        await storage.ping()  # a HEAD, whose answer has no body to say why
    assert f"s {side} the object storage's; let NTP set it" in str(logs)


async def test_a_refusal_while_serving_is_retriable_and_tells_its_reason_to_the_operator_alone(
    new_storage: NewStorage, bucket: Bucket
) -> None:
    storage = new_storage(s3_bucket="no-such-bucket")
    with pytest.raises(ConfigurationError):
        await storage.open()
    for ask in (
        lambda: storage.read(new_id(), 0, 1),
        lambda: storage.delete(new_id()),
        lambda: storage.store(new_id(), JPEG, 10, chunks(b"x")),
    ):
        with capture_logs() as logs, pytest.raises(Unavailable) as caught:
            await ask()
        assert "no-such-bucket" not in str(caught.value)
        assert "Retry-After" in caught.value.headers
        assert ("NoSuchBucket", "error") in {(entry.get("code"), entry["log_level"]) for entry in logs}
        assert bucket.secret_access_key not in str(logs)
        assert "Signature" not in str(logs)


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
async def test_an_address_where_there_is_no_s3_is_named(new_storage: NewStorage, status: bytes) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 7\r\nConnection: close\r\n\r\n<html/>")
        await writer.drain()
        writer.close()

    port = free_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        storage = new_storage(s3_endpoint_url=f"http://127.0.0.1:{port}")
        with pytest.raises(ConfigurationError, match=r"^PHOTO_API_S3_ENDPOINT_URL: .*; set the origin of the S3 API$"):
            await storage.open()
