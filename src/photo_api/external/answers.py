"""Reading answers that should be small."""

from typing import Final

import aiohttp

from photo_api.external.errors import ServiceAway

MAX_BYTES: Final = 4 * 1024 * 1024


async def read_answer(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; `ServiceAway` beyond 4 MiB, for no such answer is one of the service that we know."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_BYTES:
            raise ServiceAway(f"The service's answer is beyond {MAX_BYTES} bytes.", answered=response.status)
    return bytes(body)
