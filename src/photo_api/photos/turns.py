"""Turns at a scarce resource: few at once, a bounded wait, and no one's many in front of another's first."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class AllPlacesTaken(Exception):
    """So many wait that whoever comes now would wait too long."""


class ShareTaken(Exception):
    """Of the places, this one has as many as he may: those who have none yet still find one."""


class Turns:
    """Gives turns to keys (users), round robin: a key with one request waits for at most one of each other key.

    Of ``places`` (requests that prepare, wait or have their turn) a key may take no more than it leaves free: half when
    it is alone, a quarter beside one that has half (dynamic thresholds, Choudhury and Hahne 1998).
    """

    def __init__(self, at_once: int, places: int) -> None:
        self._free = at_once
        self._places = places
        self._taken: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @contextmanager
    def place(self, key: str) -> Iterator[None]:
        """Have a place until the block ends; within it, wait for a `turn`.

        Raises:
            AllPlacesTaken, ShareTaken: there is none for this key.
        """
        left = self._places - self._taken.total()
        if left <= 0:
            raise AllPlacesTaken
        if self._taken[key] >= left:
            raise ShareTaken
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Who has a place waits for a turn, and has it until the block ends."""
        await self._begin(key)
        try:
            yield
        finally:
            self._next()

    async def _begin(self, key: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came at the same moment: then it is the next one's
                self._next()
            elif (queue := self._waiting.get(key)) and turn in queue:
                queue.remove(turn)
                if not queue:
                    del self._waiting[key]
            raise

    def _next(self) -> None:
        """Hand a turn on, or keep it for who comes."""
        while self._waiting:
            key, queue = next(iter(self._waiting.items()))
            turn = queue.popleft()
            if queue:
                self._waiting.move_to_end(key)
            else:
                del self._waiting[key]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
