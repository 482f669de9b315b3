"""Images by a CDN: who is sent there, for how long a link out lives on, and what happens while the CDN is away."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.api.conftest import running
from tests.support.cdn import Cdn, running_cdn
from tests.support.service import PASSWORD, Service, User

from photo_metrics.exposition import render_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Service, Cdn]]:
    """A service, and a CDN before the sealed objects of its directory."""
    directory = tmp_path_factory.mktemp("delivery")
    sealed = directory / "data" / "objects" / "sealed"
    quick = {"breaker_open_seconds": 0.05, "dependency_probe_seconds": 1, "access_log": "all"}
    async with (
        running_cdn(lambda key: next(sealed.glob(f"*/{key}"), None)) as cdn,
        running(directory, **cdn.settings(**quick)) as service,
    ):
        yield service, cdn


@pytest_asyncio.fixture(loop_scope="module")
async def cdn(shared: tuple[Service, Cdn]) -> AsyncIterator[Cdn]:
    """The CDN, as it was after the test."""
    cdn = shared[1]
    yield cdn
    cdn.clock.ahead_seconds = 0
    await cdn.break_api()


@pytest_asyncio.fixture(loop_scope="module")
async def service(shared: tuple[Service, Cdn], cdn: Cdn) -> Service:
    return shared[0]


@pytest_asyncio.fixture(loop_scope="module")
async def user(service: Service) -> User:
    return await service.register()


@pytest_asyncio.fixture(loop_scope="module")
async def album(service: Service, user: User) -> str:
    return await service.album(user)


@pytest.fixture(scope="module")
def content(jpeg: Callable[..., bytes]) -> bytes:
    return jpeg()


@pytest_asyncio.fixture(loop_scope="module")
async def photo(service: Service, user: User, album: str, content: bytes) -> str:
    return await service.photo(user, content, album_id=album)


async def share(service: Service, user: User, album: str, **options: object) -> dict[str, str]:
    answer = await service.client.post(f"/albums/{album}/share", json=options, headers=user.headers)
    link: dict[str, str] = answer.json()
    return link


async def image(service: Service, user: User, photo: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await service.client.request(method, f"/photos/{photo}/image", headers=user.headers | named)


Growth = Callable[[], Awaitable[list[float]]]


async def growth(service: Service, name: str, *labels: dict[str, str]) -> Growth:
    """By how much the series with each of ``labels`` will have grown since now."""

    async def values() -> list[float]:
        return [await service.metric(name, **wanted) for wanted in labels]

    before = await values()

    async def grown() -> list[float]:
        return [now - then for now, then in zip(await values(), before, strict=True)]

    return grown


async def deliveries(service: Service) -> Growth:
    """Images redirected, streamed, and streamed for want of the CDN."""
    ways = [{"via": via} for via in ("redirect", "stream", "fallback")]
    return await growth(service, "photo_api_image_delivery_total", *ways)


async def test_an_image_is_a_redirect_that_no_client_keeps(
    service: Service, cdn: Cdn, user: User, photo: str, content: bytes
) -> None:
    answer = await image(service, user, photo)
    assert (answer.status_code, answer.content) == (302, b"")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Location"].startswith(f"{cdn.edge_url}/photos/")
    status, body, headers = await cdn.get(answer.headers["Location"])
    assert (status, body, headers["content-type"]) == (200, content, "image/jpeg")


async def test_a_redirect_counts_as_an_image_served(service: Service, user: User, photo: str) -> None:
    served = {"access_type": "authenticated", "result": "success"}
    counted = [
        await deliveries(service),
        await growth(service, "photo_api_image_access_total", served),
        await growth(service, "photo_api_image_access_duration_seconds_count", served),
        await growth(service, "http_requests_total", {"handler": "/photos/{photo_id}/image", "status": "302"}),
    ]
    await image(service, user, photo)
    assert [await grown() for grown in counted] == [[1, 0, 0], [1], [1], [1]]


async def test_a_shared_image_is_a_redirect_too_once_the_password_is_right(
    service: Service, cdn: Cdn, user: User, album: str, photo: str, content: bytes
) -> None:
    link = await share(service, user, album, password=PASSWORD)
    path = f"{link['url']}/photos/{photo}/image"
    served = await growth(service, "photo_api_image_access_total", {"access_type": "shared", "result": "success"})
    asked = cdn.api.requests
    assert (await service.client.get(path)).status_code == 401
    assert cdn.api.requests == asked
    answer = await service.client.get(path, headers={"X-Share-Password": PASSWORD})
    assert answer.status_code == 302
    assert (await cdn.get(answer.headers["Location"]))[:2] == (200, content)
    assert await served() == [1]


async def test_head_and_ranges_are_redirected_and_answered_by_the_edge(
    service: Service, cdn: Cdn, user: User, photo: str, content: bytes
) -> None:
    head = await image(service, user, photo, "HEAD")
    assert head.status_code == 302
    status, body, headers = await cdn.get(head.headers["Location"], "HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", str(len(content)))
    part = await image(service, user, photo, Range="bytes=10-19")
    assert part.status_code == 302
    status, body, headers = await cdn.get(part.headers["Location"], Range="bytes=10-19")
    assert (status, body, headers["content-range"]) == (206, content[10:20], f"bytes 10-19/{len(content)}")


async def test_what_the_client_has_already_is_304_and_asks_for_no_token(
    service: Service, cdn: Cdn, user: User, photo: str
) -> None:
    etag = (await image(service, user, photo)).headers["ETag"]
    sent, asked = await deliveries(service), cdn.api.requests
    assert (await image(service, user, photo, If_None_Match=etag)).status_code == 304
    assert cdn.api.requests == asked
    assert await sent() == [0, 0, 0]


async def test_whom_a_photo_is_not_shown_to_gets_no_token(service: Service, cdn: Cdn, photo: str) -> None:
    stranger, asked = await service.register(), cdn.api.requests
    assert (await image(service, stranger, photo)).status_code == 404
    assert (await image(service, stranger, UNKNOWN)).status_code == 404
    assert cdn.api.requests == asked


async def test_a_revoked_share_link_stops_with_its_token_at_the_latest(
    service: Service, cdn: Cdn, user: User, album: str, photo: str
) -> None:
    link = await share(service, user, album)
    path = f"{link['url']}/photos/{photo}/image"
    location = (await service.client.get(path)).headers["Location"]
    await service.client.delete(f"/albums/{album}/share/{link['id']}", headers=user.headers)
    assert (await service.client.get(path)).status_code == 410
    cdn.clock.ahead_seconds = service.settings.cdn_token_seconds
    assert (await cdn.get(location))[0] == 403


async def test_a_deleted_photo_stops_with_its_token_at_the_latest_though_the_edge_keeps_it(
    service: Service, cdn: Cdn, user: User, photo: str
) -> None:
    location = (await image(service, user, photo)).headers["Location"]
    assert (await cdn.get(location))[0] == 200
    assert (await service.client.delete(f"/photos/{photo}", headers=user.headers)).status_code == 204
    assert (await image(service, user, photo)).status_code == 404
    cdn.clock.ahead_seconds = service.settings.cdn_token_seconds
    assert (await cdn.get(location))[0] == 403


async def test_no_link_opens_what_was_uploaded_and_is_not_confirmed(
    service: Service, cdn: Cdn, user: User, photo: str
) -> None:
    location = (await image(service, user, photo)).headers["Location"]
    assert (await cdn.get(location.replace("/photos/", "/uploads/")))[0] == 404


async def test_while_the_cdn_makes_no_tokens_images_are_streamed_with_all_that_belongs_to_it(
    service: Service, cdn: Cdn, user: User, photo: str, content: bytes
) -> None:
    sent = await deliveries(service)
    failed = await growth(service, "photo_api_external_request_errors_total", {"service": "cdn"})
    await cdn.break_api(reset=True)
    answer = await image(service, user, photo)
    assert (answer.status_code, answer.content) == (200, content)
    part = await image(service, user, photo, Range="bytes=0-9")
    assert (part.status_code, part.content) == (206, content[:10])
    assert (await image(service, user, photo, Range="bytes=999999-")).status_code == 416
    assert await sent() == [0, 0, 3]
    assert (await failed())[0] >= 1
    await cdn.break_api()
    location = (await answered(service, user, photo, 302)).headers["Location"]
    assert (await cdn.get(location))[:2] == (200, content)


async def test_an_edge_that_is_away_shows_in_health_and_sends_nobody_there(
    service: Service, cdn: Cdn, user: User, photo: str
) -> None:
    await cdn.break_edge(status=503)
    await answered(service, user, photo, 200)
    health = (await service.client.get("/health")).json()
    assert (health["status"], health["dependencies"]["cdn"]) == ("degraded", "down")
    assert await service.metric("photo_api_dependency_up", dependency="cdn") == 0
    await cdn.break_edge()
    await answered(service, user, photo, 302)
    assert await service.metric("photo_api_dependency_up", dependency="cdn") == 1


async def answered(service: Service, user: User, photo: str, status: int) -> httpx.Response:
    """The image's first answer with this status."""
    for _ in range(500):
        if (answer := await image(service, user, photo)).status_code == status:
            return answer
        await asyncio.sleep(0.02)
    pytest.fail(f"there is no {status} within 10 s")


async def test_no_token_and_no_key_is_in_the_logs_or_the_metrics(
    service: Service, cdn: Cdn, user: User, photo: str
) -> None:
    with capture_logs() as logs:
        token = (await image(service, user, photo)).headers["Location"].partition("token=")[2]
    said = json.dumps(logs, default=str) + render_text(service.components.recorder.registry)
    keys = [str(value) for name, value in cdn.settings().items() if name.endswith("_key")]
    assert "/photos/{photo_id}/image" in said
    assert not [secret for secret in (token, token.rpartition("=")[2], *keys) if secret in said]
