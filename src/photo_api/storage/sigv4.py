"""AWS Signature Version 4 for S3, in headers and in URLs.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)". Everything is computed here, in
microseconds and without I/O: the day's key is derived once, and nothing is parsed that we put together ourselves.
Paths and query strings are signed exactly as they are sent (S3 does not normalise them), so callers quote them with
`quoted_path` and `quoted_query`.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

EMPTY_SHA256: Final = hashlib.sha256().hexdigest()
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
"""What a presigned URL says of its body: the client alone knows it."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SPACES = re.compile(" {2,}")


def quoted_path(path: str) -> str:
    """``/bucket/key`` with everything percent-encoded but what RFC 3986 leaves unreserved, and the slashes."""
    return quote(path, safe="/-_.~")


def quoted_query(parameters: Mapping[str, str]) -> str:
    """A query string in the order and encoding that is signed."""
    pairs = [(quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parameters.items()]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


class SigV4Signer:
    """Signs requests to S3 for one key pair and region; shows neither key in its repr."""

    def __init__(self, access_key_id: str, secret_access_key: str, region: str) -> None:
        self._access_key_id = access_key_id
        self._secret = b"AWS4" + secret_access_key.encode()
        self._region = region
        self._day = ""
        self._scope = ""
        self._key = hmac.new(b"", digestmod=hashlib.sha256)

    def sign_headers(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        payload_sha256: str,
        now_seconds: float,
    ) -> dict[str, str]:
        """The headers to send: ``headers`` (which must have ``host``), all signed, and what the signature adds.

        Names come back in lower case. ``payload_sha256`` is in hex, or `UNSIGNED_PAYLOAD`.
        """
        stamp = _timestamp(int(now_seconds))
        signed = {name.lower(): _SPACES.sub(" ", value.strip()) for name, value in headers.items()}
        signed["x-amz-content-sha256"] = payload_sha256
        signed["x-amz-date"] = stamp
        names, signature = self._signature(method, path, query, signed, payload_sha256, stamp)
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={self._access_key_id}/{self._scope},SignedHeaders={names},Signature={signature}"
        )
        return signed

    def presign(
        self, method: str, path: str, headers: Mapping[str, str], expires_in_seconds: int, now_seconds: float
    ) -> str:
        """The query string of a URL that allows this one request, with exactly these ``headers`` (``host`` among them).

        What else a client sends is its own business; of the body only those headers say something.
        """
        stamp = _timestamp(int(now_seconds))
        self._turn_to(stamp[:8])
        signed = {name.lower(): _SPACES.sub(" ", value.strip()) for name, value in headers.items()}
        names = ";".join(sorted(signed))
        credential = quote(f"{self._access_key_id}/{self._scope}", safe="-_.~")
        # Already in order, and of characters whose encoding is known.
        query = (
            f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={credential}"
            f"&X-Amz-Date={stamp}&X-Amz-Expires={expires_in_seconds}&X-Amz-SignedHeaders={names.replace(';', '%3B')}"
        )
        _, signature = self._signature(method, path, query, signed, UNSIGNED_PAYLOAD, stamp)
        return f"{query}&X-Amz-Signature={signature}"

    def _signature(
        self, method: str, path: str, query: str, headers: Mapping[str, str], payload_sha256: str, stamp: str
    ) -> tuple[str, str]:
        """The signed headers' names, and the signature over all of it."""
        self._turn_to(stamp[:8])
        lines = sorted(headers.items())
        names = ";".join([name for name, _ in lines])
        canonical = "".join([f"{name}:{value}\n" for name, value in lines])
        request = f"{method}\n{path}\n{query}\n{canonical}\n{names}\n{payload_sha256}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        keyed = self._key.copy()
        keyed.update(f"{_ALGORITHM}\n{stamp}\n{self._scope}\n{digest}".encode())
        return names, keyed.hexdigest()

    def _turn_to(self, day: str) -> None:
        """Derive the key of a day (``20261123``), once."""
        if day == self._day:
            return
        key = self._secret
        for part in (day, self._region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), hashlib.sha256)
        self._key = hmac.new(key, digestmod=hashlib.sha256)
        self._scope = f"{day}/{self._region}/s3/aws4_request"
        self._day = day


@lru_cache(maxsize=4)
def _timestamp(seconds: int) -> str:
    """Unix time → ``20261123T021500Z`` (ISO 8601, basic form)."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
