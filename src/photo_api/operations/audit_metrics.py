"""Published totals against the database.

An instance publishes every ``business_metrics_interval_seconds`` and moves its gauges by what it changes itself. So a
gauge is right when it shows a value that the database had since the instance published last: on a service at rest the
first look suffices, else the next publication is waited for.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from photo_api.business_metrics import repository
from photo_api.business_metrics.totals import Change, today
from photo_api.config import ConfigurationError
from photo_api.database import Database
from photo_api.errors import Unavailable
from photo_api.operations.findings import Findings, Kind
from photo_api.operations.repository import COUNTED
from photo_metrics import catalog

POLL_SECONDS: Final = 1.0
_TIMEOUT_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 1024 * 1024

GAUGES: Final[Mapping[str, str]] = {
    f'{catalog.USERS.name}{{status="total"}}': "users",
    f'{catalog.USERS.name}{{status="active"}}': "users_active",
    f'{catalog.ALBUMS.name}{{type="total"}}': "albums",
    f'{catalog.ALBUMS.name}{{type="shared"}}': "albums_shared",
    catalog.PHOTOS.name: "photos",
    f'{catalog.SHARE_LINKS.name}{{status="total"}}': "share_links",
    f'{catalog.SHARE_LINKS.name}{{status="active"}}': "share_links_active",
    catalog.STORAGE_BYTES.name: "photo_bytes",
}
"""Series of the metrics page, and which total each shows."""
_SAMPLE: Final = re.compile(rf"({'|'.join(re.escape(series) for series in GAUGES)}) (\S+)")

Values = dict[str, float]
"""As they are on the page, which may have NaN or +Inf."""


async def expect(url: str) -> None:
    """Read a page once, before anything else is done.

    Raises:
        ConfigurationError: the URL is none.
        Unavailable: the instance cannot be asked.
    """
    async with _pages(url) as page:
        await page()


async def check(
    database: Database, url: str, corrections: Change, findings: Findings, *, longest_seconds: float
) -> None:
    """Compare one instance's page; ``corrections`` is what the totals lack of the tables, if they lack anything.

    Raises:
        Unavailable: the instance cannot be asked.
    """
    async with _pages(url) as page:
        await _compare(database, url, page, corrections, findings, longest_seconds)


async def _compare(
    database: Database,
    url: str,
    page: Callable[[], Awaitable[Values]],
    corrections: Change,
    findings: Findings,
    longest_seconds: float,
) -> None:
    deadline = time.monotonic() + longest_seconds
    seen: dict[str, tuple[int, int]] = {}
    while True:
        await _widen(seen, database, corrections)
        shown = await page()
        await _widen(seen, database, corrections)
        wrong = [
            series
            for series, name in GAUGES.items()
            if series not in shown or not seen[name][0] <= shown[series] <= seen[name][1]
        ]
        if not wrong or time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
    findings.checked["published totals"] = findings.checked.get("published totals", 0) + len(GAUGES)
    for series in wrong:
        low, high = seen[GAUGES[series]]
        has = str(low) if low == high else f"{low} to {high}"
        shows = f"{shown[series]:.15g}" if series in shown else "not at all"
        findings.add(Kind.METRIC, f"{url} shows {series} {shows}, the database has {has}")


async def _widen(seen: dict[str, tuple[int, int]], database: Database, corrections: Change) -> None:
    """Note what the database has now among what it had since the start."""
    totals = await repository.read_totals(database)
    now = {name: getattr(totals, name) + getattr(corrections, name) for name in COUNTED}
    now["users_active"] = await repository.active_users(database, today())
    for name, value in now.items():
        low, high = seen.get(name, (value, value))
        seen[name] = min(low, value), max(high, value)


@asynccontextmanager
async def _pages(url: str) -> AsyncIterator[Callable[[], Awaitable[Values]]]:
    """A function that reads the page once."""
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"--metrics: {url} is no URL; give an instance's, such as http://127.0.0.1:9101")
    page_url = url if url.endswith("/metrics") else url.rstrip("/") + "/metrics"
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def page() -> Values:
            try:
                async with session.get(page_url) as answer:
                    if answer.status != 200:
                        raise Unavailable(f"--metrics: {url} answered {answer.status}, not 200; name a metrics port")
                    body = bytearray()
                    async for piece in answer.content.iter_any():
                        body += piece
                        if len(body) > _MOST_BYTES:
                            raise Unavailable(f"--metrics: {url} is no metrics page; name a metrics port")
            except (aiohttp.ClientError, TimeoutError) as error:
                said = str(error) or type(error).__name__
                raise Unavailable(f"--metrics: {url} cannot be read ({said}); name a running instance") from error
            found = (_SAMPLE.fullmatch(line) for line in body.decode(errors="replace").splitlines())
            try:
                return {match[1]: float(match[2]) for match in found if match}
            except ValueError as error:
                raise Unavailable(f"--metrics: {url} is no metrics page ({error}); name a metrics port") from None

        yield page
