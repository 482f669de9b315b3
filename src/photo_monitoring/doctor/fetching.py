"""The way to the servers: a connection for each question, bounded answers, time-outs, and what fails in one line."""

import asyncio
import json
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from photo_monitoring.doctor.addresses import Address, CannotLookError, scrubbed
from photo_monitoring.doctor.exposition import NoMetricsPageError, Page, read_page

MAX_BYTES: Final = 16 << 20
"""Of one answer; a page of 5,000 series has about 1 MB."""

_CHUNK: Final = 1 << 16
_SAID: Final = 200
_PAGE_HEADERS: Final = {"Accept": "text/plain;version=0.0.4;q=1,*/*;q=0.1", "Accept-Encoding": "identity"}


class Fetcher:
    """An HTTP client, open for the length of a `with` block; `timeout` (seconds) bounds each question."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        """Open it; every question gets a connection of its own, so that another worker may answer."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            connector=aiohttp.TCPConnector(force_close=True),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._session.close()

    async def page(self, address: Address) -> Page:
        """Read a metrics page; `CannotLookError` says why there is none."""
        status, kind, body = await self._ask(address, "GET", address.url, headers=_PAGE_HEADERS)
        if status != 200:
            raise CannotLookError(f"{address.shown}: {_refusal(status)}")
        if "html" in kind or body.lstrip()[:1] == b"<":
            raise CannotLookError(
                f"{address.shown}: it answers HTML, not metrics: give the address of the metrics page"
            )
        try:
            return await asyncio.to_thread(read_page, body.decode("utf-8"))
        except NoMetricsPageError as error:
            raise CannotLookError(
                f"{address.shown}: what answers is no metrics page ({error}): give its address"
            ) from None
        except UnicodeDecodeError:
            raise CannotLookError(
                f"{address.shown}: the page is not UTF-8 text: Prometheus could not read it"
            ) from None

    async def openapi_paths(self, address: Address) -> frozenset[str] | None:
        """Return the paths of an application's description; None where there is none to be had."""
        try:
            status, _, body = await self._ask(address, "GET", address.url, headers={"Accept-Encoding": "identity"})
            paths = json.loads(body)["paths"] if status == 200 else None
        except (CannotLookError, ValueError, KeyError, TypeError):
            return None
        return frozenset(paths) if isinstance(paths, dict) and paths else None

    async def prometheus(self, address: Address, path: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask Prometheus' API (`/api/v1/…`; POST where there is a form): its whole answer, with `data`."""
        method = "GET" if form is None else "POST"
        headers = {"Accept-Encoding": "identity"}
        status, _, body = await self._ask(address, method, f"{address.url}{path}", headers=headers, data=form)
        try:
            document = json.loads(body)
            answered = document["status"]
        except (ValueError, KeyError, TypeError):
            what = _refusal(status) if status != 200 else "what answers is no Prometheus: give its base URL"
            raise CannotLookError(f"--prometheus {address.shown}: {what}") from None
        if answered != "success":
            said = scrubbed(str(document.get("error", f"status {status}")))[:_SAID]
            raise CannotLookError(f"--prometheus {address.shown}: it refused {path}: {said}")
        return dict(document)

    async def _ask(
        self,
        address: Address,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: Mapping[str, str] | None = None,
    ) -> tuple[int, str, bytes]:
        try:
            async with self._session.request(
                method, url, headers={**headers, **address.headers}, data=data, allow_redirects=False
            ) as answer:
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise CannotLookError(
                        f"{address.shown}: it compresses although asked not to: look without the proxy"
                    )
                return answer.status, answer.content_type, await _bounded(answer, address)
        except TimeoutError:
            raise CannotLookError(
                f"{address.shown}: no answer within {self._timeout:g} s: is it the right port? (--timeout waits longer)"
            ) from None
        except (aiohttp.ClientError, ValueError) as error:
            raise CannotLookError(f"{address.shown}: cannot be reached ({_cause(error)}): is it running?") from None


async def _bounded(answer: aiohttp.ClientResponse, address: Address) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_chunked(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            answer.close()
            limit = f"{MAX_BYTES >> 20} MiB"
            raise CannotLookError(f"{address.shown}: the answer is larger than {limit}: is it the metrics page?")
    return b"".join(parts)


def _refusal(status: int) -> str:
    if status in {401, 403}:
        return f"it answers {status}: give user and password in the URL, or look from where Prometheus does"
    if 300 <= status < 400:
        return f"it redirects ({status}): give the address that it leads to"
    if status == 404:
        return "it answers 404: give the path of the metrics page too"
    return f"it answers {status}: mend that first, Prometheus gets no more"


def _cause(error: Exception) -> str:
    """Say why, without the address, which may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is unknown"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not trusted"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower() if error.errno > 0 else "its name is unknown"
    if isinstance(error, aiohttp.ClientResponseError):
        return "it does not speak HTTP"
    return "it closed the connection" if isinstance(error, aiohttp.ServerDisconnectedError) else type(error).__name__
