"""The listing of a Swift container, a page at a time; what comes is not believed."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import orjson

from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import MalformedAnswer
from photo_api.storage.swift_client import SwiftContainer

PAGE: Final = 1_000
_UNREADABLE: Final = "The object storage's listing cannot be read."


@dataclass(frozen=True, slots=True)
class Listed:
    """One object: its size in bytes, its etag, and how long ago it was written by Swift's own clock."""

    name: str
    size: int
    etag: str
    age_seconds: float


async def listed(container: SwiftContainer, calls: ExternalCalls, prefix: str) -> AsyncIterator[Listed]:
    """Every object whose name begins with ``prefix``; `MalformedAnswer` for what is no listing, or has no end."""
    marker = ""
    while True:
        params = {"format": "json", "prefix": prefix, "limit": str(PAGE), "marker": marker}
        async with container.request("head", "GET", params=params, expected=(200, 204)) as response:
            page = _read(await calls.read(response), response.headers.get("Date"))
            if page and page[-1].name.encode() <= marker.encode():
                raise MalformedAnswer("The object storage's listing does not go on.")
        for found in page:
            yield found
        if not page:
            return
        marker = page[-1].name


def _read(content: bytes, date: str | None) -> Sequence[Listed]:
    try:
        now = _aware(parsedate_to_datetime(date)) if date else datetime.now(UTC)
        return [
            Listed(
                str(entry["name"]),
                int(entry["bytes"]),
                str(entry["hash"]),
                (now - _aware(datetime.fromisoformat(entry["last_modified"]))).total_seconds(),
            )
            for entry in orjson.loads(content or b"[]")
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedAnswer(_UNREADABLE) from error


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)
