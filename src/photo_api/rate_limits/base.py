"""What the limiter sees of whoever counts requests, and what a sliding window counter tells of one.

The last minute's requests are interpolated: those of the minute before count by the part of it that the last 60 seconds
still cover. All backends count so, and share the arithmetic here.
"""

import math
from typing import Final, NamedTuple, Protocol, Self

from limits import RateLimitItem

_ROUNDING: Final = 0.001  # seconds: who waits as told must not come a rounding error too early


class Decision(NamedTuple):
    """What the limiter says of one request."""

    allowed: bool
    limit: int
    """Requests a minute."""
    remaining: int
    """Requests that could follow at once."""
    reset_seconds: int
    """Until another request is allowed where none remains, else until this window ends; at least 1."""

    @classmethod
    def of(cls, item: RateLimitItem, *, allowed: bool, before: int, count: int, left: float) -> Self:
        """From the counts, this request's included, of the window before and of this one; ``left`` is in seconds."""
        seconds = item.get_expiry()
        remaining = max(0, item.amount - int(before * left / seconds + count))
        wait = left
        if not remaining and count < item.amount:  # a request fits as soon as enough of the window before has left
            wait = max(0.0, left - (item.amount - count) * seconds / before)
        return cls(allowed, item.amount, remaining, math.floor(wait + _ROUNDING) + 1)


class RateLimitBackend(Protocol):
    """Counts requests, here or elsewhere."""

    async def open(self) -> None:
        """Connect; never fails because the backend is away."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...

    async def hit(self, item: RateLimitItem, key: str) -> Decision:
        """Count a request of ``key`` unless it passes the limit ``item``; always answers."""
        ...

    async def ping(self) -> None:
        """Check that requests are counted for all instances that should be; raises `Unavailable`."""
        ...
