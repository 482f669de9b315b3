"""Bodies that are sent to another service: in pieces, so that a peer that stops reading is noticed."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from photo_metrics import ExternalRequest

PIECE: Final = 64 * 1024


class SentBody:
    """A body on its way; each piece that the service takes moves the deadline on.

    While the source itself is waited for (a client that uploads through us) there is no deadline, and the time counts
    as nobody's. ``error`` is what the source raised: no fault of the service, whatever the HTTP client makes of it.
    """

    def __init__(
        self,
        data: bytes | AsyncIterable[bytes],
        deadline: asyncio.Timeout,
        seconds: float,
        measured: ExternalRequest,
    ) -> None:
        self._data = data
        self._deadline: asyncio.Timeout | None = deadline
        self._seconds = seconds
        self._measured = measured
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces, as fast as they are taken."""
        if isinstance(self._data, bytes):
            for start in range(0, len(self._data), PIECE):
                self._allow(self._seconds)
                yield self._data[start : start + PIECE]
        else:
            source = aiter(self._data)
            while (piece := await self._next(source)) is not None:
                yield piece
        self._allow(self._seconds)

    def answered(self) -> None:
        """The answer has begun: its deadline is another's from now on."""
        self._deadline = None

    async def _next(self, source: AsyncIterator[bytes]) -> bytes | None:
        self._allow(None)
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            return await anext(source, None)
        except Exception as error:
            self.error = error
            raise
        finally:
            self._measured.not_counted(loop.time() - asked)
            self._allow(self._seconds)

    def _allow(self, seconds: float | None) -> None:
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)
