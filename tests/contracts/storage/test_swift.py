"""What only Swift does: Temp URLs, its own headers, tokens that end, and a server that goes and comes."""

import asyncio
import signal
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web
from tests.support.identity import served
from tests.support.samples import sample
from tests.support.swift import Swift, swift_settings

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Conflict, NotFound, Unavailable
from photo_api.ids import new_id
from photo_api.storage import swift_listing
from photo_api.storage.base import StoredObject
from photo_api.storage.swift import SwiftStorage
from photo_metrics import Recorder
from photo_stack.providers.faults import FaultSwitch

JPEG = "image/jpeg"
MIB = 1024 * 1024


@pytest.fixture
def new_storage(new_swift_storage: Callable[[], SwiftStorage]) -> Callable[[], SwiftStorage]:
    return new_swift_storage


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Whoever has an upload URL, and nothing else."""
    async with httpx.AsyncClient(timeout=20) as client:
        yield client


async def chunks(content: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def everything(storage: SwiftStorage, key: str, size: int) -> bytes:
    reader = await storage.read(key, 0, size)
    return b"".join([piece async for piece in reader])


def upload_url(storage: SwiftStorage, key: str, seconds: int = 60) -> str:
    return storage.presign_upload(key, JPEG, 7, seconds).url


async def uploaded(storage: SwiftStorage, client: httpx.AsyncClient, content: bytes, **headers: str) -> str:
    """The key of an object that was put to its upload URL."""
    key = new_id()
    answer = await client.put(upload_url(storage, key), content=content, headers={"Content-Type": JPEG} | headers)
    assert answer.status_code == 201, answer.text
    return key


async def seal(storage: SwiftStorage, key: str) -> None:
    upload = await storage.head_upload(key)
    assert upload is not None
    await storage.seal(upload, JPEG)


@pytest.fixture
def metadata(storage: SwiftStorage, swift_server: Swift) -> Callable[[str], httpx.Headers]:
    """The headers of a sealed object, as its owner sees them."""

    def of(key: str) -> httpx.Headers:
        url = upload_url(storage, key).partition("?")[0].replace("/uploads/", "/photos/")
        return httpx.head(url, headers={"X-Auth-Token": swift_server.token()}).raise_for_status().headers

    return of


async def test_what_a_client_puts_to_an_upload_url_is_the_upload(
    storage: SwiftStorage, client: httpx.AsyncClient
) -> None:
    key = await uploaded(storage, client, b"content")
    found = await storage.head_upload(key)
    assert found is not None
    assert (found.size, found.etag) == (7, "9a0364b9e99bb480dd25e1f0284c8555")


@pytest.mark.parametrize("seconds", [-1, 0])
async def test_an_expired_upload_url_is_refused(storage: SwiftStorage, client: httpx.AsyncClient, seconds: int) -> None:
    url = upload_url(storage, new_id(), seconds - 1)
    assert (await client.put(url, content=b"content")).status_code == 401


@pytest.mark.parametrize(
    ("method", "old", "new"),
    [
        ("PUT", "temp_url_sig=", "temp_url_sig=0"),
        ("PUT", "temp_url_expires=1", "temp_url_expires=2"),
        ("PUT", "/uploads/", "/photos/"),
        ("PUT", "/uploads/", "/uploads/a"),
        ("GET", "", ""),
        ("DELETE", "", ""),
        ("POST", "", ""),
    ],
)
async def test_an_upload_url_is_good_for_its_method_path_and_time_alone(
    storage: SwiftStorage, client: httpx.AsyncClient, method: str, old: str, new: str
) -> None:
    url = upload_url(storage, await uploaded(storage, client, b"content")).replace(old, new)
    assert (await client.request(method, url)).status_code == 401


async def test_an_upload_url_does_not_change_what_is_confirmed(
    storage: SwiftStorage, client: httpx.AsyncClient
) -> None:
    key = await uploaded(storage, client, b"content")
    await seal(storage, key)
    confirmed = await storage.head_upload(key)
    assert (await client.put(upload_url(storage, key), content=b"another")).status_code == 201
    assert await storage.head_upload(key) == confirmed
    assert await everything(storage, key, 7) == b"content"
    assert await storage.remove_abandoned(-1) == 1


async def test_another_upload_is_not_sealed_over_what_is_confirmed(
    storage: SwiftStorage, client: httpx.AsyncClient
) -> None:
    key = await uploaded(storage, client, b"content")
    await seal(storage, key)
    answer = await client.put(upload_url(storage, key), content=b"another")
    with pytest.raises(Conflict):
        await storage.seal(StoredObject(key, 7, answer.headers["Etag"].strip('"')), JPEG)
    assert await everything(storage, key, 7) == b"content"


async def test_an_upload_url_used_while_its_upload_is_sealed_changes_nothing(
    storage: SwiftStorage, client: httpx.AsyncClient
) -> None:
    for _ in range(5):
        key = await uploaded(storage, client, b"a" * 100_000)
        url = upload_url(storage, key)
        puts = [client.put(url, content=letter * 100_000) for letter in (b"b", b"c", b"d")]
        upload = await storage.head_upload(key)
        assert upload is not None
        sealing, *_ = await asyncio.gather(storage.seal(upload, JPEG), *puts, return_exceptions=True)
        if sealing is None:
            assert await everything(storage, key, 100_000) == b"a" * 100_000
        else:
            assert isinstance(sealing, Conflict)
            with pytest.raises(NotFound):
                await storage.read(key, 0, 1)


async def test_a_sealed_object_has_the_declared_type_and_no_header_of_its_uploader(
    storage: SwiftStorage, client: httpx.AsyncClient, metadata: Callable[[str], httpx.Headers]
) -> None:
    theirs = {
        "Content-Type": "text/html",
        "Content-Encoding": "gzip",
        "Content-Disposition": "attachment",
        "X-Delete-At": "4000000000",
        "X-Object-Meta-Theirs": "1",
    }
    key = await uploaded(storage, client, b"content", **theirs)
    await seal(storage, key)
    found = metadata(key)
    assert found["Content-Type"] == JPEG
    assert not {name.lower() for name in theirs} - {"content-type"} & set(found)


@pytest.mark.parametrize("header", ["X-Copy-From", "X-Object-Manifest", "X-Symlink-Target"])
async def test_an_upload_url_reads_no_other_object(
    storage: SwiftStorage, client: httpx.AsyncClient, header: str
) -> None:
    url = upload_url(storage, new_id())
    container = url.split("/")[5]
    assert (await client.put(url, headers={header: f"{container}/photos/other"})).status_code == 400


async def test_every_page_of_a_listing_is_read(
    storage: SwiftStorage, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swift_listing, "PAGE", 2)
    keys = {await uploaded(storage, client, b"content") for _ in range(5)}
    for key in keys:
        await seal(storage, key)
    assert {found.key async for found in storage.stored()} == keys


async def test_upload_urls_signed_with_the_key_of_before_hold(
    tmp_path: Path, recorder: Recorder, swift_server: Swift, client: httpx.AsyncClient
) -> None:
    settings = swift_settings(swift_server)

    async def opened(**changed: Any) -> SwiftStorage:
        storage = SwiftStorage(Settings(data_dir=tmp_path, **settings | changed), recorder)
        await storage.open()
        return storage

    before = await opened()
    after = await opened(swift_temp_url_key="another-key-for-temp-urls")
    restarted = await opened()  # an instance that has not been told yet takes no key away
    for storage in (before, after, restarted):
        assert (await client.put(upload_url(storage, new_id()), content=b"content")).status_code == 201
        await storage.close()


async def test_browsers_of_our_origins_may_upload(
    tmp_path: Path, recorder: Recorder, swift_server: Swift, client: httpx.AsyncClient
) -> None:
    ours = "https://photos.example.com"
    settings = Settings(data_dir=tmp_path, **swift_settings(swift_server, cors_origins=(ours,)))
    storage = SwiftStorage(settings, recorder)
    await storage.open()
    other = SwiftStorage(settings.model_copy(update={"cors_origins": ()}), recorder)
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    url = upload_url(storage, new_id())
    await storage.close()

    async def asks(origin: str) -> int:
        return (await client.options(url, headers=asked | {"Origin": origin})).status_code

    assert [await asks(ours), await asks("https://elsewhere.example.com")] == [200, 401]
    await other.open()  # by which they are ours no more
    await other.close()
    assert await asks(ours) == 401


async def test_clients_are_sent_to_the_public_origin(tmp_path: Path, recorder: Recorder, swift_server: Swift) -> None:
    values = swift_settings(swift_server, storage_public_url="https://objects.example.com")
    storage = SwiftStorage(Settings(data_dir=tmp_path, **values), recorder)
    await storage.open()
    url = upload_url(storage, "key")
    await storage.close()
    assert url.startswith(f"https://objects.example.com/v1/AUTH_photos/{values['swift_container']}/uploads/key?")


async def test_a_large_object_goes_both_ways_in_little_memory(storage: SwiftStorage) -> None:
    piece = bytes(64 * 1024)

    async def large() -> AsyncIterator[bytes]:
        for _ in range(256):
            yield piece

    key = new_id()
    tracemalloc.start()
    try:
        upload = await storage.store(key, JPEG, 16 * MIB, large())
        async with storage.upload_as_file(upload) as copy:
            assert copy.size == 16 * MIB
        await storage.seal(upload, JPEG)
        reader = await storage.read(key, 0, 16 * MIB)
        assert sum([len(received) async for received in reader]) == 16 * MIB
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"swift_password": "not-the-password"}, "PHOTO_API_SWIFT_PASSWORD"),
        ({"swift_username": "photos:nobody"}, "PHOTO_API_SWIFT_USERNAME"),
        ({"swift_storage_url": "http://{host}/v1/AUTH_others"}, "PHOTO_API_SWIFT_CONTAINER"),
        ({"swift_auth_url": "http://{host}/auth"}, "PHOTO_API_SWIFT_AUTH_URL"),
        ({"swift_auth_url": "http://{host}/other/v1.0"}, "PHOTO_API_SWIFT_AUTH_URL"),
        ({"swift_auth_url": "http://{host}/v2.0"}, "PHOTO_API_SWIFT_TENANT_ID"),
    ],
)
async def test_a_wrong_setting_is_named_in_one_line_when_opening(
    tmp_path: Path, recorder: Recorder, swift_server: Swift, changed: dict[str, str], named: str
) -> None:
    changed = {name: value.format(host=f"127.0.0.1:{swift_server.port}") for name, value in changed.items()}
    values = swift_settings(swift_server, **changed)

    async def opened() -> None:
        storage = SwiftStorage(Settings(data_dir=tmp_path, **values), recorder)
        try:
            await storage.open()
        finally:
            await storage.close()

    with pytest.raises(ConfigurationError) as raised:
        await opened()
    text = str(raised.value)
    assert named in text
    assert "\n" not in text
    assert values["swift_password"] not in text


async def test_storage_that_is_away_fails_fast_and_works_again_when_it_is_back(
    tmp_path: Path, recorder: Recorder, stopping_swift: Swift
) -> None:
    values = swift_settings(stopping_swift, breaker_failures=3, breaker_open_seconds=0.2)
    storage = SwiftStorage(Settings(data_dir=tmp_path, **values), recorder)
    await storage.open()
    upload = await storage.store(new_id(), JPEG, MIB, chunks(b"content"))
    await storage.seal(upload, JPEG)
    await asyncio.to_thread(stopping_swift.stop, signal.SIGKILL)
    try:
        for call in (
            storage.ping,
            lambda: storage.read(upload.key, 0, 7),
            lambda: storage.head_upload(upload.key),
            lambda: storage.store(new_id(), JPEG, MIB, chunks(b"content")),
            lambda: storage.delete(upload.key),
            lambda: storage.remove_abandoned(0),
        ):
            with pytest.raises(Unavailable):
                await call()
        assert storage.presign_upload(new_id(), JPEG, 7, 60).url  # made here
    finally:
        stopping_swift.start()  # which knows no token of before
    await _answers(storage)
    assert await everything(storage, upload.key, 7) == b"content"
    assert sample(recorder, "photo_api_external_operation_duration_seconds_count", operation="token") == 2
    await storage.close()


async def test_storage_may_be_away_when_we_start(tmp_path: Path, recorder: Recorder, stopping_swift: Swift) -> None:
    await asyncio.to_thread(stopping_swift.stop)
    try:
        values = swift_settings(stopping_swift, breaker_open_seconds=0.2)
        storage = SwiftStorage(Settings(data_dir=tmp_path, **values), recorder)
        await storage.open()
        with pytest.raises(Unavailable):
            storage.presign_upload(new_id(), JPEG, 7, 60)
    finally:
        stopping_swift.start()
    await _answers(storage)
    async with httpx.AsyncClient() as client:
        assert (await client.put(upload_url(storage, new_id()), content=b"content")).status_code == 201
    await storage.close()


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (409, Conflict, "upload policy"),
        (413, Unavailable, "quota"),
        (403, Unavailable, "cannot be used"),
        (429, Unavailable, "429"),
        (507, Unavailable, "507"),
    ],
)
async def test_what_swift_may_refuse_is_said_clearly(
    tmp_path: Path, recorder: Recorder, swift_server: Swift, status: int, error: type[Exception], said: str
) -> None:
    application = web.Application()
    faults = FaultSwitch()
    faults.install(application)

    async def passed_on(request: web.Request) -> web.Response:
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, swift_server.url + request.path_qs, headers=request.headers, data=request.content
            ) as answer,
        ):
            return web.Response(status=answer.status, headers=answer.headers)

    application.add_routes([web.route("*", "/v1/{path:.*}", passed_on)])
    async with served(application) as url:
        values = swift_settings(swift_server, swift_storage_url=f"{url}/v1/AUTH_photos")
        storage = SwiftStorage(Settings(data_dir=tmp_path, **values), recorder)
        await storage.open()
        async with aiohttp.ClientSession() as session:
            await session.put(f"{url}/-/faults", json={"status": status})
        with pytest.raises(error, match=said):
            await storage.delete(new_id())
        await storage.close()


async def _answers(storage: SwiftStorage) -> None:
    """Wait as the health probe does, until the breaker lets a call try."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await storage.ping()
            except Unavailable:
                await asyncio.sleep(0.05)
