"""The only way from a browser to Prometheus and Alertmanager: fixed paths, bounded answers, time-outs, limits.

What comes back is the upstream's JSON, unread. What fails is told apart by kind, since a page says something else for
each: `unreachable`, `timeout`, `overloaded`, `too_large`, `bad_data` (the question was wrong), `upstream` (the rest).
"""

import asyncio
import json as jsonlib
import os
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from photo_monitoring.console.settings import ConsoleSettings

TIMEOUT_SECONDS: Final = 15.0
QUERY_TIMEOUT: Final = "12s"
MAX_ANSWER_BYTES: Final = 16 << 20
MAX_CALLS: Final = 12
MAX_WAITING: Final = 200

_CONNECT_SECONDS: Final = 3.0
_CHUNK: Final = 1 << 16
_SAID: Final = 300

_Texts = Mapping[str, str]


class UpstreamError(Exception):
    """Prometheus or Alertmanager gave no answer that can be used; the message is one line for people."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)

    def as_json(self) -> bytes:
        """Return the error in the form of Prometheus' own."""
        return jsonlib.dumps({"status": "error", "errorType": self.kind, "error": str(self)}).encode()


class Upstream:
    """Both servers behind one limit of concurrent calls; open and close it with the application."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._prometheus = settings.prometheus
        self._alertmanager = settings.alertmanager
        self._calls = asyncio.Semaphore(MAX_CALLS)
        self._waiting = 0
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the pool of connections."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=_CONNECT_SECONDS),
            connector=aiohttp.TCPConnector(limit=MAX_CALLS),
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def query(self, expr: str, at: float | None = None) -> bytes:
        """Evaluate an expression at one time (unix seconds; now)."""
        form = {"query": expr, "timeout": QUERY_TIMEOUT} | ({} if at is None else {"time": f"{at:.3f}"})
        return await self._ask_prometheus("POST", "/api/v1/query", data=form)

    async def query_range(self, expr: str, start: float, end: float, step: float) -> bytes:
        """Evaluate an expression at start, start + step, … up to end (unix seconds)."""
        form = {
            "query": expr,
            "start": f"{start:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step:.3f}",
            "timeout": QUERY_TIMEOUT,
        }
        return await self._ask_prometheus("POST", "/api/v1/query_range", data=form)

    async def label_values(self, label: str, match: str | None, start: float, end: float) -> bytes:
        """Return a label's values, of the series that match."""
        params = {"start": f"{start:.3f}", "end": f"{end:.3f}"} | ({} if match is None else {"match[]": match})
        return await self._ask_prometheus("GET", f"/api/v1/label/{label}/values", params=params)

    async def prometheus_alerts(self) -> bytes:
        """Return what is pending and firing, as Prometheus sees it."""
        return await self._ask_prometheus("GET", "/api/v1/alerts")

    async def alertmanager_alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that arrived, silenced and inhibited ones too (Alertmanager API v2)."""
        return _objects(await self._ask_alertmanager("GET", "/api/v2/alerts"))

    async def silences(self) -> list[dict[str, Any]]:
        """Return all silences, ended ones too (Alertmanager API v2)."""
        return _objects(await self._ask_alertmanager("GET", "/api/v2/silences"))

    async def create_silence(self, silence: Mapping[str, Any]) -> dict[str, Any]:
        """Create a silence; return `{"silenceID": …}` (Alertmanager API v2)."""
        created = await self._ask_alertmanager("POST", "/api/v2/silences", body=silence)
        return created if isinstance(created, dict) else {}

    async def expire_silence(self, identifier: str) -> None:
        """End a silence (Alertmanager API v2); the identifier is a checked UUID."""
        await self._call("Alertmanager", "DELETE", f"{self._alertmanager}/api/v2/silence/{identifier}")

    async def _ask_prometheus(
        self, method: str, path: str, *, data: _Texts | None = None, params: _Texts | None = None
    ) -> bytes:
        status, body = await self._call("Prometheus", method, f"{self._prometheus}{path}", data=data, params=params)
        if not body.startswith(b"{"):
            raise UpstreamError("upstream", f"what answers at --prometheus is no Prometheus (status {status})")
        return body

    async def _ask_alertmanager(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> object:
        _, answer = await self._call("Alertmanager", method, f"{self._alertmanager}{path}", json=body)
        try:
            document: object = jsonlib.loads(answer)
        except ValueError:
            raise UpstreamError("upstream", "what answers at --alertmanager is no Alertmanager") from None
        return document

    async def _call(
        self,
        name: str,
        method: str,
        url: str,
        *,
        data: _Texts | None = None,
        params: _Texts | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> tuple[int, bytes]:
        if self._session is None:
            raise UpstreamError("unreachable", "the console is stopping")
        if self._waiting >= MAX_WAITING:
            raise UpstreamError("overloaded", "too many questions are waiting: close some tabs")
        self._waiting += 1
        try:
            async with (
                self._calls,
                self._session.request(
                    method, url, data=data, params=params, json=json, allow_redirects=False
                ) as answer,
            ):
                body = await _bounded(answer, name)
        except TimeoutError:
            kind, what = "timeout", f"{name} did not answer within {TIMEOUT_SECONDS:.0f} s"
            raise UpstreamError(kind, f"{what}: choose a shorter time range") from None
        except aiohttp.ClientError as error:
            raise UpstreamError("unreachable", f"{name} cannot be reached: {_cause(error)}") from None
        finally:
            self._waiting -= 1
        return answer.status, _checked(name, answer.status, body)


def _objects(document: object) -> list[dict[str, Any]]:
    """Return a list of objects; what is none of that came from another server."""
    if isinstance(document, list) and all(isinstance(one, dict) for one in document):
        return document
    raise UpstreamError("upstream", "what answers at --alertmanager is no Alertmanager")


async def _bounded(answer: aiohttp.ClientResponse, name: str) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_chunked(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            answer.close()
            limit = f"{MAX_ANSWER_BYTES >> 20} MiB"
            raise UpstreamError("too_large", f"{name}'s answer is larger than {limit}: filter, or shorten the range")
    return b"".join(parts)


def _cause(error: aiohttp.ClientError) -> str:
    """Say why without the address, which may be internal."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return "it closed the connection" if isinstance(error, aiohttp.ServerDisconnectedError) else type(error).__name__


def _checked(name: str, status: int, body: bytes) -> bytes:
    """Return the body of a success; raise what the upstream says of a failure."""
    if 200 <= status < 300:
        return body
    kind = {400: "bad_data", 404: "not_found", 422: "bad_data", 503: "timeout"}.get(status, "upstream")
    try:
        document = jsonlib.loads(body)
        said = document["error"] if isinstance(document, dict) else document
    except (ValueError, KeyError):
        said = f"status {status}"
    line = " ".join(str(said).split())[:_SAID]
    raise UpstreamError(kind, f"{name}: {line}")
