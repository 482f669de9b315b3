"""The net under the rule that no secret is logged: values of telling keys, and texts that look like a secret.

The rule itself is kept where records are written; this catches what slips in, such as an exception's text.
"""

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final

HIDDEN: Final = "[redacted]"
_LONGEST: Final = 16_384
_DEEPEST: Final = 6

_KEYS = re.compile(
    r"password|passwd|secret|credential"
    r"|(^|[_-])(tokens?|authorization|cookies?|signature|jwt|bearer|(api|private|access)_?-?key)([_-](hash|value))?$",
    re.IGNORECASE,
)

_OURS: Final = frozenset({"request_id", "time", "level", "logger", "node"})

_SHARE = re.compile(r"/share/(?!\{)[^/?#\s\"'<>]+")
_NAMES = r"[a-z0-9_-]*(?:password|token|secret|signature|sig|hmac|authorization|api_?key)"
_REST = re.compile(
    r"(?P<scheme>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}"
    rf"|(?P<pair>(?<![a-z0-9_-]){_NAMES}=)[^&\s\"'<>]+"
    rf"|(?P<member>[\"']{_NAMES}[\"']\s*:\s*)(?:\"[^\"]*\"|'[^']*')"
    r"|(?P<userinfo>://[^/\s:@]*:)[^/\s@]+(?=@)"
    r"|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"  # a JWT: base64url of {"…
    r"|\$argon2[a-z]*\$[^\s\"']+"
    r"|(?P<run>(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43,}(?![A-Za-z0-9_-]))",  # 256 bits in base64url, or hex
    re.IGNORECASE,
)
_SUSPICIOUS = re.compile(
    r"[A-Za-z0-9_-]{43}|eyJ|\$argon2|/share/|://|=|bearer|basic|password|token|secret|authorization|signature|api_?key",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[a-z_]+|[A-Z_]+|-+")  # a long name in a trace; a random run is none (1 in 10^15)


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _KEYS.search(key) is not None


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401
    """A structlog processor: hide secrets in ``event``, cut texts over 16,384 characters."""
    for key, value in event.items():
        if value is None or key in _OURS:
            continue
        if _is_secret(key):
            event[key] = HIDDEN
        elif type(value) is str:
            event[key] = redacted_text(value)
        elif type(value) not in {int, float, bool}:
            event[key] = _redacted(value, 1)
    return event


def redacted_text(text: str) -> str:
    """``text`` without bearer tokens, JWTs, share tokens, signed URLs' signatures, password hashes, long random runs.

    A share link's path keeps its shape: ``/share/…/photos/{id}/image`` → ``/share/{token}/photos/{id}/image``.
    """
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…[cut]"
    if _SUSPICIOUS.search(text) is None:
        return text
    return _REST.sub(_replacement, _SHARE.sub("/share/{token}", text))


def _replacement(match: re.Match[str]) -> str:
    kept = match["scheme"] or match["pair"] or match["member"] or match["userinfo"]
    if kept:
        return kept + HIDDEN
    if match["run"] and _IDENTIFIER.fullmatch(match["run"]):
        return match["run"]
    return HIDDEN


def _redacted(value: object, depth: int) -> object:
    """``value`` with its nested texts redacted; an object of another kind becomes its text first."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redacted_text(value)
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): HIDDEN if _is_secret(str(key)) else _redacted(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, depth + 1) for item in value]
    try:
        return redacted_text(str(value))
    except Exception:  # noqa: BLE001 - any code may hide behind __str__, and logging never raises
        return f"<{type(value).__name__}>"
