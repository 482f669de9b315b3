"""Publishing the business totals, with few photos and with a million."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.measure import Result

from photo_api.business_metrics.publisher import BusinessMetricsPublisher
from photo_api.config import Settings
from photo_api.database import open_database
from photo_api.database.migrate import migrate
from photo_metrics import Recorder

_USERS = 1_000


def _fill(path: Path, photos: int) -> None:
    """``photos`` photos of a thousand users, made in SQL, with the totals that they amount to."""
    connection = sqlite3.connect(path)
    with connection:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {} - 1)"
        connection.execute(
            numbers.format(_USERS) + " INSERT INTO users (id, email, username, password_hash, created_ms, photo_bytes)"
            " SELECT 'u' || i, i || '@example.com', 'user' || i, '-', 0, i * 1000 FROM n"
        )
        connection.execute(
            numbers.format(photos) + " INSERT INTO photos (id, owner_id, status, object_key, filename, content_type,"
            f" file_size, created_ms, confirmed_ms) SELECT 'p' || i, 'u' || (i % {_USERS}), 'ready', 'k' || i, 'a.jpg',"
            " 'image/jpeg', 1000, 0, 0 FROM n"
        )
        connection.execute("UPDATE totals SET photos = ? / 16, photo_bytes = ? * 1000 / 16", (photos, photos))
        connection.execute("UPDATE totals SET users = ? / 16", (_USERS,))
    connection.close()


@asynccontextmanager
async def _publisher(photos: int) -> AsyncIterator[BusinessMetricsPublisher]:
    """A publisher on a database with so many photos."""
    with tempfile.TemporaryDirectory(prefix="photo-api-bench-") as data:
        settings = Settings(data_dir=Path(data))
        migrate(settings.resolved_database_url)
        _fill(Path(data) / "photo-api.sqlite3", photos)
        recorder = Recorder(app="bench", version="0", environment="development", node="bench")
        database = open_database(settings, recorder.database)
        await database.open()
        try:
            yield BusinessMetricsPublisher(settings, database, recorder)
        finally:
            await database.close()


async def _medians() -> list[float]:
    """Median seconds of one publication with few and with many photos, published in turns."""
    async with _publisher(1_000) as few, _publisher(1_000_000) as many:
        times: list[list[float]] = [[], []]
        for _ in range(300):
            for publisher, taken in zip((few, many), times, strict=True):
                started = time.perf_counter()
                await publisher.publish()
                taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


def run(seconds: float) -> list[Result]:
    """Both in turns; how long it takes follows from filling the database, not from ``seconds``."""
    del seconds
    few, many = asyncio.run(_medians())
    ratio = many / few
    figures: dict[str, float | str] = {"time with 1,000,000 photos / with 1,000": round(ratio, 2)}
    return [Result("business totals", "as fast with 1,000,000 photos as with 1,000 (under 1.2)", ratio < 1.2, figures)]
