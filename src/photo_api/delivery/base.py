"""What the image routes see of delivery.

The permission was checked before anything here is asked. Policy: a delivery never fails a request; where it cannot make
a link, the image is streamed from storage, and that is counted.
"""

from typing import Literal, Protocol

Audience = Literal["owner", "visitor"]
"""Whose permission a link carries: an account's own, or a share link's."""


class Delivery(Protocol):
    """Decides how the bytes of a sealed object leave."""

    async def open(self) -> None:
        """Make ready; called once, before the first request."""
        ...

    async def close(self) -> None:
        """Release what is held."""
        ...

    async def link(self, object_key: str, audience: Audience) -> str | None:
        """An absolute URL that serves the object for a short while, or ``None``: stream it.

        Whoever has the URL sees the object until it expires; it is nobody's to log.
        """
        ...
