"""A tick of the business totals, on both databases: with few photos, with a million, and of ten instances at once."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.measure import Result
from tests.support.postgresql import new_database, running_postgresql

from photo_api.business_metrics.models import SHARDS
from photo_api.business_metrics.publisher import BusinessMetricsPublisher
from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.database.migrate import migrate
from photo_metrics import Recorder

MOST_MS: Final = 50.0
_TICKS: Final = 200
_BATCH: Final = 50_000
_BUSY: Final = 100
_PHOTO_BYTES: Final = 1_000


class Size(NamedTuple):
    """What a database holds."""

    users: int
    photos: int


FEW: Final = Size(100, 1_000)
MANY: Final = Size(100_000, 1_000_000)
INSTANCES: Final = 10


async def _fill(database: Database, size: Size) -> None:
    """Users with photos, and the totals that they amount to; made in SQL, which both databases understand."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT {0} UNION ALL SELECT i + 1 FROM n WHERE i < {1} - 1) "
    for first in range(0, size.users, _BATCH):
        await database.execute(
            numbers.format(first, min(first + _BATCH, size.users))
            + "INSERT INTO users (id, email, username, password_hash, created_ms, photo_bytes)"
            " SELECT 'u' || i, i || '@example.com', 'user' || i, '-', 0, i FROM n"
        )
    for first in range(0, size.photos, _BATCH):
        await database.execute(
            numbers.format(first, min(first + _BATCH, size.photos))
            + "INSERT INTO photos (id, owner_id, status, object_key, filename, content_type, file_size, created_ms,"
            f" confirmed_ms) SELECT 'p' || i, 'u' || (i % {size.users}), 'ready', 'k' || i, 'a.jpg', 'image/jpeg',"
            f" {_PHOTO_BYTES}, 0, 0 FROM n"
        )
    await database.execute(
        f"UPDATE totals SET users = {size.users // SHARDS}, photos = {size.photos // SHARDS},"
        f" photo_bytes = {size.photos * _PHOTO_BYTES // SHARDS}"
    )


@asynccontextmanager
async def _publisher(url: str, data: Path) -> AsyncIterator[BusinessMetricsPublisher]:
    """One instance's, with as many busy users as it shows."""
    settings = Settings(data_dir=data, database_url=url, database_pool_size=2, database_timeout_seconds=60)
    recorder = Recorder(app="bench", version="0", environment="development", node="bench")
    for number in range(_BUSY):
        recorder.photo_confirmed(f"u{number}", 10**9)
    database = open_database(settings, recorder.database)
    await database.open()
    try:
        yield BusinessMetricsPublisher(settings, database, recorder)
    finally:
        await database.close()


async def _filled(url: str, size: Size) -> None:
    sys.stderr.write(f"  {size.photos:,} photos of {size.users:,} users in {url.partition(':')[0]}\n")
    await asyncio.to_thread(migrate, url)
    database = open_database(Settings(database_url=url, database_timeout_seconds=60))
    await database.open()
    try:
        await _fill(database, size)
    finally:
        await database.close()


async def _timed(*publishers: BusinessMetricsPublisher) -> float:
    """Milliseconds until each has published once, all beginning together."""
    started = time.perf_counter()
    await asyncio.gather(*(publisher.publish() for publisher in publishers))
    return (time.perf_counter() - started) * 1000


async def _ticks(few: str, many: str, data: Path) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of a tick with few and with many photos, in turns, and of all instances' at once."""
    async with AsyncExitStack() as stack:
        small = await stack.enter_async_context(_publisher(few, data))
        large = [await stack.enter_async_context(_publisher(many, data)) for _ in range(INSTANCES)]
        pairs = [(await _timed(small), await _timed(large[0])) for _ in range(_TICKS)]
        together = [await _timed(*large) for _ in range(_TICKS // INSTANCES)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs], together


def _measured(name: str, few: str, many: str, data: Path) -> Result:
    asyncio.run(_filled(few, FEW))
    asyncio.run(_filled(many, MANY))
    small, large, together = asyncio.run(_ticks(few, many, data))
    tick = statistics.quantiles(large, n=100)[98]
    figures: dict[str, float | str] = {
        "time with 1,000,000 photos / with 1,000": round(statistics.median(large) / statistics.median(small), 2),
        "median of a tick, ms": round(statistics.median(large), 2),
        "99th percentile of a tick, ms": round(tick, 2),
        f"median of {INSTANCES} instances' ticks at once, ms": round(statistics.median(together), 2),
    }
    target = f"1,000,000 photos, 100,000 users: under {MOST_MS:g} ms a tick"
    return Result(f"business totals, {name}", target, tick < MOST_MS, figures)


def run(seconds: float) -> list[Result]:
    """Each database after the other; how long it takes follows from filling them, not from ``seconds``."""
    del seconds
    with tempfile.TemporaryDirectory(prefix="photo-api-bench-") as folder:
        data = Path(folder)
        files = f"sqlite:///{data}/few.sqlite3", f"sqlite:///{data}/many.sqlite3"
        results = [_measured("SQLite", *files, data)]
    with running_postgresql() as server, tempfile.TemporaryDirectory(prefix="photo-api-bench-") as folder:
        results.append(_measured("PostgreSQL", new_database(server), new_database(server), Path(folder)))
    return results
