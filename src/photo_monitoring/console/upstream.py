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
MAX_BATCH_BYTES: Final = 32 << 20
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


def foreign(server: str) -> UpstreamError:
    """Return the error of an answer that another program wrote; `server` is the option's name."""
    return UpstreamError("upstream", f"what answers at --{server} is no {server.capitalize()}")


class Allowance:
    """How many bytes the answers of one request may have together, since all of them are held at once."""

    def __init__(self, size: int) -> None:
        self.left = size


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

    async def query(self, expr: str, at: float | None = None, allowance: Allowance | None = None) -> bytes:
        """Evaluate an expression at one time (unix seconds; now)."""
        form = {"query": expr, "timeout": QUERY_TIMEOUT} | ({} if at is None else {"time": f"{at:.3f}"})
        return await self._ask_prometheus("POST", "/api/v1/query", data=form, allowance=allowance)

    async def query_range(
        self, expr: str, start: float, end: float, step: float, allowance: Allowance | None = None
    ) -> bytes:
        """Evaluate an expression at start, start + step, … up to end (unix seconds)."""
        form = {
            "query": expr,
            "start": f"{start:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step:.3f}",
            "timeout": QUERY_TIMEOUT,
        }
        return await self._ask_prometheus("POST", "/api/v1/query_range", data=form, allowance=allowance)

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
        self,
        method: str,
        path: str,
        *,
        data: _Texts | None = None,
        params: _Texts | None = None,
        allowance: Allowance | None = None,
    ) -> bytes:
        url = f"{self._prometheus}{path}"
        body = await self._call("Prometheus", method, url, data=data, params=params, allowance=allowance)
        if not body.startswith(b"{"):
            raise foreign("prometheus")
        return body

    async def _ask_alertmanager(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> object:
        answer = await self._call("Alertmanager", method, f"{self._alertmanager}{path}", json=body)
        try:
            document: object = jsonlib.loads(answer)
        except (ValueError, RecursionError):
            raise foreign("alertmanager") from None
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
        allowance: Allowance | None = None,
    ) -> bytes:
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
                body = await _bounded(answer, name, allowance or Allowance(MAX_ANSWER_BYTES))
        # It is a time-out too, but of a server that is not there: a shorter range would not help.
        except aiohttp.ConnectionTimeoutError:
            said = f"{name} cannot be reached: no connection within {_CONNECT_SECONDS:g} s"
            raise UpstreamError("unreachable", said) from None
        except TimeoutError:
            kind, what = "timeout", f"{name} did not answer within {TIMEOUT_SECONDS:.0f} s"
            raise UpstreamError(kind, f"{what}: choose a shorter time range") from None
        except aiohttp.ClientError as error:
            raise UpstreamError("unreachable", f"{name} cannot be reached: {_cause(error)}") from None
        finally:
            self._waiting -= 1
        return _checked(name, answer.status, body)


def _objects(document: object) -> list[dict[str, Any]]:
    """Return a list of objects; what is none of that came from another server."""
    if isinstance(document, list) and all(isinstance(one, dict) for one in document):
        return document
    raise foreign("alertmanager")


async def _bounded(answer: aiohttp.ClientResponse, name: str, allowance: Allowance) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_chunked(_CHUNK):
        parts.append(part)
        size += len(part)
        allowance.left -= len(part)
        if size > MAX_ANSWER_BYTES or allowance.left < 0:
            answer.close()
            # What is thrown away is room for the others again.
            allowance.left += size
            raise UpstreamError("too_large", f"{name}'s answer is too large: filter, or shorten the range")
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
    try:
        document = jsonlib.loads(body)
    except (ValueError, RecursionError):
        document = None
    said = document.get("error") if isinstance(document, dict) else document
    kind = {400: "bad_data", 404: "not_found", 422: "bad_data", 503: "unreachable"}.get(status, "upstream")
    # 503 is also what a proxy says when there is nobody behind it.
    if status == 503 and isinstance(document, dict) and document.get("errorType") == "timeout":
        kind = "timeout"
    line = " ".join(str(said or f"status {status}").split())[:_SAID]
    raise UpstreamError(kind, f"{name}: {line}")
