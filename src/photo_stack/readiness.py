"""Whether a server works: by HTTP, or in the words of PostgreSQL and Redis, without a password."""

import asyncio
import struct
from typing import Final
from urllib.parse import SplitResult, urlsplit

import aiohttp

SECONDS: Final = 2.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=SECONDS)
_PROTOCOL_3: Final = 196_608


async def answers(http: aiohttp.ClientSession, url: str) -> bool:
    """Within two seconds ``http://…`` answers 200; ``postgresql://user@…/database``, ``redis://…`` let one log in."""
    parts = urlsplit(url)
    try:
        if parts.scheme in _ASKED:
            async with asyncio.timeout(SECONDS):
                return await _ASKED[parts.scheme](parts)
        async with http.get(url, timeout=_TIMEOUT, allow_redirects=False) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError, EOFError):
        return False


async def _postgresql(server: SplitResult) -> bool:
    """As pg_isready: an "R" asks for a password, an "E" refuses, as while it starts (protocol 3.0, "Start-up")."""
    names = f"user\0{server.username}\0database\0{server.path.strip('/')}\0\0".encode()
    startup = struct.pack("!ii", len(names) + 8, _PROTOCOL_3) + names
    return await _asked(server, startup, 1) == b"R"


async def _redis(server: SplitResult) -> bool:
    """It knows PING, or wants a password first; while it loads it says ``-LOADING``."""
    return await _asked(server, b"PING\r\n", 5) in {b"+PONG", b"-NOAU"}


async def _asked(server: SplitResult, question: bytes, length: int) -> bytes:
    reader, writer = await asyncio.open_connection(server.hostname, server.port)
    try:
        writer.write(question)
        return await reader.readexactly(length)
    finally:
        writer.close()


_ASKED: Final = {"postgresql": _postgresql, "redis": _redis}
