"""Reading a request's body as it comes: never buffered, never waited for without end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect, Request

from photo_api.errors import MalformedRequest, TooLarge

IDLE_SECONDS: Final = 30.0
"""How long a client may send nothing."""
TOTAL_SECONDS: Final = 3_600.0
"""How long a body may take altogether."""


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """The body's chunks.

    Raises:
        MalformedRequest: the connection ended before the body did, or the body stopped arriving.
    """
    stream = request.stream()
    clock = asyncio.get_running_loop().time
    deadline = clock() + TOTAL_SECONDS
    while True:
        try:
            async with asyncio.timeout(min(IDLE_SECONDS, deadline - clock())):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise MalformedRequest("The body stopped arriving; send it again.") from None
        except ClientDisconnect:
            raise MalformedRequest("The connection ended before the body did.") from None
        if chunk is None:
            return
        if chunk:
            yield chunk


async def exactly(chunks: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """``chunks``, refused where they are not ``size`` bytes altogether."""
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > size:
            break
        yield chunk
    if received != size:
        raise MalformedRequest("The body does not have the length that Content-Length says.")


async def at_most(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """``chunks``, refused beyond ``limit`` bytes altogether (`TooLarge`)."""
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise TooLarge(f"At most {limit} bytes are accepted.")
        yield chunk


async def gathered(chunks: AsyncIterator[bytes], piece_bytes: int) -> AsyncIterator[list[bytes]]:
    """Chunks of any size, gathered to at least ``piece_bytes`` each time but the last."""
    waiting: list[bytes] = []
    size = 0
    async for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= piece_bytes:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting
