"""Links kept for reuse: bounded, one maker at a time for each, and given out only while enough of their life is left.

The same link for some seconds lets a browser that shows an album twice use its own copy of what the edge sent.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, NamedTuple

from photo_api.delivery.base import Audience

MOST_LINKS: Final = 10_000
"""About 5 MB."""


class LinkKey(NamedTuple):
    """What a link is good for: a path of the CDN, for whom, and for how many seconds from its making."""

    path: str
    audience: Audience
    seconds: int


class Links:
    """The newest ``limit`` links, least recently used out first."""

    def __init__(
        self,
        make: Callable[[LinkKey], Awaitable[str | None]],
        *,
        patience_seconds: float,
        limit: int = MOST_LINKS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``make`` gives ``None`` where no link can be had now: nothing is kept then, and the next one asks again.

        Nobody waits longer than ``patience_seconds``; a link that comes later is kept for the next one.
        """
        self._make = make
        self._patience_seconds = patience_seconds
        self._limit = limit
        self._clock = clock
        self._kept: OrderedDict[LinkKey, tuple[str, float]] = OrderedDict()
        self._making: dict[LinkKey, asyncio.Task[str | None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: LinkKey) -> str | None:
        """A link with at least half of its life left, or ``None``.

        All who wait for the same one share one making of it; one who leaves leaves the others waiting.
        """
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[1]:
            self._kept.move_to_end(key)
            return kept[0]
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._made(key), name="CDN link")
            making.add_done_callback(lambda _: self._making.pop(key, None))
        done, _ = await asyncio.wait({making}, timeout=self._patience_seconds)  # which cancels nothing
        return making.result() if done and not making.cancelled() else None

    async def _made(self, key: LinkKey) -> str | None:
        asked_at = self._clock()  # its life may have begun as early as that
        link = await self._make(key)
        if link is not None:
            self._kept[key] = (link, asked_at + key.seconds / 2)
            self._kept.move_to_end(key)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return link

    async def close(self) -> None:
        """Give up what is being made, and forget the rest."""
        making = list(self._making.values())
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        self._kept.clear()
