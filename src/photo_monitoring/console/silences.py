"""Silences: which there are, and a new one with its reason, its author and its end (Alertmanager API v2)."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from photo_monitoring.console.matchers import needs_a_letter
from photo_monitoring.console.parameters import LABEL, number, refuse, text

MAX_MATCHERS: Final = 20
MAX_SECONDS: Final = 30 * 86_400
MIN_SECONDS: Final = 60
MAX_TEXT: Final = 500

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def silence(body: Mapping[str, Any], now: float | None = None) -> dict[str, Any]:
    """Return what Alertmanager wants, from `{"matchers", "seconds", "author", "reason"}`.

    Raises:
        aiohttp.web.HTTPBadRequest: a field is missing or out of bounds, or the matchers would silence everything.
    """
    start = time.time() if now is None else now
    seconds = number(body, "seconds", MIN_SECONDS, MAX_SECONDS)
    found = body.get("matchers")
    if not isinstance(found, list) or not 0 < len(found) <= MAX_MATCHERS:
        raise refuse(f"matchers must be a list of 1 to {MAX_MATCHERS}")
    matchers = [_matcher(one) for one in found]
    if not any(_names_something(one) for one in matchers):
        raise refuse("the matchers would silence every alert: name at least one label's value")
    return {
        "matchers": matchers,
        "startsAt": _rfc3339(start),
        "endsAt": _rfc3339(start + seconds),
        "createdBy": text(body, "author", 100),
        "comment": text(body, "reason", MAX_TEXT),
    }


def identifier(request: web.Request) -> str:
    """Return the silence that a path names; `HTTPNotFound` when it is no silence's name."""
    found = request.match_info["identifier"]
    if not _UUID.fullmatch(found):
        raise web.HTTPNotFound(text="no such silence\n")
    return found


def current(silences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the silences (see `answers.silences`) that hold or will, the one that ends first at the top."""
    kept = [one for one in silences if one["state"] in {"active", "pending"}]
    return sorted(kept, key=lambda one: str(one["ends"]))


def _matcher(source: object) -> dict[str, Any]:
    if not isinstance(source, dict):
        raise refuse("a matcher must be an object")
    name, value = source.get("name"), source.get("value")
    if not isinstance(name, str) or not LABEL.fullmatch(name):
        raise refuse("a matcher's name must be the name of a label")
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise refuse(f"the value of {name} must be a text of at most {MAX_TEXT} characters")
    regex, equal = source.get("isRegex", False), source.get("isEqual", True)
    if not isinstance(regex, bool) or not isinstance(equal, bool):
        raise refuse(f"isRegex and isEqual of {name} must be true or false")
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}


def _names_something(matcher: Mapping[str, Any]) -> bool:
    """Tell whether a matcher holds for some alerts only, as far as that can be seen."""
    if not matcher["isEqual"]:
        return False
    return needs_a_letter(matcher["value"]) if matcher["isRegex"] else bool(matcher["value"])


def _rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
