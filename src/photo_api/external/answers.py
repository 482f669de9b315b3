"""Reading answers that should be small, and end soon."""

import asyncio
from typing import Final

import aiohttp

from photo_api.external.errors import MalformedAnswer, ServiceAway

MAX_BYTES: Final = 4 * 1024 * 1024
"""A page of 1,000 objects, the largest that is asked for, has a tenth of it."""


async def read_answer(response: aiohttp.ClientResponse, name: str, seconds: float, max_bytes: int = MAX_BYTES) -> bytes:
    """The whole body of an answer of the service ``name``.

    Raises:
        MalformedAnswer: it is beyond ``max_bytes``; what was read is thrown away.
        ServiceAway: it did not end within ``seconds``, though something may have come all the time.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > max_bytes:
                    problem = f"The {name}'s answer cannot be read: it is beyond {max_bytes} bytes."
                    raise MalformedAnswer(problem, answered=response.status)
    except TimeoutError:
        raise ServiceAway(f"The {name} did not end its answer within {seconds:g} s.", timed_out=True) from None
    return bytes(body)
