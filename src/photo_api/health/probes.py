"""Whether a shared dependency answers, asked every few seconds beside the requests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress


class Probe:
    """Asks one dependency; at most one question is open at a time, however long the answer takes.

    Policy: an answer that takes longer than ``timeout_seconds`` is a failure; the question stays open, and until it is
    answered no other is asked, so that a dependency that hangs holds one connection or thread and no more.
    """

    def __init__(self, ask: Callable[[], Awaitable[object]], timeout_seconds: float) -> None:
        self._ask = ask
        self._timeout_seconds = timeout_seconds
        self._open: asyncio.Task[None] | None = None

    async def answers(self) -> bool:
        """Whether the dependency answered in time; whatever exception it answers with is a no."""
        if self._open is None:
            self._open = asyncio.create_task(self._question())
        done, _ = await asyncio.wait({self._open}, timeout=self._timeout_seconds)
        if not done:
            return False
        answered, self._open = self._open, None
        return answered.exception() is None

    async def close(self) -> None:
        """Give up an open question."""
        if self._open is not None:
            self._open.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._open
            self._open = None

    async def _question(self) -> None:
        await self._ask()
