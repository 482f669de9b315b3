"""Identifiers and the clock of the service.

Ids are UUIDv7 in text form (RFC 9562): their order is the order of creation, so a list's cursor is an id.
"""

import time
from datetime import UTC, datetime
from typing import Final

from uuid_utils import uuid7

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
NEWEST: Final = "ffffffff-ffff-7fff-bfff-ffffffffffff"
"""The last UUIDv7 there is: as a cursor, where the first page of a list that begins with the newest starts."""


def new_id() -> str:
    """A new UUIDv7, 36 characters."""
    return str(uuid7())


def now_ms() -> int:
    """Unix time in milliseconds, as all ``*_ms`` columns hold it."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """Milliseconds of Unix time → ``2026-11-23T02:34:47.123Z`` (RFC 3339, UTC)."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
