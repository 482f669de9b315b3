"""Flows that only look: lists, photos, images, and other people's shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from photo_stack.load.client import StepFailed, Wanted
from photo_stack.load.users import using

if TYPE_CHECKING:
    from photo_stack.load.users import Errand, Photo

_PAGE: Final = 20
_CONDITIONAL: Final = 0.15
_RANGED: Final = 0.08


async def view_me(errand: Errand) -> None:
    """Look at one's own account."""
    answer = await errand.as_user(Wanted("me", "GET", "/auth/me", (200,)), needs=("id", "email"))
    if answer.json()["email"] != errand.user.email:
        errand.world.counts.breaches["foreign_account_shown"] += 1


async def browse(errand: Errand) -> None:
    """List one's photos, perhaps a second page, then open one of them."""
    page = f"/photos/?limit={_PAGE}"
    answer = await errand.as_user(Wanted("photo_list", "GET", page, (200,)), needs=("items", "next_cursor"))
    _check_own(errand, answer.json()["items"])
    cursor = answer.json()["next_cursor"]
    if cursor is not None and errand.world.rng.random() < 0.3:
        wanted = Wanted("photo_list", "GET", f"{page}&cursor={cursor}", (200,))
        answer = await errand.as_user(wanted, needs=("items", "next_cursor"))
        _check_own(errand, answer.json()["items"])
    if errand.user.photos:
        await view_image(errand)


async def list_albums(errand: Errand) -> None:
    """List one's albums, then open one."""
    await errand.as_user(Wanted("album_list", "GET", "/albums/", (200,)), needs=("items", "next_cursor"))
    if errand.user.albums:
        album = errand.world.pick(errand.user.albums)
        await errand.as_user(Wanted("album_view", "GET", f"/albums/{album.id}", (200,)), needs=("id", "name"))


async def view_photo(errand: Errand) -> None:
    """Look at one photo's data, and compare size and type with what was uploaded."""
    photo = errand.world.pick(errand.user.photos)
    wanted = Wanted("photo_view", "GET", f"/photos/{photo.id}", (200,))
    with using(photo):
        answer = await errand.as_user(wanted, needs=("id", "file_size", "content_type"))
    shown = answer.json()
    if (shown["file_size"], shown["content_type"]) != (photo.file.size, photo.file.content_type):
        errand.user.browser.corrupt(wanted, "size or type differ from what was uploaded")


async def view_image(errand: Errand) -> None:
    """Look at an image: mostly whole, now and then conditionally (a browser's cache) or by range (a player's habit)."""
    rng = errand.world.rng
    photo = errand.world.pick(errand.user.photos)
    path = f"/photos/{photo.id}/image"
    token = errand.access_token()
    kind = rng.random()
    with using(photo):
        if kind < _CONDITIONAL and photo.etag is not None:
            wanted = Wanted("image_conditional", "GET", path, (304,))
            await errand.download(wanted, photo, bearer=token, headers={"If-None-Match": photo.etag})
        elif kind < _CONDITIONAL + _RANGED:
            wanted = Wanted("image_range", "GET", path, (206,))
            await errand.download(wanted, photo, bearer=token, headers={"Range": _range(errand, photo)})
        else:
            await errand.download(Wanted("image_view", "GET", path, (200,)), photo, bearer=token)


async def visit_share(errand: Errand) -> None:
    """Open someone's share link as a visitor without an account, then one to three of its images."""
    rng = errand.world.rng
    share = errand.world.pick(errand.world.live_shares)
    with using(share):
        wanted = Wanted("share_view", "GET", f"/share/{share.token}", (200,))
        await errand.send(wanted, limit="share", headers=share.headers)
        for _ in range(rng.randint(1, 3)):
            photo = errand.world.pick(share.album.photos)
            with using(photo):
                image = Wanted("share_image", "GET", f"/share/{share.token}/photos/{photo.id}/image", (200,))
                await errand.download(image, photo, headers=share.headers)


async def visit_revoked_share(errand: Errand) -> None:
    """Open a link that its owner has revoked: 410."""
    share = errand.world.pick(errand.world.revoked_shares)
    wanted = Wanted("share_view_revoked", "GET", f"/share/{share.token}", (410,))
    await errand.send(wanted, limit="share", headers=share.headers)


def _range(errand: Errand, photo: Photo) -> str:
    """Return a first, middle or last part of the file."""
    size = photo.file.size
    start = errand.world.rng.randrange(size)
    end = min(size - 1, start + 64 * 1024)
    return errand.world.rng.choice((f"bytes=0-{end}", f"bytes={start}-{end}", f"bytes={start}-", f"bytes=-{end + 1}"))


def _check_own(errand: Errand, items: object) -> None:
    """Note a breach when a list shows a photo that this user never uploaded."""
    if not isinstance(items, list) or not all(isinstance(item, dict) and "id" in item for item in items):
        raise StepFailed
    if not {item["id"] for item in items} <= errand.user.known_photo_ids:
        errand.world.counts.breaches["foreign_photo_listed"] += 1
