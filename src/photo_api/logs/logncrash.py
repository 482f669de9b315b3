"""NHN Log & Crash Search as the place where log records go.

Policy: see `photo_api.logs.sink`. What the service refuses by entry is sent again by entry, though the answer's header
says success; what it can never take (no JSON, beyond 8 MB) is refused here already. Nothing in this module logs: the
queue says what happened, on standard output alone. Records may arrive twice, if an answer was lost.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import orjson
from yarl import URL

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Unavailable
from photo_api.external.answers import read_answer
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import ServiceAway
from photo_api.logs.logncrash_fields import LogFields
from photo_api.logs.sink import LogSinkUnavailable, Sent
from photo_metrics import Recorder

MAX_BULK_BYTES: Final = 52_000_000
MAX_BULK_ENTRIES: Final = 1_000
_KNOWN_SECONDS: Final = 60.0
_LONGEST_REASON: Final = 200


class _Entry(NamedTuple):
    position: int
    line: bytes


class BulkRefused(ServiceAway):
    """The service answered, and took nothing of a bulk."""


class LogNCrashSink:
    """Sends bulks to the collector's API, v2.

    A bulk that is refused as a whole makes the next ones smaller by half, until a single entry is alone to blame; each
    success doubles them again. So neither one bad entry nor a bad quarter of an hour costs more than it must.
    """

    def __init__(self, settings: Settings, recorder: Recorder, *, max_bulk_bytes: int = MAX_BULK_BYTES) -> None:
        if settings.logncrash_app_key is None:
            raise ConfigurationError("PHOTO_API_LOGNCRASH_APP_KEY: must be set where LOG_SERVICE is logncrash")
        self._app_key = settings.logncrash_app_key.get_secret_value()
        self._host = URL(settings.logncrash_url + "/")
        self._timeout_seconds = settings.logncrash_timeout_seconds
        self._calls = ExternalCalls(
            "log_service", settings, recorder, timeout_seconds=self._timeout_seconds, connections=2
        )
        self._fields = LogFields(self._app_key, version=version("photo-api"), source=settings.environment.value)
        self._max_bulk_bytes = max_bulk_bytes
        self._at_most = MAX_BULK_ENTRIES
        self._trouble = ""
        self._settled_at = -math.inf

    async def open(self) -> None:
        """Make ready; nothing is sent yet."""
        await self._calls.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def send(self, records: Sequence[bytes]) -> Sent:
        """Send ``records`` in as many bulks as their size demands."""
        mapped = [(position, self._fields.entry(record, position + 1)) for position, record in enumerate(records)]
        entries = [_Entry(position, line) for position, line in mapped if line is not None]
        rejected = tuple(position for position, line in mapped if line is None)
        reason = "beyond 8 MB, or no JSON" if rejected else ""
        failed: list[int] = []
        start = 0
        while start < len(entries):
            bulk = self._bulk(entries, start)
            try:
                refused = await self._delivered(bulk)
            except Unavailable as error:
                self._trouble = str(error)
                if start == 0:
                    raise LogSinkUnavailable(self._trouble) from error
                left = tuple(entry.position for entry in entries[start:])
                return Sent(rejected, tuple(failed), left, self._trouble)
            self._trouble = next(iter(refused.values())) if len(refused) == len(bulk) else ""
            self._settled_at = time.monotonic()
            reason = reason or next(iter(refused.values()), "")
            failed += refused
            start += len(bulk)
        return Sent(rejected, tuple(failed), reason=reason)

    async def ping(self) -> None:
        """What the last bulk met; where there was none for a minute, whether the service's host takes a connection."""
        if self._trouble:
            raise LogSinkUnavailable(self._trouble)
        if time.monotonic() - self._settled_at < _KNOWN_SECONDS:
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                _, writer = await asyncio.open_connection(
                    self._host.host, self._host.port, ssl=self._host.scheme == "https" or None
                )
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            raise LogSinkUnavailable(f"The log service cannot be reached ({type(error).__name__}).") from error

    def _bulk(self, entries: Sequence[_Entry], start: int) -> list[_Entry]:
        """As many entries from ``start`` on as fit in one request."""
        size = 2
        for end in range(start, min(len(entries), start + self._at_most)):
            size += len(entries[end].line) + 1
            if size > self._max_bulk_bytes and end > start:
                return list(entries[start:end])
        return list(entries[start : start + self._at_most])

    async def _delivered(self, bulk: Sequence[_Entry]) -> dict[int, str]:
        """The positions of those that were refused, with the reasons."""
        try:
            refused = await self._posted(bulk)
        except BulkRefused as error:
            self._at_most = max(1, len(bulk) // 2)
            if len(bulk) > 1:
                raise
            return {bulk[0].position: str(error)}
        self._at_most = min(MAX_BULK_ENTRIES, 2 * self._at_most)
        return refused

    async def _posted(self, bulk: Sequence[_Entry]) -> dict[int, str]:
        body = b"[" + b",".join(entry.line for entry in bulk) + b"]"
        headers = {"Content-Type": "application/json"}
        async with self._calls.request("send", "POST", f"{self._host}v2/log", headers=headers, data=body) as response:
            answer = await read_answer(response)
            if response.status != 200:
                raise BulkRefused(f"The log service answered {response.status}.", answered=response.status)
            try:
                return self._refusals(orjson.loads(answer), bulk)
            except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
                raise ServiceAway("The log service's answer cannot be read.") from error

    def _refusals(self, answer: dict[str, Any], bulk: Sequence[_Entry]) -> dict[int, str]:
        """Which entries the answer refuses, though its header may say success; LookupError and so on if unreadable."""
        header = answer["header"]
        if header["isSuccessful"] is not True:
            raise BulkRefused(f"The log service refused: {self._reason(header)}")
        results = answer["body"]["data"]["resultList"]
        return {
            entry.position: self._reason(result)
            for entry, result in zip(bulk, results, strict=True)
            if result["isSuccessful"] is not True
        }

    def _reason(self, result: dict[str, Any]) -> str:
        """The service's words, which may repeat the app key."""
        return str(result.get("resultMessage", "no reason")).replace(self._app_key, "…")[:_LONGEST_REASON]
