"""Albums through the whole service."""

import asyncio
from collections.abc import Callable
from json import dumps
from typing import Any

import httpx
import pytest
from tests.support.service import Service, User

from photo_api.albums.schemas import AlbumOut, AlbumPage, AlbumPhotoPage

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def call(service: Service, user: User, method: str, path: str, json: object = None) -> httpx.Response:
    """``json`` is sent in ASCII, so that a lone surrogate travels as ``\\ud800``."""
    if json is None:
        return await service.client.request(method, path, headers=user.headers)
    headers = user.headers | {"Content-Type": "application/json"}
    return await service.client.request(method, path, content=dumps(json), headers=headers)


async def test_making_an_album_answers_with_it_and_moves_the_gauge_at_once(service: Service) -> None:
    user = await service.register()
    answer = await call(service, user, "POST", "/albums/", {"name": "제주", "description": "August\nand more"})
    assert answer.status_code == 201
    album = answer.json()
    assert (album["name"], album["description"], album["shared"]) == ("제주", "August\nand more", False)
    assert await service.metric("photo_api_albums_total", type="total") == 1
    assert (await call(service, user, "GET", f"/albums/{album['id']}")).json() == album


async def test_deleting_an_album_is_204_then_404_and_moves_the_gauges_at_once(service: Service) -> None:
    user = await service.register()
    album = await service.album(user)
    shared = await call(service, user, "POST", f"/albums/{album}/share", {})
    assert await service.metric("photo_api_albums_total", type="shared") == 1
    answer = await call(service, user, "DELETE", f"/albums/{album}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await call(service, user, "DELETE", f"/albums/{album}")).status_code == 404
    assert await service.metric("photo_api_albums_total", type="total") == 0
    assert await service.metric("photo_api_albums_total", type="shared") == 0
    assert await service.metric("photo_api_share_links_total", status="active") == 0
    await service.components.business_metrics.publish()
    assert await service.metric("photo_api_share_links_total", status="total") == 0
    assert (await service.client.get(f"/share/{shared.json()['token']}")).status_code == 404


async def test_a_deleted_albums_photos_stay(service: Service, jpeg: Callable[..., bytes]) -> None:
    user = await service.register()
    album = await service.album(user)
    photo = await service.photo(user, jpeg(), album_id=album)
    await call(service, user, "DELETE", f"/albums/{album}")
    assert (await call(service, user, "GET", f"/photos/{photo}")).status_code == 200
    assert await service.metric("photo_api_photos_total") == 1


async def test_a_photo_announced_for_an_album_that_goes_is_confirmed_all_the_same(
    service: Service, jpeg: Callable[..., bytes]
) -> None:
    user = await service.register()
    album, content = await service.album(user), jpeg()
    declared = {"album_id": album, "filename": "a.jpg", "content_type": "image/jpeg", "file_size": len(content)}
    upload = (await call(service, user, "POST", "/photos/presigned-url", declared)).json()
    await service.client.put(upload["upload_url"], content=content, headers=upload["upload_headers"])
    await call(service, user, "DELETE", f"/albums/{album}")
    confirmed = await call(service, user, "POST", "/photos/confirm", {"photo_id": upload["photo_id"]})
    assert confirmed.status_code == 200


async def test_lists_are_pages_with_a_cursor(service: Service) -> None:
    user = await service.register()
    made = [await service.album(user, f"Album {number}") for number in range(5)]
    first = (await call(service, user, "GET", "/albums/?limit=3")).json()
    second = (await call(service, user, "GET", f"/albums/?limit=3&cursor={first['next_cursor']}")).json()
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=", f"cursor={UNKNOWN}x"])
async def test_a_bad_page_is_422(service: Service, query: str) -> None:
    user = await service.register()
    album = await service.album(user)
    for path in ("/albums/", f"/albums/{album}/photos"):
        assert (await call(service, user, "GET", f"{path}?{query}")).status_code == 422


async def test_photos_are_added_listed_and_removed(service: Service, jpeg: Callable[..., bytes]) -> None:
    user = await service.register()
    one, two = await service.album(user), await service.album(user)
    photos = [await service.photo(user, jpeg(seed=seed), album_id=one) for seed in range(3)]
    added = await call(service, user, "POST", f"/albums/{two}/photos", {"photo_ids": photos})
    assert (added.status_code, added.json()) == (200, {"added": 3})
    again = await call(service, user, "POST", f"/albums/{two}/photos", {"photo_ids": photos[:2]})
    assert again.json() == {"added": 0}
    listed = (await call(service, user, "GET", f"/albums/{two}/photos")).json()
    assert [item["id"] for item in listed["items"]] == photos[::-1]
    assert listed["items"][0] == (await call(service, user, "GET", f"/photos/{photos[2]}")).json()
    assert (await call(service, user, "DELETE", f"/albums/{two}/photos/{photos[0]}")).status_code == 204
    assert (await call(service, user, "DELETE", f"/albums/{two}/photos/{photos[0]}")).status_code == 404
    assert len((await call(service, user, "GET", f"/albums/{two}/photos")).json()["items"]) == 2
    assert len((await call(service, user, "GET", f"/albums/{one}/photos")).json()["items"]) == 3


async def test_a_photo_that_is_not_confirmed_is_neither_listed_nor_added(service: Service) -> None:
    user = await service.register()
    album, other = await service.album(user), await service.album(user)
    declared = {"album_id": album, "filename": "a.jpg", "content_type": "image/jpeg", "file_size": 1_000}
    pending = (await call(service, user, "POST", "/photos/presigned-url", declared)).json()["photo_id"]
    assert (await call(service, user, "GET", f"/albums/{album}/photos")).json()["items"] == []
    added = await call(service, user, "POST", f"/albums/{other}/photos", {"photo_ids": [pending]})
    assert added.status_code == 404


async def test_a_foreign_photo_keeps_the_others_out(service: Service, jpeg: Callable[..., bytes]) -> None:
    user, stranger = await service.register(), await service.register()
    album = await service.album(user)
    own = await service.photo(user, jpeg(), album_id=await service.album(user))
    foreign = await service.photo(stranger, jpeg(), album_id=await service.album(stranger))
    answer = await call(service, user, "POST", f"/albums/{album}/photos", {"photo_ids": [own, foreign]})
    assert answer.status_code == 404
    assert (await call(service, user, "GET", f"/albums/{album}/photos")).json()["items"] == []


async def test_a_cover_is_chosen_cleared_and_lost_with_its_photo(service: Service, jpeg: Callable[..., bytes]) -> None:
    user = await service.register()
    album = await service.album(user)
    photo = await service.photo(user, jpeg(), album_id=album)
    path = f"/albums/{album}"

    async def cover() -> object:
        return (await call(service, user, "GET", path)).json()["cover_photo_id"]

    chosen = await call(service, user, "PATCH", path, {"cover_photo_id": photo})
    assert (chosen.status_code, chosen.json()["cover_photo_id"]) == (200, photo)
    await call(service, user, "PATCH", path, {"name": "Other"})
    assert await cover() == photo
    await call(service, user, "PATCH", path, {"cover_photo_id": None})
    assert await cover() is None
    await call(service, user, "PATCH", path, {"cover_photo_id": photo})
    await call(service, user, "DELETE", f"{path}/photos/{photo}")
    assert await cover() is None
    await call(service, user, "POST", f"{path}/photos", {"photo_ids": [photo]})
    await call(service, user, "PATCH", path, {"cover_photo_id": photo})
    await call(service, user, "DELETE", f"/photos/{photo}")
    assert await cover() is None


async def test_a_cover_from_elsewhere_is_404(service: Service, jpeg: Callable[..., bytes]) -> None:
    user = await service.register()
    album = await service.album(user)
    elsewhere = await service.photo(user, jpeg(), album_id=await service.album(user))
    for cover in (elsewhere, UNKNOWN):
        answer = await call(service, user, "PATCH", f"/albums/{album}", {"cover_photo_id": cover})
        assert answer.status_code == 404


async def test_a_change_tells_absent_from_null(service: Service) -> None:
    user = await service.register()
    made = (await call(service, user, "POST", "/albums/", {"name": "Jeju", "description": "August"})).json()
    path = f"/albums/{made['id']}"
    assert (await call(service, user, "PATCH", path, {})).json() == made
    named = (await call(service, user, "PATCH", path, {"name": "Busan"})).json()
    assert (named["name"], named["description"]) == ("Busan", "August")
    assert named["updated_at"] >= made["updated_at"]
    cleared = (await call(service, user, "PATCH", path, {"description": None})).json()
    assert (cleared["name"], cleared["description"]) == ("Busan", None)


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("GET", "/albums/{}", None),
        ("PATCH", "/albums/{}", {"name": "Mine"}),
        ("DELETE", "/albums/{}", None),
        ("GET", "/albums/{}/photos", None),
        ("POST", "/albums/{}/photos", {"photo_ids": [UNKNOWN]}),
        ("DELETE", "/albums/{}/photos/" + UNKNOWN, None),
    ],
)
async def test_a_foreign_album_is_the_same_404_as_an_unknown_one(
    service: Service, method: str, path: str, json: object
) -> None:
    owner, stranger = await service.register(), await service.register()
    album = await service.album(owner)
    answers = [await call(service, stranger, method, path.format(it), json) for it in (album, UNKNOWN)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    malformed = await call(service, stranger, method, path.format("x"), json)
    assert malformed.status_code == 422


BAD_NAMES: list[Any] = [
    "", " ", "\t", "a\nb", "a\0b", "x" * 201, None, 5, ["a"], "\ud800",
]  # fmt: skip


async def test_a_bad_name_is_422_and_changes_nothing(service: Service) -> None:
    user = await service.register()
    album = await service.album(user)
    for name in BAD_NAMES:
        for method, path in (("POST", "/albums/"), ("PATCH", f"/albums/{album}")):
            answer = await call(service, user, method, path, {"name": name})
            assert (name, answer.status_code) == (name, 422)
    assert (await call(service, user, "GET", f"/albums/{album}")).json()["name"] == "Holiday"
    assert await service.metric("photo_api_albums_total", type="total") == 1


@pytest.mark.parametrize("name", ["x" * 200, "제주 2026", "🌊", " a ", "<script>", "'; DROP TABLE albums; --"])
async def test_any_other_name_comes_back_as_it_was(service: Service, name: str) -> None:
    user = await service.register()
    assert (await call(service, user, "POST", "/albums/", {"name": name})).json()["name"] == name


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"photo_ids": []},
        {"photo_ids": None},
        {"photo_ids": [UNKNOWN] * 101},
        {"photo_ids": ["x"]},
        {"photo_ids": [UNKNOWN + "\n"]},
        {"photo_ids": [None]},
        {"photo_ids": UNKNOWN},
        {"photo_ids": [UNKNOWN], "more": 1},
    ],
)
async def test_a_bad_list_of_photos_is_422(service: Service, body: object) -> None:
    user = await service.register()
    album = await service.album(user)
    assert (await call(service, user, "POST", f"/albums/{album}/photos", body)).status_code == 422


@pytest.mark.parametrize("description", ["a\0b", "x" * 2_001, 5, "\ud800"])
async def test_a_bad_description_is_422(service: Service, description: object) -> None:
    user = await service.register()
    answer = await call(service, user, "POST", "/albums/", {"name": "Jeju", "description": description})
    assert answer.status_code == 422


async def test_deleting_one_album_from_two_places_counts_once(service: Service) -> None:
    user = await service.register()
    album = await service.album(user)
    answers = await asyncio.gather(*(call(service, user, "DELETE", f"/albums/{album}") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]
    await service.components.business_metrics.publish()
    assert await service.metric("photo_api_albums_total", type="total") == 0


async def test_every_answer_of_these_routes_is_described(service: Service) -> None:
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    described = {
        f"{method} {path}": set(operation["responses"])
        for path, item in paths.items()
        for method, operation in item.items()
        if path.startswith("/albums") and "share" not in path
    }
    always = {"401", "422", "429", "500", "503"}
    body = {"400", "413", "415"} | always
    assert described == {
        "post /albums/": {"201"} | body,
        "get /albums/": {"200"} | always,
        "get /albums/{album_id}": {"200", "404"} | always,
        "patch /albums/{album_id}": {"200", "404"} | body,
        "delete /albums/{album_id}": {"204", "404"} | always,
        "get /albums/{album_id}/photos": {"200", "404"} | always,
        "post /albums/{album_id}/photos": {"200", "404"} | body,
        "delete /albums/{album_id}/photos/{photo_id}": {"204", "404"} | always,
    }


async def test_answers_have_the_shape_that_is_described(service: Service, jpeg: Callable[..., bytes]) -> None:
    """The routes hand plain dicts over; nothing but this compares them with their models."""
    user = await service.register()
    album = await service.album(user)
    await service.photo(user, jpeg(), album_id=album)
    for model, path in (
        (AlbumOut, f"/albums/{album}"),
        (AlbumPage, "/albums/"),
        (AlbumPhotoPage, f"/albums/{album}/photos"),
    ):
        content = (await call(service, user, "GET", path)).json()
        assert model.model_validate(content, strict=True).model_dump() == content
