"""What the keys of a channel's table may hold; each reader returns the value, or raises ValueError with what is wrong.

A message never repeats the value: somebody may have written a secret where none belongs.
"""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from photo_monitoring.criteria import Severity

Reader = Callable[[object], Any]

PAGED: Final = (Severity.CRITICAL, Severity.WARNING)
"""The severities that channels take; `none` is the Watchdog's."""

_URL: Final = re.compile(r"https?://[^\s\"'\\{}<>@?#]+")
_HOST_AND_PORT: Final = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_MAIL: Final = re.compile(r"[^\s@<>,;{}\"]+@[^\s@<>,;{}\"]+")
# Addresses that are themselves the permission to post there.
_SECRET_ADDRESSES: Final = re.compile(
    r"//(?:hooks\.slack\.com|hook\.dooray\.com|[^/]*\.hook\.dooray\.com|hc-ping\.com|nosnch\.in)/", re.IGNORECASE
)
_LONGEST_TEXT: Final = 200


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        msg = "must be a text"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for every wrong value
    if not value.strip() or not value.isprintable() or len(value) > _LONGEST_TEXT or "{{" in value:
        msg = f"must be a text of one line, at most {_LONGEST_TEXT} characters, without {{{{"
        raise ValueError(msg)
    return value.strip()


def text(value: object) -> str:
    """Read a line of text; Alertmanager would take `{{` for a template."""
    return _as_text(value)


def name(value: object) -> str:
    """Read what a provider calls a channel, a user or a team: no spaces inside."""
    found = _as_text(value)
    if re.search(r"[\s\"'\\]", found):
        msg = "must be a name without spaces and quotes"
        raise ValueError(msg)
    return found


def boolean(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        msg = "must be true or false"
        raise ValueError(msg)  # noqa: TRY004 - as above
    return value


def url(value: object) -> str:
    """Read an address that is no secret: without user, query and fragment, and of no provider whose URL is one."""
    found = _as_text(value)
    try:
        fits = _URL.fullmatch(found) is not None and bool(urlsplit(found).netloc)
    except ValueError:
        fits = False
    if not fits:
        msg = "must be a URL such as https://alerts.example.com/hook (no user, query or fragment)"
        raise ValueError(msg)
    if _SECRET_ADDRESSES.search(found):
        msg = "this provider's URL is itself a secret, which must not stand in this file"
        raise ValueError(msg)
    return found


def host_and_port(value: object) -> str:
    """Read `host:port`."""
    found = _as_text(value)
    match = _HOST_AND_PORT.fullmatch(found)
    if match is None or not 1 <= int(match.group(1)) <= 65535:
        msg = "must be host:port, such as smtp.example.com:587"
        raise ValueError(msg)
    return found


def mail_address(value: object) -> str:
    """Read a mail address."""
    found = _as_text(value)
    if _MAIL.fullmatch(found) is None:
        msg = "must be a mail address such as photos@example.com"
        raise ValueError(msg)
    return found


def mail_addresses(value: object) -> tuple[str, ...]:
    """Read one mail address, or a list of them."""
    entries = value if isinstance(value, list) else [value]
    if not entries:
        msg = "must name at least one mail address"
        raise ValueError(msg)
    return tuple(mail_address(entry) for entry in entries)


def severities(value: object) -> tuple[Severity, ...]:
    """Read a list of severities."""
    names = [severity.value for severity in PAGED]
    if not isinstance(value, list) or not value or not all(entry in names for entry in value):
        msg = f"must be a list of {' and '.join(names)}"
        raise ValueError(msg)
    return tuple(severity for severity in PAGED if severity.value in value)
