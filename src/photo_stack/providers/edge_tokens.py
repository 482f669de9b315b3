"""Making and verifying a CDN's tokens, as the CDN does: written apart from the service's own code for them.

A token is ``exp=<unix>~[acl=<pattern!pattern>~][id=<session>~]hmac=<hex>``. The HMAC-SHA-256 is over the fields before
it and, where there is no acl, ``url=<escaped path>``. Source: NHN CDN's token authentication, Akamai EdgeAuth.
"""

import hashlib
import hmac
import re
import string
from collections.abc import Sequence
from urllib.parse import unquote_plus

_FIELDS = re.compile(
    r"exp=(?P<exp>[0-9]{1,12})(?:~acl=(?P<acl>[^~=]{1,4096}))?(?:~id=(?P<id>[^~=]{1,108}))?~hmac=(?P<hmac>[0-9a-f]{64})"
)
_KEPT = frozenset((string.ascii_letters + string.digits + "-_.*").encode())


class TokenRefused(Exception):
    """Not a token for this path and time; the message says why, and holds nothing of the token."""


def make_token(
    key: bytes, expires: int, *, path: str | None = None, patterns: Sequence[str] = (), session: str | None = None
) -> str:
    """A token for one ``path``, or for all that match one of ``patterns`` (``*`` stands for any characters)."""
    fields = [f"exp={expires}"]
    if patterns:
        fields.append(f"acl={'!'.join(map(_escape, patterns))}")
    if session:
        fields.append(f"id={_escape(session)}")
    return "~".join([*fields, f"hmac={_hmac(key, fields, path if not patterns else None)}"])


def verify_token(key: bytes, token: str, path: str, now: float) -> int:
    """When the token expires (Unix time).

    Raises:
        TokenRefused: malformed, signed with another key, changed, of another path, or expired.
    """
    match = _FIELDS.fullmatch(token)
    if match is None:
        raise TokenRefused("malformed")
    fields = token.split("~")[:-1]
    acl = match["acl"]
    if not hmac.compare_digest(_hmac(key, fields, path if acl is None else None), match["hmac"]):
        raise TokenRefused("signature")
    if acl is not None and not any(_matches(pattern, path) for pattern in acl.split("!")):
        raise TokenRefused("path")
    expires = int(match["exp"])
    if expires <= now:
        raise TokenRefused("expired")
    return expires


def _hmac(key: bytes, fields: Sequence[str], path: str | None) -> str:
    signed = [*fields] if path is None else [*fields, f"url={_escape(path)}"]
    return hmac.new(key, "~".join(signed).encode(), hashlib.sha256).hexdigest()


def _matches(pattern: str, path: str) -> bool:
    """An acl's pattern, escaped as it stands in the token."""
    parts = map(re.escape, unquote_plus(pattern).split("*"))
    return re.fullmatch(".*".join(parts), path) is not None


def _escape(text: str) -> str:
    """Octet by octet: letters, digits and ``-_.*`` stay, a space is ``+``, all else ``%xx`` in small letters."""
    return "".join(
        chr(octet) if octet in _KEPT else "+" if octet == 0x20 else f"%{octet:02x}" for octet in text.encode()
    )
