"""Albums: a user's photos under a name. Another user's album is as unknown as one that never was."""

from typing import Any

from photo_api.albums import repository
from photo_api.albums.repository import album_dict
from photo_api.business_metrics import totals
from photo_api.database import Database, Executor
from photo_api.errors import NotFound, Unauthenticated
from photo_api.ids import new_id, now_ms
from photo_api.photos.repository import photo_dict
from photo_metrics import Recorder

_NO_ALBUM = "There is no such album."


class AlbumService:
    """What a user can do about his albums; every method raises `NotFound` for one that is not his."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self._database = database
        self._recorder = recorder

    async def create(self, owner_id: str, name: str, description: str | None) -> dict[str, Any]:
        """Make an album.

        Raises:
            Unauthenticated: the owner was disabled since his access token was issued.
        """
        async with self._database.transaction() as tx:
            row = await repository.add_album(tx, new_id(), owner_id, name, description, now_ms())
            if row is None:
                raise Unauthenticated("This account is disabled.")
            await totals.apply(tx, owner_id, totals.Change(albums=1))
        self._recorder.album_created()
        return album_dict(row)

    async def get(self, owner_id: str, album_id: str) -> dict[str, Any]:
        """One album."""
        row = await repository.album(self._database, album_id, owner_id)
        if row is None:
            raise NotFound(_NO_ALBUM)
        return album_dict(row)

    async def page(self, owner_id: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of albums, newest first."""
        rows = await repository.albums(self._database, owner_id, cursor, limit + 1)
        items = [album_dict(row) for row in rows[:limit]]
        return {"items": items, "next_cursor": items[-1]["id"] if len(rows) > limit else None}

    async def change(self, owner_id: str, album_id: str, changes: dict[str, str | None]) -> dict[str, Any]:
        """Change the fields in ``changes`` (``name``, ``description``, ``cover_photo_id``); the album.

        Raises:
            NotFound: no such album, or the cover is no confirmed photo in it.
        """
        cover = changes.get("cover_photo_id")
        async with self._database.transaction() as tx:
            cover_is_there = cover is None or await repository.lock_photos(tx, [cover], owner_id) == 1
            await self._lock(tx, album_id, owner_id)
            if cover is not None and not (cover_is_there and await repository.contains(tx, album_id, cover)):
                raise NotFound("The cover is not a photo in this album.")
            row = await repository.album(tx, album_id, owner_id)
            if row is not None and changes:
                written = {key: row[key] for key in ("name", "description", "cover_photo_id")} | changes
                row = await repository.change_album(tx, album_id, **written, now=now_ms())
        if row is None:
            raise NotFound(_NO_ALBUM)
        return album_dict(row)

    async def delete(self, owner_id: str, album_id: str) -> None:
        """Delete an album and its share links; its photos stay."""
        async with self._database.transaction() as tx:
            await repository.lock_share_links(tx, album_id, owner_id)
            shared = await self._lock(tx, album_id, owner_id) > 0
            links, active = await repository.share_link_counts(tx, album_id)
            await repository.delete_album(tx, album_id)
            change = totals.Change(
                albums=-1, albums_shared=-int(shared), share_links=-links, share_links_active=-active
            )
            await totals.apply(tx, owner_id, change)
        self._recorder.album_deleted(shared=shared)
        for _ in range(active):
            self._recorder.share_link_closed()
        self._recorder.share_links_deleted(links)

    async def photos(self, owner_id: str, album_id: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of an album's photos, newest first: one query, a second only where it finds nothing."""
        rows = await repository.album_photos(self._database, album_id, owner_id, cursor, limit + 1)
        if not rows and await repository.album(self._database, album_id, owner_id) is None:
            raise NotFound(_NO_ALBUM)
        items = [photo_dict(row) for row in rows[:limit]]
        return {"items": items, "next_cursor": items[-1]["id"] if len(rows) > limit else None}

    async def add_photos(self, owner_id: str, album_id: str, photo_ids: list[str]) -> int:
        """Put photos into an album, all or none; how many were not in it.

        Raises:
            NotFound: no such album, or one of the photos is unknown, another user's, or not confirmed.
        """
        wanted = sorted(set(photo_ids))  # one order for everybody, so that two requests never wait for each other
        async with self._database.transaction() as tx:
            found = await repository.lock_photos(tx, wanted, owner_id)
            await self._lock(tx, album_id, owner_id)
            if found != len(wanted):
                raise NotFound("One of the photos does not exist; none was added.")
            now = now_ms()
            added = await repository.add_photos(tx, album_id, wanted, now)
            if added:
                await repository.touch(tx, album_id, now)
        return added

    async def remove_photo(self, owner_id: str, album_id: str, photo_id: str) -> None:
        """Take a photo out of an album, and from its cover; the photo itself stays.

        Raises:
            NotFound: no such album, or the photo is not in it.
        """
        async with self._database.transaction() as tx:
            await self._lock(tx, album_id, owner_id)
            if not await repository.remove_photo(tx, album_id, photo_id):
                raise NotFound("The photo is not in this album.")
            await repository.touch(tx, album_id, now_ms())

    async def _lock(self, tx: Executor, album_id: str, owner_id: str) -> int:
        """Lock the album; how many share links of it are active."""
        locked = await repository.lock_album(tx, album_id, owner_id)
        if locked is None:
            raise NotFound(_NO_ALBUM)
        active_links: int = locked["active_links"]
        return active_links
