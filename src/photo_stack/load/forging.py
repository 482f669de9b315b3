"""Access tokens that must not be accepted: forged, altered, expired, cut short (RFC 8725 lists the attacks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    import random

_GUESSED_KEY: Final = b"secret"


def forged_tokens(real: str, other_user_id: str) -> dict[str, str]:
    """Return forged tokens by what is wrong with them, made from one's own real token (JWS compact form).

    Raises:
        ValueError: `real` is not a JWT.
    """
    head, body, signature = real.split(".")
    header: dict[str, Any] = orjson.loads(_decode(head))
    claims: dict[str, Any] = orjson.loads(_decode(body))
    stranger = {**claims, "sub": other_user_id}
    expired = {**claims, "exp": int(time.time()) - 3600}
    return {
        "unsigned": f"{_encode({**header, 'alg': 'none'})}.{_encode(stranger)}.",
        "guessed_key": _signed(header, stranger),
        "altered": f"{head}.{_encode(stranger)}.{signature}",
        "expired": f"{head}.{_encode(expired)}.{signature}",
        "expired_guessed": _signed(header, expired),
        "cut_short": real[: len(real) - 8],
        "no_token": "not-a-token",
    }


def random_share_token(rng: random.Random) -> str:
    """Return a guess at a share token: 256 bits, base64url, as the real ones."""
    return base64.urlsafe_b64encode(rng.randbytes(32)).rstrip(b"=").decode()


def _signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    message = f"{_encode({**header, 'alg': 'HS256'})}.{_encode(claims)}"
    signature = hmac.new(_GUESSED_KEY, message.encode(), hashlib.sha256).digest()
    return f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _encode(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
