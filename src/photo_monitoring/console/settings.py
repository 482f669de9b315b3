"""What one console is started with, checked before anything listens."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from photo_monitoring.configuration.settings import Settings

MIN_TOKEN_CHARACTERS: Final = 16
_MAX_TOKEN_CHARACTERS: Final = 1024


class ConsoleError(Exception):
    """The console cannot start; the message is one line that names the option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """Where the console listens, whom it asks, and what it shows.

    `prometheus` and `alertmanager` are base URLs without a trailing slash. `token` is None where no password is asked
    for. `names` are host names, besides addresses and localhost, under which browsers may ask for it.
    """

    host: str
    port: int
    prometheus: str
    alertmanager: str
    dashboards: Path
    token: str | None = field(default=None, repr=False)
    names: frozenset[str] = frozenset()
    timezone: str = "Asia/Seoul"
    monitoring: Settings = field(default_factory=Settings)


def is_loopback(host: str) -> bool:
    """Tell whether nobody but this machine reaches an address; a name other than localhost may be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def base_url(option: str, text: str) -> str:
    """Return a base URL without its trailing slash; `ConsoleError` when it is none."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and not (parts.query or parts.fragment)
        _ = parts.port
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable:
        raise ConsoleError(f"{option} is no URL: use one such as http://127.0.0.1:9090")
    if "@" in parts.netloc:
        raise ConsoleError(f"{option} holds a user name: a command line is no place for secrets; use a local proxy")
    return text.rstrip("/")


def read_token(host: str, path: Path | None) -> str | None:
    """Return the password that browsers must give: none on loopback, unless a file has one.

    Raises:
        ConsoleError: other machines reach `host` and there is no file; the file is unreadable, readable by others, or
            its token too short.
    """
    if path is None:
        if is_loopback(host):
            return None
        raise ConsoleError(f"--host {host} is reachable from other machines: give a password with --token-file FILE")
    try:
        token = path.read_text(encoding="utf-8").strip()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConsoleError(f"--token-file {path}: {reason}") from None
    if mode & 0o077:
        raise ConsoleError(f"--token-file {path} is readable by other users: chmod 600 {path}")
    if not MIN_TOKEN_CHARACTERS <= len(token) <= _MAX_TOKEN_CHARACTERS or not token.isprintable():
        raise ConsoleError(
            f"--token-file {path}: the token must be one line of {MIN_TOKEN_CHARACTERS} to {_MAX_TOKEN_CHARACTERS} "
            f"characters; `openssl rand -hex 24 > {path}` makes one"
        )
    return token


def host_names(names: Sequence[str], token: str | None) -> frozenset[str]:
    """Return the names by which browsers may ask; `ConsoleError` when there are some and no password.

    A name says that others reach the console, through a proxy perhaps: whoever they are must log in.
    """
    if names and token is None:
        raise ConsoleError(f"--allowed-host {names[0]} lets others in: give a password with --token-file FILE")
    return frozenset(name.lower() for name in names)


def checked_timezone(name: str) -> str:
    """Return the name of a time zone; `ConsoleError` when the machine knows none of that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConsoleError(f"--timezone {name} is unknown: use a name such as Asia/Seoul or UTC") from None
    return name
