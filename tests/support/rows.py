"""What a database holds, to see that nothing was stored."""

from photo_api.database import Database

TABLES = ("users", "refresh_tokens", "albums", "album_photos", "photos", "share_links", "object_deletions")


async def row_counts(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    counts = {}
    for table in TABLES:
        row = await database.fetch_one(f"SELECT count(*) FROM {table}")  # noqa: S608 - one of the constants above
        assert row is not None
        counts[table] = int(row[0])
    return counts
