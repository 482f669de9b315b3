"""Addresses as users give them, and as they may be shown: without user, password or query."""

import base64
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

_CREDENTIALS: Final = re.compile(r"(?<=//)[^/\s\"@]*@")
_QUERY: Final = re.compile(r"(?<=[^\s\"]\?)[^\s\"]+")


class CannotLookError(Exception):
    """Something cannot be looked at: one line that says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask (`url`, which holds no user), as whom, and what to call it in front of people (`shown`).

    `authorization` is the header's value (RFC 7617), None where the address named no user.
    """

    url: str = field(repr=False)
    shown: str
    authorization: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The header that says who asks, if anything does."""
        return {} if self.authorization is None else {"Authorization": self.authorization}


def scrubbed(text: str) -> str:
    """Return a text of another program without the credentials and queries of the URLs in it, on one line."""
    line = " ".join(_QUERY.sub("…", _CREDENTIALS.sub("", text)).split())
    return "".join(character if character.isprintable() else "?" for character in line)


def _split(option: str, text: str) -> SplitResult:
    try:
        parts = urlsplit(text.strip())
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in text.strip()):
        scheme = text.partition(":")[0] if "://" in text else ""
        why = f"{scheme}: is not asked" if scheme not in {"", "http", "https"} else "it is no URL"
        raise CannotLookError(f"{option}: {why}: give one such as http://127.0.0.1:9101/metrics")
    return parts


def _address(parts: SplitResult, path: str) -> Address:
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme, host, path, parts.query, ""))
    shown = urlunsplit((parts.scheme, host, path, "", "")) + ("?…" if parts.query else "")
    if parts.username is None:
        return Address(url, shown)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Address(url, shown, f"Basic {base64.b64encode(pair.encode()).decode('ascii')}")


def metrics_address(text: str) -> Address:
    """Read `--metrics`; without a path it is `/metrics`, as for Prometheus. `CannotLookError` when it is no URL."""
    parts = _split("--metrics", text)
    return _address(parts, "/metrics" if parts.path in {"", "/"} else parts.path)


def base_address(text: str) -> Address:
    """Read `--prometheus`, a base URL; `CannotLookError` when it is none."""
    parts = _split("--prometheus", text)
    if parts.query or parts.fragment:
        raise CannotLookError("--prometheus: give the base URL alone, such as http://127.0.0.1:9090")
    return _address(parts, parts.path.rstrip("/"))


def described_api(metrics: Address) -> Address:
    """Return where a FastAPI application that serves this page describes itself."""
    parts = urlsplit(metrics.url)
    url = urlunsplit((parts.scheme, parts.netloc, "/openapi.json", "", ""))
    return Address(url, metrics.shown, metrics.authorization)
