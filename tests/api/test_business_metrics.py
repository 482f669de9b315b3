"""The business totals through the whole service: at once on a change, corrected by the publication."""

from collections.abc import Callable

from tests.support.service import PASSWORD, Service

NAMES: tuple[tuple[str, dict[str, str]], ...] = (
    ("photo_api_users_total", {"status": "total"}),
    ("photo_api_users_total", {"status": "active"}),
    ("photo_api_albums_total", {"type": "total"}),
    ("photo_api_albums_total", {"type": "shared"}),
    ("photo_api_photos_total", {}),
    ("photo_api_share_links_total", {"status": "total"}),
    ("photo_api_share_links_total", {"status": "active"}),
    ("photo_api_object_storage_usage_bytes", {}),
)


async def totals(service: Service) -> list[float]:
    return [await service.metric(name, **labels) for name, labels in NAMES]


async def test_totals_are_published_before_the_first_request(service: Service) -> None:
    assert await totals(service) == [0] * 8
    assert await service.metric("photo_api_business_metrics_last_success_timestamp_seconds") > 1_700_000_000


async def test_changes_show_at_once_and_the_database_agrees(service: Service, jpeg: Callable[..., bytes]) -> None:
    user = await service.register()
    album_id = await service.album(user)
    await service.album(user, "Second")
    content = jpeg()
    await service.photo(user, content, album_id=album_id)
    answer = await service.client.post(f"/albums/{album_id}/share", json={}, headers=user.headers)
    assert answer.status_code == 201
    expected = [1, 1, 2, 1, 1, 1, 1, len(content)]
    assert await totals(service) == expected
    await service.components.business_metrics.publish()
    assert await totals(service) == expected
    await service.register()
    await service.client.post("/auth/login", json={"email": user.email, "password": PASSWORD})  # active already
    assert (await service.client.delete(f"/albums/{album_id}", headers=user.headers)).status_code == 204
    expected = [2, 2, 1, 0, 1, 0, 0, len(content)]
    assert await totals(service) == expected
    await service.components.business_metrics.publish()
    assert await totals(service) == expected
    by_user = "photo_api_object_storage_usage_by_user_bytes"
    assert await service.metric(by_user, user_id=user.id) == len(content)
