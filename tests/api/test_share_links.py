"""Share links through the whole service."""

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.support.service import PASSWORD, Service, Start, User

from photo_api.ids import now_ms

UNKNOWN = "01890000-0000-7000-8000-000000000000"
FORGED = "A" * 43


async def share(service: Service, user: User, album_id: str, **options: object) -> dict[str, str]:
    answer = await service.client.post(f"/albums/{album_id}/share", json=options, headers=user.headers)
    assert answer.status_code == 201, answer.text
    link: dict[str, str] = answer.json()
    return link


async def totals(service: Service) -> tuple[float, float, float]:
    """Share links, active ones, shared albums: as the metrics tell."""
    await service.components.business_metrics.publish()
    return (
        await service.metric("photo_api_share_links_total", status="total"),
        await service.metric("photo_api_share_links_total", status="active"),
        await service.metric("photo_api_albums_total", type="shared"),
    )


async def end(service: Service, link_id: str) -> None:
    """Let a link's time be over."""
    async with service.components.database.transaction() as transaction:
        await transaction.execute("UPDATE share_links SET expires_ms = $2 WHERE id = $1", link_id, now_ms() - 1)


async def test_a_visitor_sees_the_album_and_its_photos_without_an_account(
    service: Service, jpeg: Callable[..., bytes]
) -> None:
    owner = await service.register()
    album = await service.album(owner, "Jeju")
    content = jpeg()
    photo = await service.photo(owner, content, album_id=album)
    link = await share(service, owner, album)

    view = (await service.client.get(link["url"])).json()
    assert view["album"] == {"name": "Jeju", "description": None}
    assert [item["id"] for item in view["items"]] == [photo]
    path = f"{link['url']}/photos/{photo}/image"
    image = await service.client.get(path)
    assert image.status_code == 200
    assert image.content == content
    part = await service.client.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    assert (await service.client.get(path, headers={"If-None-Match": image.headers["ETag"]})).status_code == 304
    assert await service.metric("photo_api_share_link_access_total", token_status="valid", result="success") == 1
    assert await service.metric("photo_api_image_access_total", access_type="shared", result="success") == 3
    assert (
        await service.metric("photo_api_share_link_image_access_total", token_status="valid", photo_in_album="yes") == 3
    )


async def test_the_token_is_stored_only_as_its_hash(service: Service) -> None:
    owner = await service.register()
    link = await share(service, owner, await service.album(owner))
    row = await service.components.database.fetch_one("SELECT * FROM share_links")
    assert row is not None
    assert row["token_hash"] == hashlib.sha256(link["token"].encode()).hexdigest()
    assert link["token"] not in {str(row[key]) for key in row.keys()}  # noqa: SIM118 - a row is no dict


async def test_no_metric_shows_a_token(service: Service) -> None:
    owner = await service.register()
    link = await share(service, owner, await service.album(owner))
    await service.client.get(link["url"])
    await service.client.get(f"/share/{FORGED}")
    assert await service.metric("http_requests_total", handler="/share/{token}", method="GET", status="200") == 1
    assert await service.metric("http_requests_total", handler="/share/{token}", method="GET", status="404") == 1


@pytest.mark.parametrize("token", [FORGED, "short", "%00", "%ff%fe", "ä" * 43, "x" * 600])
async def test_an_invalid_token_is_404_and_counts_as_brute_force(service: Service, token: str) -> None:
    answer = await service.client.get(f"/share/{token}")
    assert answer.status_code in {404, 422}
    if len(token) < 512:
        assert answer.status_code == 404
        assert await service.metric("photo_api_share_link_access_total", token_status="invalid", result="denied") == 1


async def test_both_public_routes_count_invalid_tokens(service: Service) -> None:
    await service.client.get(f"/share/{FORGED}")
    await service.client.get(f"/share/{FORGED}/photos/{UNKNOWN}/image")

    async def attempts() -> float:
        return await service.metric("photo_api_share_link_brute_force_attempts_total")

    assert await attempts() == 2
    assert (
        await service.metric("photo_api_share_link_image_access_total", token_status="invalid", photo_in_album="no")
        == 1
    )


async def test_a_revoked_link_ends_at_once_with_its_images(service: Service, jpeg: Callable[..., bytes]) -> None:
    owner = await service.register()
    album = await service.album(owner)
    photo = await service.photo(owner, jpeg(), album_id=album)
    link = await share(service, owner, album)
    revoke = f"/albums/{album}/share/{link['id']}"
    assert (await service.client.delete(revoke, headers=owner.headers)).status_code == 204
    assert (await service.client.delete(revoke, headers=owner.headers)).status_code == 204
    assert (await service.client.get(link["url"])).status_code == 410
    assert (await service.client.get(f"{link['url']}/photos/{photo}/image")).status_code == 410
    assert await service.metric("photo_api_share_link_access_total", token_status="expired", result="denied") == 1
    assert await totals(service) == (1, 0, 0)


async def test_an_expired_link_is_410_and_leaves_the_totals_once(service: Service) -> None:
    owner = await service.register()
    album = await service.album(owner)
    link = await share(service, owner, album, expires_in_days=1)
    await share(service, owner, album)
    assert await totals(service) == (2, 2, 1)
    await end(service, link["id"])
    assert (await service.client.get(link["url"])).status_code == 410
    await asyncio.gather(*(service.components.share_links.close_expired() for _ in range(3)))
    assert await totals(service) == (2, 1, 1)
    revoked = await service.client.delete(f"/albums/{album}/share/{link['id']}", headers=owner.headers)
    assert revoked.status_code == 204
    assert await totals(service) == (2, 1, 1)


async def test_revoking_twice_at_once_counts_once(service: Service) -> None:
    owner = await service.register()
    album = await service.album(owner)
    link = await share(service, owner, album)
    answers = await asyncio.gather(
        *(service.client.delete(f"/albums/{album}/share/{link['id']}", headers=owner.headers) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {204}
    assert await totals(service) == (1, 0, 0)


async def test_a_password_protects_the_view_and_the_images(service: Service, jpeg: Callable[..., bytes]) -> None:
    owner = await service.register()
    album = await service.album(owner)
    photo = await service.photo(owner, jpeg(), album_id=album)
    link = await share(service, owner, album, password=PASSWORD)
    for path in (link["url"], f"{link['url']}/photos/{photo}/image"):
        assert (await service.client.get(path)).status_code == 401
        assert (await service.client.get(path, headers={"X-Share-Password": "wrong one"})).status_code == 401
        assert (await service.client.get(path, headers={"X-Share-Password": PASSWORD})).status_code == 200
        assert (await service.client.get(path, headers={"X-Share-Password": PASSWORD})).status_code == 200
    assert await service.metric("photo_api_share_link_access_total", token_status="valid", result="denied") == 2


async def test_a_photo_of_another_album_is_404_and_counted_as_not_in_the_album(
    service: Service, jpeg: Callable[..., bytes]
) -> None:
    owner = await service.register()
    album = await service.album(owner)
    other = await service.photo(owner, jpeg(), album_id=await service.album(owner))
    link = await share(service, owner, album)
    assert (await service.client.get(f"{link['url']}/photos/{other}/image")).status_code == 404
    assert (
        await service.metric("photo_api_share_link_image_access_total", token_status="valid", photo_in_album="no") == 1
    )
    assert await service.metric("photo_api_image_access_total", access_type="shared", result="denied") == 1


async def test_a_foreign_album_cannot_be_shared_listed_or_revoked(service: Service) -> None:
    owner, stranger = await service.register(), await service.register()
    album = await service.album(owner)
    link = await share(service, owner, album)
    path = f"/albums/{album}/share"
    client, headers = service.client, stranger.headers
    assert (await client.post(path, json={}, headers=headers)).status_code == 404
    assert (await client.get(path, headers=headers)).status_code == 404
    assert (await client.delete(f"{path}/{link['id']}", headers=headers)).status_code == 404
    assert (await client.get(link["url"])).status_code == 200
    assert (await client.get(path)).status_code == 401


async def test_a_large_album_comes_in_pages(service: Service, jpeg: Callable[..., bytes]) -> None:
    owner = await service.register()
    album = await service.album(owner)
    photos = [await service.photo(owner, jpeg(seed=i), album_id=album) for i in range(5)]
    link = await share(service, owner, album)
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        view = (await service.client.get(f"{link['url']}?limit=2{cursor}")).json()
        seen += [item["id"] for item in view["items"]]
        cursor = f"&cursor={view['next_cursor']}"
    assert view["next_cursor"] is None
    assert seen == sorted(photos, reverse=True)


async def test_the_owners_list_shows_state_and_views_but_no_token(service: Service) -> None:
    owner = await service.register()
    album = await service.album(owner)
    first = await share(service, owner, album, password=PASSWORD)
    second = await share(service, owner, album, expires_in_days=3)
    for _ in range(3):
        await service.client.get(second["url"])
    await service.components.share_links.close_expired()
    listed = (await service.client.get(f"/albums/{album}/share", headers=owner.headers)).json()
    assert [item["id"] for item in listed["items"]] == [second["id"], first["id"]]
    assert [item["view_count"] for item in listed["items"]] == [3, 0]
    assert [item["password_protected"] for item in listed["items"]] == [False, True]
    assert all(item["active"] for item in listed["items"])
    assert second["token"] not in str(listed)


async def test_views_counted_but_not_stored_are_stored_at_shutdown(start: Start, tmp_path: Path) -> None:
    async with start() as service:
        owner = await service.register()
        album = await service.album(owner)
        await service.client.get((await share(service, owner, album))["url"])
    async with start() as service:
        row = await service.components.database.fetch_one("SELECT view_count FROM share_links")
        assert row is not None
        assert row["view_count"] == 1


async def test_views_that_cannot_be_stored_at_shutdown_are_told_by_their_number(start: Start) -> None:
    """And the shutdown comes to its end."""
    with capture_logs() as logs:
        async with start(database_timeout_seconds=0.2) as service:
            owner = await service.register()
            album = await service.album(owner)
            for link in (await share(service, owner, album), await share(service, owner, album)):
                for _ in range(2):
                    assert (await service.client.get(link["url"])).status_code == 200
            path = service.settings.resolved_database_url.removeprefix("sqlite:///")
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
        other.close()
    lost = [record for record in logs if record["event"] == "views_lost"]
    assert [(record["views"], record["log_level"]) for record in lost] == [(4, "warning")]


@pytest.mark.parametrize(
    "body", [{"expires_in_days": 0}, {"expires_in_days": 10**9}, {"password": "abc"}, {"password": "x" * 129}, {"x": 1}]
)
async def test_bad_options_are_refused_and_nothing_is_made(service: Service, body: dict[str, object]) -> None:
    owner = await service.register()
    album = await service.album(owner)
    answer = await service.client.post(f"/albums/{album}/share", json=body, headers=owner.headers)
    assert answer.status_code == 422
    assert str(body.get("password", "\0")) not in answer.text or body.get("password") == "abc"
    assert await totals(service) == (0, 0, 0)


async def test_a_disabled_owners_links_end(service: Service) -> None:
    owner = await service.register()
    link = await share(service, owner, await service.album(owner))
    async with service.components.database.transaction() as transaction:
        await transaction.execute("UPDATE users SET disabled_ms = $2 WHERE id = $1", owner.id, now_ms())
    assert (await service.client.get(link["url"])).status_code == 410


async def test_an_image_that_was_not_looked_for_is_not_counted_as_of_another_album(
    service: Service, jpeg: Callable[..., bytes]
) -> None:
    """A wrong password says nothing of the photo, and neither does a database that is away."""
    owner = await service.register()
    album = await service.album(owner)
    photo = await service.photo(owner, jpeg(), album_id=album)
    link = await share(service, owner, album, password=PASSWORD)
    path = f"{link['url']}/photos/{photo}/image"
    assert (await service.client.get(path, headers={"X-Share-Password": "wrong one"})).status_code == 401
    await service.components.database.close()
    assert (await service.client.get(path, headers={"X-Share-Password": PASSWORD})).status_code == 503
    for in_album in ("yes", "no"):
        counted = await service.metric("photo_api_share_link_image_access_total", photo_in_album=in_album)
        assert counted == 0


async def test_a_links_password_can_be_guessed_thirty_times_a_minute_on_all_routes_together(service: Service) -> None:
    owner = await service.register()
    link = await share(service, owner, await service.album(owner), password=PASSWORD)
    assert (await service.client.get(link["url"], headers={"X-Share-Password": PASSWORD})).status_code == 200
    paths = (link["url"], f"{link['url']}/photos/{UNKNOWN}/image")
    statuses = []
    for guess in range(70):  # more than two minutes' worth, should a minute turn meanwhile
        answer = await service.client.get(paths[guess % 2], headers={"X-Share-Password": f"guess {guess}"})
        statuses.append(answer.status_code)
    assert set(statuses) == {401, 429}
    assert statuses[:30] == [401] * 30
    assert (await service.client.get(link["url"], headers={"X-Share-Password": PASSWORD})).status_code == 200
