"""Upload URLs of the embedded store: an HMAC over all that a client may do with one.

Signed are method, key, expiry, content type and length, as in an S3 presigned PUT; the last two are not in the URL but
taken from the request's headers, so that a request with others does not fit its signature.
"""

import hashlib
import hmac
from typing import Final

from photo_api.secrets import Secrets

PURPOSE: Final = "storage"


class UploadSigner:
    """Signs with the current key; signatures of the one before still hold, so that secrets can be rotated."""

    def __init__(self, secrets: Secrets) -> None:
        key = secrets.derive(PURPOSE)
        assert key is not None  # noqa: S101 - there always is a current key
        self._key = key
        self._previous = secrets.derive(PURPOSE, previous=True)

    def sign(self, method: str, key: str, expires_seconds: int, content_type: str, size: int) -> str:
        """64 hex digits; ``expires_seconds`` is Unix time."""
        return _signature(self._key, method, key, expires_seconds, content_type, size)

    def is_valid(
        self, signature: str, method: str, key: str, expires_seconds: int, content_type: str, size: int
    ) -> bool:
        """Whether the signature is ours for exactly this; the expiry itself is the caller's to compare."""
        given = signature.encode()
        valid = False
        for secret in (self._key, self._previous):
            if secret is not None:
                expected = _signature(secret, method, key, expires_seconds, content_type, size).encode()
                valid |= hmac.compare_digest(expected, given)
        return valid


def _signature(secret: bytes, method: str, key: str, expires_seconds: int, content_type: str, size: int) -> str:
    signed = f"{method}\n{key}\n{expires_seconds}\n{content_type}\n{size}"
    return hmac.digest(secret, signed.encode(), hashlib.sha256).hex()
