"""Share links: making, listing and ending them for owners; opening them for visitors.

A token is 256 random bits; only its SHA-256 is stored, and one indexed query finds the link, so that an invalid token
costs the same as a valid one. Revoking works with the next request: nothing about a link is cached but the outcome of
its password's slow hash, which is bound to that very hash.
"""

import hashlib
import hmac
import re
import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import Final, Literal

from photo_api.business_metrics import totals
from photo_api.business_metrics.totals import Change
from photo_api.config import Settings
from photo_api.database import Database, Executor, Row
from photo_api.errors import ApiError, Gone, NotFound, TooManyRequests, Unauthenticated
from photo_api.ids import new_id, now_ms, rfc3339
from photo_api.passwords import PasswordHasher
from photo_api.photos.repository import IMAGE_COLUMNS
from photo_api.share_links import repository
from photo_metrics import Recorder

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_PASSWORD_SECONDS: Final = 600
_PASSWORDS: Final = 10_000
_BATCH: Final = 200
_WRONG_PASSWORDS_PER_MINUTE: Final = 30

TokenStatus = Literal["valid", "invalid", "expired"]


class Refused(Exception):
    """A visitor is turned away: what the link's metrics say of it, and the answer."""

    def __init__(self, status: TokenStatus, error: ApiError) -> None:
        super().__init__(str(error))
        self.status: TokenStatus = status
        self.error = error


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link just made; the token is known only here."""

    id: str
    token: str
    expires_ms: int | None


class ShareLinkService:
    """All that happens to share links."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        passwords: PasswordHasher,
        recorder: Recorder,
    ) -> None:
        self._public_url = settings.public_url or ""
        self._database = database
        self._passwords = passwords
        self._recorder = recorder
        self._opened: OrderedDict[bytes, float] = OrderedDict()
        self._views: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._wrong_minute = 0

    async def create(self, owner_id: str, album_id: str, expires_in_days: int | None, password: str | None) -> NewLink:
        """Share an album; raises `NotFound` unless it is the owner's."""
        password_hash = await self._passwords.hash(password) if password is not None else None
        now = now_ms()
        link = NewLink(
            new_id(),
            secrets.token_urlsafe(32),
            None if expires_in_days is None else now + expires_in_days * totals.DAY_MS,
        )
        async with self._database.transaction() as transaction:
            active = await repository.add_active_link(transaction, album_id, owner_id)
            if active is None:
                raise NotFound
            await repository.insert(
                transaction,
                link.id,
                album_id,
                owner_id,
                token_hash=_hash(link.token),
                password_hash=password_hash,
                created_ms=now,
                expires_ms=link.expires_ms,
            )
            await totals.apply(
                transaction, owner_id, Change(share_links=1, share_links_active=1, albums_shared=int(active == 1))
            )
        self._recorder.share_link_created()
        if active == 1:
            self._recorder.album_shared()
        return link

    def url(self, token: str) -> str:
        """What an owner gives to visitors."""
        return f"{self._public_url}/share/{token}"

    async def page(self, owner_id: str, album_id: str, cursor: str | None, limit: int) -> dict[str, object]:
        """A page of an album's links (`ShareLinkPage`); raises `NotFound` unless the album is the owner's."""
        rows = await repository.page(self._database, album_id, owner_id, cursor, limit + 1)
        if not rows:
            raise NotFound
        now = now_ms()
        links = [_link_out(row, now) for row in rows if row["id"] is not None]
        return {"items": links[:limit], "next_cursor": links[limit - 1]["id"] if len(links) > limit else None}

    async def revoke(self, owner_id: str, album_id: str, link_id: str) -> None:
        """End a link at once; again is no error; raises `NotFound` for what is not the owner's."""
        now = now_ms()
        async with self._database.transaction() as transaction:
            if not await repository.owned(transaction, link_id, album_id, owner_id):
                raise NotFound
            closed = await self._close(transaction, link_id, now, revoked=True)
            if closed is None:
                await repository.mark_revoked(transaction, link_id, now)
        self._record_closed(closed)

    async def close_expired(self) -> None:
        """Take links that have ended out of the totals, and store the views counted since the last time."""
        now = now_ms()
        while link_ids := await repository.expired(self._database, now, _BATCH):
            for link_id in link_ids:
                async with self._database.transaction() as transaction:
                    closed = await self._close(transaction, link_id, now, revoked=False)
                self._record_closed(closed)
        await self.store_views()

    async def _close(self, transaction: Executor, link_id: str, now: int, *, revoked: bool) -> bool | None:
        """Close an open link: whether its album is no longer shared, or ``None`` where it was closed already."""
        link = await repository.close(transaction, link_id, now, revoked=revoked)
        if link is None:
            return None
        unshared = await repository.remove_active_link(transaction, link["album_id"]) == 0
        await totals.apply(
            transaction, link["owner_id"], Change(share_links_active=-1, albums_shared=-1 if unshared else 0)
        )
        return unshared

    def _record_closed(self, unshared: bool | None) -> None:
        if unshared is not None:
            self._recorder.share_link_closed()
            if unshared:
                self._recorder.album_unshared()

    async def view(self, token: str, password: str | None, cursor: str | None, limit: int) -> dict[str, object]:
        """A page of a shared album (`SharedView`); raises `Refused`."""
        rows = await repository.view(self._database, _hash(token), cursor, limit + 1) if _TOKEN.fullmatch(token) else []
        if not rows:
            raise Refused("invalid", NotFound())
        link = rows[0]
        await self._admit(link, password)
        if cursor is None:
            self._views[link["link_id"]] += 1
        photos = [
            {
                "id": row["id"],
                "content_type": row["content_type"],
                "file_size": row["file_size"],
                "width": row["width"],
                "height": row["height"],
                "title": row["title"],
                "description": row["description"],
            }
            for row in rows
            if row["id"] is not None
        ]
        return {
            "album": {"name": link["album_name"], "description": link["album_description"]},
            "expires_at": None if link["expires_ms"] is None else rfc3339(link["expires_ms"]),
            "items": photos[:limit],
            "next_cursor": photos[limit - 1]["id"] if len(photos) > limit else None,
        }

    async def photo(self, token: str, photo_id: str, password: str | None) -> Row:
        """The row of a shared photo, for its image; its ``id`` is null where the album lacks it; raises `Refused`."""
        row = None
        if _TOKEN.fullmatch(token):
            row = await repository.image(self._database, _hash(token), photo_id, f"p.id, {IMAGE_COLUMNS}")
        if row is None:
            raise Refused("invalid", NotFound())
        await self._admit(row, password)
        return row

    async def _admit(self, link: Row, password: str | None) -> None:
        """Raise `Refused` unless the link is open to whoever sent ``password``."""
        expires_ms = link["expires_ms"]
        if (
            link["revoked_ms"] is not None
            or link["disabled_ms"] is not None
            or (expires_ms is not None and expires_ms <= now_ms())
        ):
            raise Refused("expired", Gone("This link has ended; ask its owner for a new one."))
        stored = link["password_hash"]
        if stored is None:
            return
        if password is None:
            raise Refused(
                "valid", Unauthenticated("This link has a password: send it as X-Share-Password.", scheme=None)
            )
        if not await self._password_opens(link["link_id"], stored, password):
            raise Refused("valid", Unauthenticated("The password is wrong.", scheme=None))

    async def _password_opens(self, link_id: str, stored: str, password: str) -> bool:
        """Check a link's password; once it was right, an album's many images do not each pay for the slow hash.

        Guesses are bounded by link, whoever makes them and on whichever route: visitors who are in stay in.
        """
        key = hmac.digest(stored.encode(), password.encode(), hashlib.sha256)
        now = monotonic()
        if self._opened.get(key, 0.0) > now:
            return True
        minute = int(now // 60)
        if minute != self._wrong_minute:
            self._wrong_minute, self._wrong = minute, Counter()
        if self._wrong[link_id] >= _WRONG_PASSWORDS_PER_MINUTE:
            raise Refused("valid", TooManyRequests("Too many wrong passwords.", headers={"Retry-After": "60"}))
        self._wrong[link_id] += 1  # before the slow hash, so that guesses at once count too
        if not await self._passwords.verify(stored, password):
            return False
        self._wrong[link_id] -= 1
        self._opened[key] = now + _PASSWORD_SECONDS
        if len(self._opened) > _PASSWORDS:
            self._opened.popitem(last=False)
        return True

    @property
    def views_waiting(self) -> int:
        """Views that are counted and not yet stored."""
        return self._views.total()

    async def store_views(self) -> None:
        """Write down the views counted since the last time; one statement a link, not one a view, and by id."""
        if not self._views:
            return
        views, self._views = self._views, Counter()
        try:
            async with self._database.transaction() as transaction:
                for link_id, count in sorted(views.items()):
                    await repository.add_views(transaction, link_id, count)
        except BaseException:
            self._views.update(views)
            raise


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _link_out(row: Row, now: int) -> dict[str, object]:
    expires_ms, revoked_ms = row["expires_ms"], row["revoked_ms"]
    return {
        "id": row["id"],
        "album_id": row["album_id"],
        "created_at": rfc3339(row["created_ms"]),
        "expires_at": None if expires_ms is None else rfc3339(expires_ms),
        "revoked_at": None if revoked_ms is None else rfc3339(revoked_ms),
        "active": revoked_ms is None and (expires_ms is None or expires_ms > now),
        "password_protected": row["password_hash"] is not None,
        "view_count": row["view_count"],
    }
