"""From settings to a result: the service is there, pictures are ready, users have browsers, the run runs."""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import signal
import threading
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from photo_stack.errors import NotRunning
from photo_stack.load.attack import Attack, AttackSetupFailed, Crowd, check_victims, make_crowd, set_up
from photo_stack.load.client import Browser
from photo_stack.load.counts import Counts
from photo_stack.load.images import make_pool
from photo_stack.load.runner import Run
from photo_stack.load.scenarios import People
from photo_stack.load.target import TargetError
from photo_stack.load.users import VirtualUser, World, user_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yarl import URL

    from photo_stack.load.images import PicturePool
    from photo_stack.load.progress import Progress

_RATE_PER_USER: Final = 1.0
_MOST_RATE_PER_USER: Final = 4.0
"""More would pass what `SAFE_PER_MINUTE` lets one user send in the usual mix."""
_FEWEST_USERS: Final = 4
_VICTIMS: Final = 2
_JOINING: Final = 0.2
"""Part of the run in which users join; faster than 0.5 and slower than 10 a second never."""
_PROBE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What to send where: `rate` in requests a second for `seconds`; `users` None for as many as the rate needs."""

    target: URL
    rate: float
    seconds: float
    seed: int
    users: int | None
    attack: bool
    pictures: Path
    pool_size: int = 32

    @property
    def user_count(self) -> int:
        """How many virtual users take part; raises TargetError where too few to stay under the rate limits."""
        if self.attack:
            return _VICTIMS
        number = self.users or max(_FEWEST_USERS, math.ceil(self.rate / _RATE_PER_USER))
        if self.rate > number * _MOST_RATE_PER_USER:
            fewest = math.ceil(self.rate / _MOST_RATE_PER_USER)
            raise TargetError(
                f"--users {number}: at {self.rate:g} rps they would be rate limited; give {fewest} or more"
            )
        return number


async def run_load(settings: LoadSettings, progress: Progress) -> dict[str, Any]:
    """Run to the end, or to Ctrl-C, and return the result as plain values.

    Raises:
        NotRunning: nothing answers at the target.
        TargetError: too few users for the rate.
        OSError: pictures cannot be kept.
    """
    number = settings.user_count
    await _probe(settings.target)
    pool = await _pictures(settings, progress)
    # Accounts are the run's own, so that a second run with the same seed registers anew.
    run_id = secrets.token_hex(4)
    counts = Counts()
    users = [
        VirtualUser(run_id, index, Browser(settings.target, user_address(index), counts)) for index in range(number)
    ]
    rng = random.Random(settings.seed)  # noqa: S311 - traffic that can be repeated, not secrets
    world = World(rng, pool, counts, users)
    crowd = make_crowd(run_id, settings.target, users, world) if settings.attack else None
    started = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        for user in users if crowd is None else crowd.everyone:
            await stack.enter_async_context(user.browser)
        summary = await _run(settings, world, crowd, progress)
    return {
        "kind": "attack" if settings.attack else "people",
        "run": run_id,
        "target": str(settings.target),
        "started_at": started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seed": settings.seed,
        "users": number if crowd is None else len(crowd.everyone),
        "requested": {"rps": settings.rate, "seconds": settings.seconds},
        "pacing": summary,
        **counts.as_json(),
    }


class _Abandoned(Exception):
    """Nobody waits for the pictures any more."""


async def _pictures(settings: LoadSettings, progress: Progress) -> PicturePool:
    """Make the pool in threads; Ctrl-C ends that after the pictures under way."""
    unwanted = threading.Event()

    def done(ready: int, wanted: int) -> None:
        if unwanted.is_set():
            raise _Abandoned
        progress.pictures(ready, wanted)

    try:
        return await asyncio.to_thread(
            make_pool, settings.seed, size=settings.pool_size, cache=settings.pictures, done=done
        )
    finally:
        unwanted.set()


async def _run(settings: LoadSettings, world: World, crowd: Crowd | None, progress: Progress) -> dict[str, Any]:
    if crowd is None:
        joining = len(world.users) / max(1.0, _JOINING * settings.seconds)
        run = Run(People(world, min(10.0, max(0.5, joining))), settings.rate, settings.seconds)
    else:
        run = Run(Attack(world, crowd), settings.rate, settings.seconds)
    with _signals(run):
        if crowd is not None:
            try:
                await set_up(world, crowd)
            except AttackSetupFailed:
                return run.summary.as_json()
        summary = await run.run(lambda: progress.update(world.counts, settings.rate, settings.seconds))
        if crowd is not None:
            await check_victims(world, crowd)
    return summary.as_json()


async def _probe(target: URL) -> None:
    """Ask /health once, so that a target that is not there is one line and not a thousand counted errors."""
    timeout = aiohttp.ClientTimeout(total=_PROBE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(target.with_path("/health"), allow_redirects=False),
        ):
            return
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else "connection refused or broken"
        raise NotRunning(f"{target}: {reason}; start the stack with `photo-stack up`, or give --url") from None


@contextmanager
def _signals(run: Run) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run early instead of the process."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, run.interrupt)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
