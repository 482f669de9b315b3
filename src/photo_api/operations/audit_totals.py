"""Totals against tables, in one snapshot: transactions change both together, so that in it they must be equal.

Repairs add the difference that the snapshot showed. What others change meanwhile, they change in tables and totals
alike, so that the difference stays what it was: no table is locked, and none is read twice. Whether an album is shared
is no sum but the sign of one: it is counted anew in the transaction that corrects the album.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from photo_api.business_metrics import totals
from photo_api.business_metrics.models import SHARDS
from photo_api.business_metrics.totals import ACTIVE_DAYS, Change, shard_of, today
from photo_api.database import Database
from photo_api.operations import repository
from photo_api.operations.findings import Findings, Kind
from photo_api.operations.lock import Held
from photo_api.operations.repository import COUNTED
from photo_api.operations.snapshot import Snapshot

REPAIR_BATCH: Final = 100
"""Corrections in one transaction."""
KEPT: Final = 100_000
"""Users and albums that one run repairs; a second run repairs the others."""


@dataclass(slots=True)
class Drift:
    """What to add so that totals and tables agree; users and albums are bounded by `KEPT`."""

    totals: Change = field(default_factory=Change)
    """Summed over the shards: a change may go to any of them."""
    missing_shards: list[int] = field(default_factory=list)
    days: dict[tuple[int, int], int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    albums: dict[str, int] = field(default_factory=dict)
    shared_by_albums: int = 0
    """What of ``totals.albums_shared`` comes of ``albums``, and is made with them."""


async def check(snapshot: Snapshot, findings: Findings) -> Drift:
    """Count everything anew and compare."""
    drift = Drift()
    counted: Counter[str] = Counter()
    days: Counter[tuple[int, int]] = Counter()
    await _count_users(snapshot, findings, drift, counted, days)
    await _count_albums(snapshot, findings, drift, counted)
    await _compare_totals(snapshot, findings, drift, counted)
    await _compare_days(snapshot, findings, drift, days)
    return drift


async def _count_users(
    snapshot: Snapshot,
    findings: Findings,
    drift: Drift,
    counted: Counter[str],
    days: Counter[tuple[int, int]],
) -> None:
    number = photos = 0
    async for user in repository.users(snapshot):
        number += 1
        photos += user["photos"]
        counted.update(users=1, photos=user["photos"], photo_bytes=user["bytes"])
        if user["photo_bytes"] != user["bytes"]:
            findings.add(
                Kind.USER_BYTES,
                f"user {user['id']} is said to have {user['photo_bytes']} bytes, his photos have {user['bytes']}",
            )
            if len(drift.users) < KEPT:
                drift.users[user["id"]] = user["bytes"] - user["photo_bytes"]
        if user["last_active_day"] is not None and user["disabled_ms"] is None:
            days[user["last_active_day"], shard_of(user["id"])] += 1
    findings.checked |= {"users": number, "photos": photos}


async def _count_albums(snapshot: Snapshot, findings: Findings, drift: Drift, counted: Counter[str]) -> None:
    number = links = 0
    async for album in repository.albums(snapshot):
        number += 1
        links += album["links"]
        counted.update(
            albums=1,
            albums_shared=int(album["active"] > 0),
            share_links=album["links"],
            share_links_active=album["active"],
        )
        if album["active_links"] != album["active"]:
            findings.add(
                Kind.ALBUM_LINKS,
                f"album {album['id']} is said to have {album['active_links']} open links, it has {album['active']}",
            )
            if len(drift.albums) < KEPT:
                drift.albums[album["id"]] = album["active"] - album["active_links"]
                drift.shared_by_albums += (album["active"] > 0) - (album["active_links"] > 0)
    findings.checked |= {"albums": number, "share links": links}


async def _compare_totals(snapshot: Snapshot, findings: Findings, drift: Drift, counted: Counter[str]) -> None:
    said: Counter[str] = Counter()
    drift.missing_shards = list(range(SHARDS))
    async for row in repository.totals(snapshot):
        said.update({name: row[name] for name in COUNTED})
        if row["shard"] in drift.missing_shards:
            drift.missing_shards.remove(row["shard"])
    drift.totals = Change(**{name: counted[name] - said[name] for name in COUNTED})
    for name in COUNTED:
        if counted[name] != said[name]:
            findings.add(Kind.TOTAL, f"{name}: the totals say {said[name]}, the tables have {counted[name]}")
    for shard in drift.missing_shards:
        findings.add(Kind.TOTAL, f"the row of shard {shard} is missing")


async def _compare_days(snapshot: Snapshot, findings: Findings, drift: Drift, days: Counter[tuple[int, int]]) -> None:
    first = today() - ACTIVE_DAYS  # days before are pruned, a day later or earlier
    differences = Counter({place: users for place, users in days.items() if place[0] > first})
    has: Counter[int] = Counter()
    for (day, _), users in differences.items():
        has[day] += users
    said: Counter[int] = Counter()
    async for row in repository.active_days(snapshot, first):
        differences[row["day"], row["shard"]] -= row["users"]
        said[row["day"]] += row["users"]
    drift.days = {place: users for place, users in differences.items() if users}
    for day in sorted({day for day, _ in drift.days}):
        where = "" if said[day] != has[day] else ", but not in the shards that these users are in"
        text = f"day {day} (since 1970) is said to have {said[day]} active users, it has {has[day]}{where}"
        findings.add(Kind.ACTIVE_DAY, text)


async def repair(database: Database, drift: Drift, findings: Findings, held: Held) -> None:
    """Add the differences; each transaction is whole, and the last ones are made by the next run if this one ends."""
    sums = replace(drift.totals, albums_shared=drift.totals.albums_shared - drift.shared_by_albums)
    async with database.transaction() as transaction:
        for (day, shard), users in sorted(drift.days.items()):
            await repository.add_to_day(transaction, day, shard, users)
        for shard in drift.missing_shards:
            await repository.add_to_totals(transaction, shard, Change())
        if sums != Change():
            await repository.add_to_totals(transaction, 0, sums)
        await held.confirm()
    for kind in (Kind.TOTAL, Kind.ACTIVE_DAY):
        findings.repaired[kind] = findings.counts[kind]
    items = sorted(drift.users.items())
    for start in range(0, len(items), REPAIR_BATCH):
        batch = items[start : start + REPAIR_BATCH]
        async with database.transaction() as transaction:
            for user_id, photo_bytes in batch:
                await repository.add_to_user(transaction, user_id, photo_bytes)
            await held.confirm()
        findings.repaired[Kind.USER_BYTES] += len(batch)
    for album_id, links in sorted(drift.albums.items()):
        async with database.transaction() as transaction:
            row = await repository.add_to_album(transaction, album_id, links)
            if row is not None:  # else it was deleted, and what it was taken for with it
                shared = (row["active_links"] > 0) - (row["active_links"] - links > 0)
                await totals.apply(transaction, row["owner_id"], Change(albums_shared=shared))
            await held.confirm()
        findings.repaired[Kind.ALBUM_LINKS] += 1
