"""Flows that change something: accounts, uploads, albums, shares."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from photo_stack.load.client import StepFailed, Wanted
from photo_stack.load.users import TOKEN_KEYS, Album, Errand, NothingToDo, Photo, Share, Tokens, using

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPO_EVERY: Final = 16
"""Logins per mistyped password: about 6 % fail, under the guide's 20 % (section 6.1)."""
_SHARE_PASSWORDS: Final = ("spring picnic 2026", "grandmother's garden")


async def register(errand: Errand) -> None:
    """Create the account. After an attempt without an answer, the account may exist already."""
    user = errand.user
    wanted = Wanted("register", "POST", "/auth/register", (201, 409) if user.register_unanswered else (201,))
    account = {"email": user.email, "username": user.username, "password": user.password}
    try:
        answer = await errand.send(wanted, limit="auth", json=account)
    except StepFailed as failure:
        user.register_unanswered = failure.status is None or failure.status >= 500
        raise
    user.id = answer.json().get("id", "")
    user.registered = True


async def log_in(errand: Errand) -> None:
    """Log in; now and then mistyping the password first, as people do."""
    errand.world.logins += 1
    login = {"email": errand.user.email, "password": errand.user.password}
    if errand.world.logins % _TYPO_EVERY == 0:
        mistyped = Wanted("login_mistyped", "POST", "/auth/login", (401,))
        await errand.send(mistyped, limit="auth", json={**login, "password": errand.user.password[:-1]})
    wanted = Wanted("login", "POST", "/auth/login", (200,))
    errand.user.tokens = Tokens.of(await errand.send(wanted, limit="auth", json=login, needs=TOKEN_KEYS))


async def refresh(errand: Errand) -> None:
    """Rotate the tokens. Without an answer nobody knows which refresh token counts, so a new login follows."""
    tokens = errand.user.tokens
    if tokens is None:
        raise StepFailed
    errand.user.tokens = None
    wanted = Wanted("refresh", "POST", "/auth/refresh", (200,))
    answer = await errand.send(wanted, limit="auth", json={"refresh_token": tokens.refresh}, needs=TOKEN_KEYS)
    errand.user.tokens = Tokens.of(answer)


async def log_out(errand: Errand) -> None:
    """Log out; the next flow of this user is a login."""
    tokens = errand.user.tokens
    if tokens is None:
        raise StepFailed
    errand.user.tokens = None
    wanted = Wanted("logout", "POST", "/auth/logout", (204,))
    await errand.send(wanted, limit="auth", bearer=tokens.access)


async def create_album(errand: Errand) -> None:
    """Create an album."""
    album = {"name": f"앨범 {len(errand.user.albums) + 1}", "description": "Made by photo-stack load"}
    wanted = Wanted("album_create", "POST", "/albums/", (201,))
    answer = await errand.as_user(wanted, json=album, needs=("id", "name"))
    errand.user.albums.append(Album(answer.json()["id"]))


async def upload(errand: Errand) -> None:
    """Upload a photo: presigned URL, PUT with exactly the method and headers returned, confirm."""
    rng = errand.world.rng
    album = errand.world.pick(errand.user.albums)
    file = errand.world.pool.photo(rng)
    order: dict[str, Any] = {
        "album_id": album.id,
        "filename": file.name,
        "content_type": file.content_type,
        "file_size": file.size,
    }
    if rng.random() < 0.5:
        order["checksum_sha256"] = file.sha256
    if rng.random() < 0.3:
        order["title"] = f"사진 {len(album.photos) + 1}"
    wanted = Wanted("presign", "POST", "/photos/presigned-url", (200, 201))
    needs = ("photo_id", "upload_url", "upload_method", "upload_headers", "expires_in")
    presigned = (await errand.as_user(wanted, json=order, needs=needs)).json()
    errand.user.known_photo_ids.add(presigned["photo_id"])
    await put_file(errand, presigned, file.content())
    confirm = Wanted("confirm", "POST", "/photos/confirm", (200,))
    await errand.as_user(confirm, json={"photo_id": presigned["photo_id"]})
    _keep(errand, album, Photo(presigned["photo_id"], file))


async def put_file(
    errand: Errand, presigned: Mapping[str, Any], content: bytes, expect: tuple[int, ...] = (200, 201, 204)
) -> None:
    """Send the bytes to a presigned URL, with nothing but what it said to send."""
    wanted = Wanted("upload_put", str(presigned["upload_method"]), str(presigned["upload_url"]), expect)
    headers = {str(name): str(value) for name, value in presigned["upload_headers"].items()}
    await errand.send(wanted, headers=headers, body=aiohttp.BytesIOPayload(io.BytesIO(content)))


async def upload_direct(errand: Errand) -> None:
    """Upload a photo in one multipart request, as small clients do."""
    rng = errand.world.rng
    album = errand.world.pick(errand.user.albums)
    file = errand.world.pool.photo(rng)
    form = aiohttp.FormData()
    form.add_field("album_id", album.id)
    form.add_field("file", io.BytesIO(file.content()), filename=file.name, content_type=file.content_type)
    body = form()
    wanted = Wanted("upload_direct", "POST", "/photos/", (201,))
    boundary = {"Content-Type": body.headers["Content-Type"]}
    answer = await errand.as_user(wanted, headers=boundary, body=body, needs=("id",))
    photo = Photo(answer.json()["id"], file)
    errand.user.known_photo_ids.add(photo.id)
    _keep(errand, album, photo)


async def edit_photo(errand: Errand) -> None:
    """Give a photo a title."""
    photo = errand.world.pick(errand.user.photos)
    with using(photo):
        await errand.as_user(Wanted("photo_edit", "PATCH", f"/photos/{photo.id}", (200,)), json={"title": "가을 하늘"})


async def set_cover(errand: Errand) -> None:
    """Choose an album's cover."""
    album = errand.world.pick([album for album in errand.user.albums if album.photos])
    photo = errand.world.pick(album.photos)
    with using(photo):
        wanted = Wanted("album_edit", "PATCH", f"/albums/{album.id}", (200,))
        await errand.as_user(wanted, json={"cover_photo_id": photo.id})


async def arrange_album(errand: Errand) -> None:
    """Make an album of some photos that are in others already, take one out again, and delete the album."""
    photos = errand.user.photos[-3:]
    if not photos:
        raise NothingToDo
    with using(*photos):
        wanted = Wanted("album_create", "POST", "/albums/", (201,))
        path = f"/albums/{(await errand.as_user(wanted, json={'name': '고른 사진'}, needs=('id',))).json()['id']}"
        chosen = [photo.id for photo in photos]
        await errand.as_user(Wanted("album_add", "POST", f"{path}/photos", (200, 201)), json={"photo_ids": chosen})
        listed = Wanted("album_photos", "GET", f"{path}/photos", (200,))
        items = (await errand.as_user(listed, needs=("items", "next_cursor"))).json()["items"]
        if {item["id"] for item in items} != set(chosen):
            errand.user.browser.corrupt(listed, "other photos than those added")
        await errand.as_user(Wanted("album_remove", "DELETE", f"{path}/photos/{chosen[0]}", (204,)))
    await errand.as_user(Wanted("album_delete", "DELETE", path, (204,)))


async def delete_photo(errand: Errand) -> None:
    """Delete the user's oldest photo that nobody is looking at."""
    for album in errand.user.albums:
        photo = next((photo for photo in album.photos if photo.in_use == 0), None)
        if photo is not None:
            album.photos.remove(photo)
            errand.world.kept_bytes -= photo.file.size
            await errand.as_user(Wanted("photo_delete", "DELETE", f"/photos/{photo.id}", (204,)))
            return
    raise NothingToDo


async def share_album(errand: Errand) -> None:
    """Make a share link of an album; one in four with a password."""
    rng = errand.world.rng
    album = errand.world.pick([album for album in errand.user.albums if album.photos])
    password = rng.choice(_SHARE_PASSWORDS) if rng.random() < 0.25 else None
    await make_share(errand, album, password=password, days=rng.choice((1, 7, 30, None)))


async def make_share(errand: Errand, album: Album, *, password: str | None, days: int | None) -> None:
    """Make a share link that ends after `days`, or never; the token is in the answer, this once."""
    order = {"password": password, "expires_in_days": days}
    order = {name: value for name, value in order.items() if value is not None}
    wanted = Wanted("share_create", "POST", f"/albums/{album.id}/share", (201,))
    made = (await errand.as_user(wanted, json=order, needs=("id", "token", "url"))).json()
    share = Share(made["id"], made["token"], password, album)
    album.shares.append(share)
    errand.world.live_shares.append(share)


async def list_shares(errand: Errand) -> None:
    """List an album's share links."""
    album = errand.world.pick(errand.user.albums)
    await errand.as_user(Wanted("share_list", "GET", f"/albums/{album.id}/share", (200,)), needs=("items",))


async def revoke_share(errand: Errand) -> None:
    """Revoke the user's oldest live share link that nobody is looking at."""
    for album in errand.user.albums:
        for share in album.shares:
            if not share.revoked and share.in_use == 0:
                share.revoked = True
                errand.world.live_shares.remove(share)
                path = f"/albums/{album.id}/share/{share.id}"
                await errand.as_user(Wanted("share_revoke", "DELETE", path, (204,)))
                # Only now: a visitor is sent to a revoked link once the service has said that it is.
                errand.world.revoked_shares.append(share)
                return
    raise NothingToDo


def _keep(errand: Errand, album: Album, photo: Photo) -> None:
    album.photos.append(photo)
    errand.world.kept_bytes += photo.file.size
