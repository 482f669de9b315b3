"""What the photo slice relies on, whatever keeps the objects."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from photo_api.errors import Conflict, NotFound, TooLarge
from photo_api.ids import new_id
from photo_api.storage.base import ObjectStorage, StoredObject

JPEG = "image/jpeg"
MIB = 1024 * 1024


async def chunks(content: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def store(storage: ObjectStorage, key: str, content: bytes) -> StoredObject:
    return await storage.store(key, JPEG, 10 * MIB, chunks(content))


async def sealed(storage: ObjectStorage, content: bytes) -> str:
    key = new_id()
    await storage.seal(await store(storage, key, content), JPEG)
    return key


async def everything(storage: ObjectStorage, key: str, start: int, stop: int) -> bytes:
    reader = await storage.read(key, start, stop)
    try:
        return b"".join([piece async for piece in reader])
    finally:
        await reader.aclose()


async def test_sealed_bytes_come_back_unchanged(storage: ObjectStorage) -> None:
    content = bytes(range(256)) * 5_000
    key = await sealed(storage, content)
    assert await everything(storage, key, 0, len(content)) == content


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (299_999, 300_001), (1, 1_000_000), (999_999, 1_000_000)])
async def test_a_range_is_exactly_that_range(storage: ObjectStorage, start: int, stop: int) -> None:
    content = bytes(range(250)) * 4_000
    key = await sealed(storage, content)
    assert await everything(storage, key, start, stop) == content[start:stop]


async def test_what_is_not_sealed_is_not_served(storage: ObjectStorage) -> None:
    key = new_id()
    await store(storage, key, b"unverified")
    with pytest.raises(NotFound):
        await storage.read(key, 0, 10)


async def test_an_upload_is_known_by_size_and_content(storage: ObjectStorage) -> None:
    key = new_id()
    assert await storage.head_upload(key) is None
    first = await store(storage, key, b"one")
    assert await storage.head_upload(key) == first
    assert first.size == 3
    assert (await store(storage, new_id(), b"two")).etag != first.etag


async def test_the_last_complete_upload_counts(storage: ObjectStorage) -> None:
    key = new_id()
    await store(storage, key, b"first")
    second = await store(storage, key, b"second")
    assert await storage.head_upload(key) == second


async def test_the_local_copy_has_the_upload_and_its_hash(storage: ObjectStorage) -> None:
    content = b"picture" * 100_000
    upload = await store(storage, new_id(), content)
    async with storage.upload_as_file(upload) as copy:
        assert copy.path.read_bytes() == content
        assert (copy.size, copy.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert not copy.path.exists()


async def test_the_local_copy_does_not_change_when_another_upload_comes(storage: ObjectStorage) -> None:
    key = new_id()
    upload = await store(storage, key, b"verified")
    async with storage.upload_as_file(upload) as copy:
        await store(storage, key, b"another!")
        assert copy.path.read_bytes() == b"verified"


async def test_a_replaced_upload_can_neither_be_verified_nor_sealed(storage: ObjectStorage) -> None:
    key = new_id()
    first = await store(storage, key, b"first")
    await store(storage, key, b"second")
    with pytest.raises(Conflict):
        async with storage.upload_as_file(first):
            pass
    with pytest.raises(Conflict):
        await storage.seal(first, JPEG)
    with pytest.raises(NotFound):
        await storage.read(key, 0, 1)


async def test_sealing_again_is_no_error(storage: ObjectStorage) -> None:
    upload = await store(storage, new_id(), b"content")
    await storage.seal(upload, JPEG)
    await storage.seal(upload, JPEG)
    assert await everything(storage, upload.key, 0, 7) == b"content"


async def test_a_sealed_object_is_found_again_by_a_confirm_that_was_cut_off(storage: ObjectStorage) -> None:
    upload = await store(storage, new_id(), b"content")
    await storage.seal(upload, JPEG)
    found = await storage.head_upload(upload.key)
    assert found == upload
    async with storage.upload_as_file(found) as copy:
        assert copy.path.read_bytes() == b"content"


async def test_no_upload_changes_a_sealed_object(storage: ObjectStorage) -> None:
    key = await sealed(storage, b"confirmed")
    with pytest.raises(Conflict):
        await store(storage, key, b"replaced!")
    assert await everything(storage, key, 0, 9) == b"confirmed"


async def test_an_upload_that_was_under_way_while_its_key_was_sealed_changes_nothing(storage: ObjectStorage) -> None:
    key = new_id()
    upload = await store(storage, key, b"confirmed")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"repl"
        begun.set()
        await go_on.wait()
        yield b"aced!"

    racing = asyncio.create_task(storage.store(key, JPEG, 100, slow()))
    await begun.wait()
    await storage.seal(upload, JPEG)
    go_on.set()
    with pytest.raises(Conflict):
        await racing
    assert await everything(storage, key, 0, 9) == b"confirmed"


async def test_of_many_uploads_and_seals_at_once_the_served_one_is_a_sealed_one(storage: ObjectStorage) -> None:
    for _ in range(20):
        key = new_id()
        first = await store(storage, key, b"a" * 1_000)
        results = await asyncio.gather(
            *(store(storage, key, letter * 1_000) for letter in (b"b", b"c", b"d")),
            storage.seal(first, JPEG),
            return_exceptions=True,
        )
        if results[-1] is None:
            assert await everything(storage, key, 0, 1_000) == b"a" * 1_000
        else:
            assert isinstance(results[-1], Conflict)
            with pytest.raises(NotFound):
                await storage.read(key, 0, 1)


async def test_more_than_the_limit_is_refused_and_leaves_nothing(storage: ObjectStorage) -> None:
    key = new_id()
    with pytest.raises(TooLarge):
        await storage.store(key, JPEG, 999, chunks(bytes(1_000), 100))
    assert await storage.head_upload(key) is None
    assert (await storage.store(key, JPEG, 1_000, chunks(bytes(1_000), 100))).size == 1_000


async def test_an_upload_that_breaks_off_leaves_what_was_there(storage: ObjectStorage) -> None:
    key = new_id()
    before = await store(storage, key, b"whole")

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await storage.store(key, JPEG, 100, broken())
    assert await storage.head_upload(key) == before


async def test_discarding_removes_that_upload_and_no_other(storage: ObjectStorage) -> None:
    key = new_id()
    first = await store(storage, key, b"refused")
    second = await store(storage, key, b"better")
    await storage.discard(first)
    assert await storage.head_upload(key) == second
    await storage.discard(second)
    assert await storage.head_upload(key) is None


async def test_discarding_leaves_a_sealed_object_alone(storage: ObjectStorage) -> None:
    upload = await store(storage, new_id(), b"content")
    await storage.seal(upload, JPEG)
    await storage.discard(upload)
    assert await everything(storage, upload.key, 0, 7) == b"content"


async def test_deletion_removes_upload_and_sealed_object_and_may_be_repeated(storage: ObjectStorage) -> None:
    key = await sealed(storage, b"content")
    await storage.delete(key)
    with pytest.raises(NotFound):
        await storage.read(key, 0, 1)
    other = new_id()
    await store(storage, other, b"unsealed")
    for _ in range(2):
        await storage.delete(other)
    assert await storage.head_upload(other) is None


async def test_what_was_deleted_cannot_be_sealed(storage: ObjectStorage) -> None:
    upload = await store(storage, new_id(), b"content")
    await storage.delete(upload.key)
    with pytest.raises(Conflict):
        await storage.seal(upload, JPEG)


async def test_young_uploads_are_not_abandoned_and_old_ones_are_removed(storage: ObjectStorage) -> None:
    key = new_id()
    await store(storage, key, b"content")
    assert await storage.remove_abandoned(3_600) == 0
    assert await storage.head_upload(key) is not None
    assert await storage.remove_abandoned(-1) == 1
    assert await storage.head_upload(key) is None


async def test_whoever_shows_a_presigned_upload_does_not_show_its_url(storage: ObjectStorage) -> None:
    upload = storage.presign_upload(new_id(), JPEG, 5, 60)
    assert upload.url not in repr(upload)


async def test_a_presigned_upload_never_lists_content_length(storage: ObjectStorage) -> None:
    upload = storage.presign_upload(new_id(), JPEG, 1_000, 60)
    assert (upload.method, upload.headers, upload.expires_in_seconds) == ("PUT", {"Content-Type": JPEG}, 60)


async def test_a_storage_that_works_answers_a_ping(storage: ObjectStorage) -> None:
    await storage.ping()


async def test_a_listing_has_every_sealed_object_with_its_size_and_no_upload(storage: ObjectStorage) -> None:
    sizes = {await sealed(storage, b"x" * size): size for size in (1, 20, 300)}
    upload = await store(storage, new_id(), b"unsealed")
    removed = await sealed(storage, b"removed")
    await storage.delete(removed)
    listed = [found async for found in storage.stored()]
    ours = {found.key: found.size for found in listed if found.key in {*sizes, upload.key, removed}}
    assert ours == sizes
    assert len({found.key for found in listed}) == len(listed)
