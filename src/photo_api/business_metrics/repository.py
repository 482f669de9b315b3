"""Reading the business totals in O(1): sums over the shards, never over what they count."""

from collections.abc import Sequence

from photo_api.business_metrics.totals import ACTIVE_DAYS, LARGEST_USERS, Change
from photo_api.database import Executor

_TOTALS = (
    "SELECT SUM(users) AS users, SUM(albums) AS albums, SUM(albums_shared) AS albums_shared, SUM(photos) AS photos,"
    " SUM(photo_bytes) AS photo_bytes, SUM(share_links) AS share_links, SUM(share_links_active) AS share_links_active"
    " FROM totals"
)
LARGEST = "SELECT id, photo_bytes FROM users WHERE photo_bytes > 0 ORDER BY photo_bytes DESC LIMIT $1"


async def read_totals(executor: Executor) -> Change:
    """The totals, as a change from nothing."""
    row = await executor.fetch_one(_TOTALS)
    if row is None:
        return Change()
    return Change(**{name: int(row[name] or 0) for name in row.keys()})  # noqa: SIM118 - a row's keys, not its values


async def active_users(executor: Executor, day: int) -> int:
    """Users who are not disabled and whose last login was within `ACTIVE_DAYS` days, ``day`` the last of them."""
    row = await executor.fetch_one(
        "SELECT SUM(users) AS users FROM active_user_days WHERE day > $1 AND day <= $2", day - ACTIVE_DAYS, day
    )
    return 0 if row is None else int(row["users"] or 0)


async def largest_users(executor: Executor) -> list[tuple[str, int]]:
    """(user id, bytes) of the `LARGEST_USERS` users with the most, the largest first; read from their index."""
    rows = await executor.fetch_all(LARGEST, LARGEST_USERS)
    return [(row["id"], row["photo_bytes"]) for row in rows]


async def bytes_of(executor: Executor, user_ids: Sequence[str]) -> list[tuple[str, int]]:
    """(user id, bytes) of the given users, as far as they exist."""
    if not user_ids:
        return []
    places = ", ".join(f"${number}" for number in range(1, len(user_ids) + 1))
    rows = await executor.fetch_all(f"SELECT id, photo_bytes FROM users WHERE id IN ({places})", *user_ids)
    return [(row["id"], row["photo_bytes"]) for row in rows]


async def prune_active_days(executor: Executor, day: int) -> int:
    """Delete the days that have left the window which ends with ``day``; how many rows that were."""
    return await executor.execute("DELETE FROM active_user_days WHERE day <= $1", day - ACTIVE_DAYS)
