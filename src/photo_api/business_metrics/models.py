"""Tables of the business totals, kept up to date by the transactions that change them.

Each total is the sum over `SHARDS` rows, so that many users' changes do not queue behind one row's lock: a change goes
to the row of its user's id, or to another that is free (`totals.free_shard`).
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, Table

from photo_api.database.schema import metadata

SHARDS: Final = 16

_COUNTED: Final = ("users", "albums", "albums_shared", "photos", "photo_bytes", "share_links", "share_links_active")

totals = Table(
    "totals",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in _COUNTED),
)

active_user_days = Table(
    "active_user_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),  # days since 1970, UTC
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("users", BigInteger, nullable=False, server_default="0"),  # whose last login was on that day
)
