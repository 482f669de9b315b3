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
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import ServiceAway
from photo_api.logs.logncrash_fields import LogFields
from photo_api.logs.sink import LogSinkUnavailable, Sent
from photo_metrics import Recorder

MAX_BULK_BYTES: Final = 52_000_000
MAX_BULK_ENTRIES: Final = 1_000
FAILURES: Final = 3
"""In a row, with an answer: from then on the bulk may be to blame."""
_KNOWN_SECONDS: Final = 60.0
_LONGEST_REASON: Final = 200


class _Entry(NamedTuple):
    position: int
    line: bytes


class BulkRefused(ServiceAway):
    """The service answered, and took nothing of a bulk."""


class LogNCrashSink:
    """Sends bulks to the collector's API, v2.

    A bulk that is refused as a whole makes the next ones smaller by half, until a single entry is alone; so do answers
    5xx, and answers that cannot be read, from the third in a row on. The single entry is doubted, not blamed, for the
    service may fail over any. Each success doubles the bulks again. So neither one bad entry nor a bad quarter of an
    hour costs more than it must.
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
        self._failures = 0
        self._trouble = ""
        self._known_until = -math.inf

    async def open(self) -> None:
        """Make ready; nothing is sent yet."""
        await self._calls.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def send(self, records: Sequence[bytes]) -> Sent:
        """Send the first of ``records``, as many as one bulk may have; so what was taken is known bulk by bulk."""
        bulk, rejected, end = self._bulk(records)
        left = tuple(range(end, len(records)))
        reason = "beyond 8 MB, or no JSON" if rejected else ""
        if not bulk:
            return Sent(rejected, left=left, reason=reason)
        try:
            refused = await self._posted(bulk)
        except Unavailable as error:
            if self._is_away(error, bulk):
                self._know(str(error), math.inf)
                raise LogSinkUnavailable(str(error)) from error
            self._know(str(error), _KNOWN_SECONDS)
            return Sent(rejected, doubted=(bulk[0].position,), left=left, reason=reason or str(error))
        self._failures = 0
        self._at_most = min(MAX_BULK_ENTRIES, 2 * self._at_most)
        why = next(iter(refused.values()), "")
        self._know(why if len(refused) == len(bulk) > 1 else "", _KNOWN_SECONDS)
        return Sent(rejected, tuple(refused), left=left, reason=reason or why)

    async def ping(self) -> None:
        """What the last bulk met; where there was none for a minute, whether the service's host takes a connection."""
        if time.monotonic() < self._known_until:
            if self._trouble:
                raise LogSinkUnavailable(self._trouble)
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

    def _know(self, trouble: str, seconds: float) -> None:
        """What `ping` says for so long; what is left in the queue is sent again, what was handed back need not be."""
        self._trouble = trouble
        self._known_until = time.monotonic() + seconds

    def _bulk(self, records: Sequence[bytes]) -> tuple[list[_Entry], tuple[int, ...], int]:
        """The entries that fit in one request, what can never be taken, and the position of the first that is left."""
        bulk: list[_Entry] = []
        rejected: list[int] = []
        size = 2
        for position, record in enumerate(records):
            if len(bulk) == self._at_most:
                return bulk, tuple(rejected), position
            line = self._fields.entry(record, position + 1)
            if line is None:
                rejected.append(position)
                continue
            size += len(line) + 1
            if bulk and size > self._max_bulk_bytes:
                return bulk, tuple(rejected), position
            bulk.append(_Entry(position, line))
        return bulk, tuple(rejected), len(records)

    def _is_away(self, error: Unavailable, bulk: Sequence[_Entry]) -> bool:
        """Whether the service is to be left alone for a while; if not, the bulk's only entry may be to blame."""
        if not isinstance(error, ServiceAway) or error.answered in {None, 429}:
            return True
        self._failures += 1
        if self._failures < FAILURES and not isinstance(error, BulkRefused):
            return True
        self._at_most = max(1, len(bulk) // 2)
        return len(bulk) > 1

    async def _posted(self, bulk: Sequence[_Entry]) -> dict[int, str]:
        body = b"[" + b",".join(entry.line for entry in bulk) + b"]"
        headers = {"Content-Type": "application/json"}
        async with self._calls.request("send", "POST", f"{self._host}v2/log", headers=headers, data=body) as response:
            answer = await self._calls.read(response)
            if response.status != 200:
                raise BulkRefused(f"The log service answered {response.status}.", answered=response.status)
            try:
                return self._refusals(orjson.loads(answer), bulk)
            except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
                raise ServiceAway("The log service's answer cannot be read.", answered=200) from error

    def _refusals(self, answer: dict[str, Any], bulk: Sequence[_Entry]) -> dict[int, str]:
        """Which entries the answer refuses, though its header may say success; LookupError and so on if unreadable."""
        header = answer["header"]
        if header["isSuccessful"] is not True:
            raise BulkRefused(f"The log service refused: {self._reason(header)}", answered=200)
        data = answer["body"]["data"]
        results = data["resultList"]
        positions = {entry.position + 1: entry.position for entry in bulk}
        if len(results) != len(bulk):  # not each entry is named: the others are taken if the number of errors fits
            named = [positions[int(result["lncBulkIndex"])] for result in results]
        else:
            named = list(positions.values())
        refused = {
            position: self._reason(result)
            for position, result in zip(named, results, strict=True)
            if result["isSuccessful"] is not True
        }
        if len(results) != len(bulk) and len(refused) != data["errors"]:
            raise ValueError
        return refused

    def _reason(self, result: dict[str, Any]) -> str:
        """The service's words, which may repeat the app key."""
        return str(result.get("resultMessage", "no reason")).replace(self._app_key, "…")[:_LONGEST_REASON]
