"""Who does what next: people's mix of flows, chosen for each free slot.

The mix keeps the guide's alerts silent: image views and lists dominate, uploads are completed, logins rarely fail,
every user stays under two thirds of each rate limit, and what is kept is bounded, so that storage stops growing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from photo_stack.load import owning, viewing
from photo_stack.load.client import StepFailed
from photo_stack.load.images import LARGEST_BYTES
from photo_stack.load.users import Errand, NothingToDo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from photo_stack.load.pacing import Flow, Turn
    from photo_stack.load.users import VirtualUser, World

_MOST_PHOTOS: Final = 30
_MOST_ALBUMS: Final = 4
_MOST_SHARES: Final = 3
_MOST_KEPT_BYTES: Final = 1_000_000_000
_CANDIDATES: Final = 8
_FAILURE_PAUSE_SECONDS: Final = 1.0


class Scenario(Protocol):
    """Names the next flow whenever a slot is free."""

    def next_flow(self) -> Flow | None:
        """Return a coroutine function that takes the flow's `turn`, or None to leave the slot unused."""
        ...


@dataclass(frozen=True, slots=True)
class Action:
    """A flow, how often it is chosen, what it spends at most, and when it makes sense."""

    run: Callable[[Errand], Awaitable[None]]
    weight: float
    spends: Mapping[str, int]
    possible: Callable[[World, VirtualUser], bool] = field(default=lambda _world, _user: True)
    exclusive: bool = False
    """Runs only while the user does nothing else, since it changes the user's tokens."""


def _has_photos(_: World, user: VirtualUser) -> bool:
    return any(album.photos for album in user.albums)


def _may_upload(world: World, user: VirtualUser) -> bool:
    return (
        bool(user.albums)
        and len(user.photos) < _MOST_PHOTOS
        and world.kept_bytes < _MOST_KEPT_BYTES
        and user.upload_bytes.allows(time.monotonic(), LARGEST_BYTES)
    )


def _live_shares(user: VirtualUser) -> int:
    return sum(not share.revoked for album in user.albums for share in album.shares)


REGISTER: Final = Action(owning.register, 0, {"auth": 1}, exclusive=True)
LOG_IN: Final = Action(owning.log_in, 0, {"auth": 2}, exclusive=True)
REFRESH: Final = Action(owning.refresh, 1, {"auth": 1}, exclusive=True)
CREATE_ALBUM: Final = Action(
    owning.create_album, 0.5, {"default": 1}, lambda _world, user: len(user.albums) < _MOST_ALBUMS
)
UPLOAD: Final = Action(owning.upload, 1.5, {"default": 3}, _may_upload)

MIX: Final[tuple[Action, ...]] = (
    Action(viewing.view_image, 40, {"image": 1}, _has_photos),
    Action(viewing.browse, 14, {"default": 2, "image": 1}),
    Action(viewing.view_photo, 12, {"default": 1}, _has_photos),
    Action(viewing.list_albums, 8, {"default": 2}),
    Action(viewing.visit_share, 7, {"share": 1, "image": 3}, lambda world, _user: bool(world.live_shares)),
    Action(viewing.view_me, 3, {"auth": 1, "default": 1}),
    UPLOAD,
    Action(owning.upload_direct, 0.3, {"default": 1}, _may_upload),
    Action(owning.edit_photo, 1, {"default": 1}, _has_photos),
    Action(owning.arrange_album, 0.4, {"default": 5}, _has_photos),
    Action(owning.set_cover, 0.5, {"default": 1}, _has_photos),
    Action(
        owning.delete_photo,
        1.5,
        {"default": 1},
        lambda world, user: len(user.photos) > _MOST_PHOTOS // 2 or full(world),
    ),
    CREATE_ALBUM,
    Action(
        owning.share_album,
        1,
        {"default": 1},
        lambda world, user: _has_photos(world, user) and _live_shares(user) < _MOST_SHARES,
    ),
    Action(owning.list_shares, 1, {"default": 1}, lambda _world, user: bool(user.albums)),
    Action(owning.revoke_share, 0.4, {"default": 1}, lambda _world, user: _live_shares(user) > 1),
    Action(
        viewing.visit_revoked_share,
        0.2,
        {"share": 1},
        lambda world, _user: bool(world.revoked_shares),
    ),
    REFRESH,
    Action(owning.log_out, 0.5, {"auth": 1}, exclusive=True),
)


def full(world: World) -> bool:
    """Tell whether the run keeps as many bytes as it may."""
    return world.kept_bytes >= _MOST_KEPT_BYTES


class People:
    """The normal scenario. Users join one after another over the first part of the run."""

    def __init__(self, world: World, joins_per_second: float) -> None:
        """The first user joins at once."""
        self._world = world
        self._joins_per_second = joins_per_second
        self._started = time.monotonic()

    def next_flow(self) -> Flow | None:
        """Choose a user who is free and something that this user can do now."""
        world = self._world
        now = time.monotonic()
        joined = 1 + int((now - self._started) * self._joins_per_second)
        users = world.users[:joined]
        for _ in range(_CANDIDATES):
            user = world.rng.choice(users)
            if user.exclusive or now < user.paused_until:
                continue
            action = self._action(user, now)
            if action is not None:
                return self._flow(user, action)
        return None

    def _action(self, user: VirtualUser, now: float) -> Action | None:
        due = _due(user, now)
        if due is not None:
            return due if user.errands == 0 and user.affords(due.spends) else None
        if user.albums and len(user.photos) < 2 and user.errands == 0 and _may_upload(self._world, user):
            return UPLOAD
        possible = [
            action
            for action in MIX
            if not (action.exclusive and user.errands)
            and action.possible(self._world, user)
            and user.affords(action.spends)
        ]
        if not possible:
            return None
        return self._world.rng.choices(possible, weights=[action.weight for action in possible])[0]

    def _flow(self, user: VirtualUser, action: Action) -> Flow:
        # Taken now, not when the task starts: the next slot's choice must see it.
        user.errands += 1
        user.exclusive = user.exclusive or action.exclusive

        async def flow(turn: Turn) -> None:
            try:
                await action.run(Errand(self._world, user, turn))
            except NothingToDo:
                return
            except StepFailed as failure:
                pause(user, failure)
            finally:
                user.errands -= 1
                if action.exclusive:
                    user.exclusive = False

        return flow


def pause(user: VirtualUser, failure: StepFailed) -> None:
    """Let a user whose step failed wait a little, as told by a 429; a 401 means that the tokens are worth nothing."""
    if failure.status == 401:
        user.tokens = None
    user.paused_until = time.monotonic() + max(_FAILURE_PAUSE_SECONDS, failure.retry_after)


def _due(user: VirtualUser, now: float) -> Action | None:
    """Return what a user must do before anything else."""
    if not user.registered:
        return REGISTER
    if user.tokens is None:
        return LOG_IN
    if now >= user.tokens.renew_at:
        return REFRESH
    if not user.albums:
        return CREATE_ALBUM
    return None
