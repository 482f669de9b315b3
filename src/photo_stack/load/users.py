"""Virtual users and what they know: their accounts, albums, photos and shares; and an errand, one flow of requests.

Everything a user owns is mirrored here, so that each answer can be compared with what was uploaded.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from photo_stack.load.client import Answer, Browser, StepFailed, Wanted
from photo_stack.load.pacing import SAFE_PER_MINUTE, SAFE_UPLOAD_BYTES_PER_HOUR, Budget

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import aiohttp

    from photo_stack.load.counts import Counts
    from photo_stack.load.images import PhotoFile, PicturePool
    from photo_stack.load.pacing import Turn

T = TypeVar("T")

_REVOKED_KEPT: Final = 50
_RENEW_BEFORE_SECONDS: Final = 60.0
_ADDRESS_NETWORKS: Final = 64
_FIRST_USER_NETWORK: Final = 10
_FIRST_ATTACKER_NETWORK: Final = 130


class NothingToDo(Exception):
    """What a flow was chosen for is gone, by another flow of the same moment. Nothing was sent."""


@dataclass(slots=True)
class Photo:
    """An uploaded and confirmed photo; `in_use` counts requests under way, and nothing deletes it meanwhile."""

    id: str
    file: PhotoFile
    etag: str | None = None
    in_use: int = 0


@dataclass(slots=True)
class Share:
    """A share link of an album, with its token and perhaps a password."""

    id: str
    token: str
    password: str | None
    album: Album
    revoked: bool = False
    in_use: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """What a visitor sends along."""
        return {"X-Share-Password": self.password} if self.password is not None else {}


@dataclass(slots=True, eq=False)
class Album:
    """An album, and what is in it."""

    id: str
    photos: list[Photo] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)


@dataclass(slots=True)
class Tokens:
    """What a login or a refresh returned; `renew_at` on `time.monotonic`'s clock."""

    access: str
    refresh: str
    renew_at: float

    @classmethod
    def of(cls, answer: Answer) -> Tokens:
        """Read a login's or refresh's answer."""
        content = answer.json()
        life = float(content["expires_in"])
        return cls(content["access_token"], content["refresh_token"], time.monotonic() + life - _RENEW_BEFORE_SECONDS)


TOKEN_KEYS: Final = ("access_token", "refresh_token", "expires_in", "token_type")


class VirtualUser:
    """One person: an account, an address, and everything uploaded."""

    def __init__(self, run: str, number: int, browser: Browser) -> None:
        """`run` makes e-mail and name unique; `number` counts from 0."""
        self.browser = browser
        self.email = f"load-{run}-{number}@example.com"
        self.username = f"load-{run}-{number}"
        self.password = f"{run}: photographs of user {number}"
        self.id = ""
        self.registered = False
        self.register_unanswered = False
        self.tokens: Tokens | None = None
        self.albums: list[Album] = []
        self.known_photo_ids: set[str] = set()
        self.upload_bytes = Budget(SAFE_UPLOAD_BYTES_PER_HOUR, 3600.0)
        self.requests = {name: Budget(limit) for name, limit in SAFE_PER_MINUTE.items()}
        self.errands = 0
        self.exclusive = False
        self.paused_until = 0.0

    @property
    def photos(self) -> list[Photo]:
        """Every photo, in upload order within each album."""
        return [photo for album in self.albums for photo in album.photos]

    def affords(self, classes: Mapping[str, int]) -> bool:
        """Tell whether so many more requests of each route class stay under the rate limits."""
        now = time.monotonic()
        return all(self.requests[name].allows(now, number) for name, number in classes.items())


def user_address(number: int) -> str:
    """Return the user's source address: 64 /24 networks from 127.0.10.0, then the next host of each."""
    return f"127.0.{_FIRST_USER_NETWORK + number % _ADDRESS_NETWORKS}.{1 + number // _ADDRESS_NETWORKS}"


def attacker_address(number: int) -> str:
    """Return an attacker's source address, in networks that no user has."""
    return f"127.0.{_FIRST_ATTACKER_NETWORK + number % _ADDRESS_NETWORKS}.{1 + number // _ADDRESS_NETWORKS}"


MOST_USERS: Final = 250 * _ADDRESS_NETWORKS
"""As many as there are addresses."""


@dataclass(slots=True)
class World:
    """What all flows of a run share."""

    rng: random.Random
    pool: PicturePool
    counts: Counts
    users: list[VirtualUser]
    live_shares: list[Share] = field(default_factory=list)
    revoked_shares: deque[Share] = field(default_factory=lambda: deque(maxlen=_REVOKED_KEPT))
    kept_bytes: int = 0
    logins: int = 0

    def pick(self, things: Sequence[T]) -> T:
        """Choose one; raises NothingToDo where there is none (any more)."""
        if not things:
            raise NothingToDo
        return self.rng.choice(things)


class Errand:
    """One flow of requests by one user. Each request waits for its slot, and counts against the user's budgets."""

    def __init__(self, world: World, user: VirtualUser, turn: Turn) -> None:
        """`turn` returns when the next request may leave."""
        self.world = world
        self.user = user
        self._turn = turn

    async def send(
        self,
        wanted: Wanted,
        *,
        limit: str = "default",
        bearer: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        body: aiohttp.payload.Payload | None = None,
        needs: Collection[str] = (),
    ) -> Answer:
        """Wait for a slot, then send; `limit` is the route class, `bearer` an access token. See `Browser.send`."""
        await self._slot(limit)
        return await self.user.browser.send(
            wanted, headers=_headers(bearer, headers), json=json, body=body, needs=needs
        )

    async def as_user(self, wanted: Wanted, **options: Any) -> Answer:  # noqa: ANN401 - send's own options
        """Send with the user's access token; without one the flow ends."""
        return await self.send(wanted, bearer=self.access_token(), **options)

    async def download(
        self, wanted: Wanted, photo: Photo, *, bearer: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """Wait for a slot, then fetch and verify an image; remembers its ETag."""
        await self._slot("image")
        answered = await self.user.browser.download(wanted, photo.file.content(), headers=_headers(bearer, headers))
        photo.etag = answered.get("ETag", photo.etag)
        return answered

    def access_token(self) -> str:
        """Return the access token; raises StepFailed when logged out meanwhile."""
        if self.user.tokens is None:
            raise StepFailed
        return self.user.tokens.access

    async def _slot(self, limit: str) -> None:
        await self._turn()
        self.user.requests[limit].spend(time.monotonic())


@contextmanager
def using(*things: Photo | Share) -> Iterator[None]:
    """Keep photos and shares from being deleted or revoked while requests for them are under way."""
    for thing in things:
        thing.in_use += 1
    try:
        yield
    finally:
        for thing in things:
            thing.in_use -= 1


def _headers(bearer: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    return {**(headers or {}), **({"Authorization": f"Bearer {bearer}"} if bearer is not None else {})}
