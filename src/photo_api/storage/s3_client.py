"""Signed requests to one S3 bucket, by path (``/bucket/key``), and what its refusals mean for who runs the service.

Policy: storage that is away, answers 5xx or 429, or says 200 and then an error, ends in `ServiceAway`; a refusal
(403, a missing bucket, …) in `Refused`, logged with the setting to look at. Both are `Unavailable`: a client can try
again, and it works as soon as storage does.
"""

import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import aiohttp
import structlog

from photo_api.config import Settings
from photo_api.errors import Unavailable
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import MalformedAnswer, ServiceAway
from photo_api.storage import s3_xml
from photo_api.storage.sigv4 import EMPTY_SHA256, SigV4Signer, quoted_path, quoted_query
from photo_metrics import ExternalOperation, Recorder

CLOCK_SKEW: Final = "RequestTimeTooSkewed"
NO_BUCKET: Final = "NoSuchBucket"
SKEW_SECONDS: Final = 240.0
"""Clocks that differ so much explain a 403 without a word (Swift takes 300, AWS 900)."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_log = structlog.get_logger("photo_api.storage")


class Refused(Unavailable):
    """Storage answered, and does not do it; ``code`` is S3's word for why, ``advice`` names the setting."""

    def __init__(self, code: str, advice: str) -> None:
        super().__init__("The object storage refuses the service; its operator has been told.", retry_after_seconds=30)
        self.code = code
        self.advice = advice


class S3Client:
    """Requests to the bucket of the settings; ``clock`` is Unix time."""

    def __init__(self, settings: Settings, recorder: Recorder, *, clock: Callable[[], float] = time.time) -> None:
        # That they are there is checked with the settings.
        assert settings.s3_endpoint_url is not None  # noqa: S101
        assert settings.s3_access_key_id is not None  # noqa: S101
        assert settings.s3_secret_access_key is not None  # noqa: S101
        self._bucket = settings.s3_bucket or ""
        self._region = settings.s3_region
        self._endpoint = _Endpoint(settings.s3_endpoint_url, self._bucket)
        self._public = _Endpoint(settings.storage_public_url or settings.s3_endpoint_url, self._bucket)
        self._signer = SigV4Signer(
            settings.s3_access_key_id, settings.s3_secret_access_key.get_secret_value(), self._region
        )
        self._calls = ExternalCalls(
            "object_storage",
            settings,
            recorder,
            timeout_seconds=settings.storage_timeout_seconds,
        )
        self._clock = clock

    async def open(self) -> None:
        """Make ready; nothing is asked yet."""
        await self._calls.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._calls.close()

    async def check(self) -> None:
        """See that the bucket can be listed: its errors say more than those of a HEAD, which have no body."""
        async with self.request("head", "GET", query={"list-type": "2", "max-keys": "1"}) as response:
            await self.result(response, "ListBucketResult")

    def presign_put(self, key: str, headers: Mapping[str, str], expires_in_seconds: int) -> str:
        """A URL by which a client can put one object, with exactly these headers."""
        path = self._public.path(key)
        signed = {"host": self._public.host, **headers}
        return f"{self._public.origin}{path}?" + self._signer.presign(
            "PUT", path, signed, expires_in_seconds, self._clock()
        )

    def copy_source(self, key: str) -> str:
        """What ``x-amz-copy-source`` says for ``key``: bucket and key, never the endpoint's own path."""
        return quoted_path(f"/{self._bucket}/{key}")

    @asynccontextmanager
    async def request(
        self,
        operation: ExternalOperation,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        sha256: str = EMPTY_SHA256,
        expected: tuple[int, ...] = (200,),
        idempotent: bool = False,
        seconds: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request for ``key`` or, without one, for the bucket; ``sha256`` is that of ``body``, in hex.

        A 404 that is expected means the object: where the body says that the bucket is missing, it is a refusal.

        Raises:
            Refused: any status that is not ``expected``.
            Unavailable: storage is away.
        """
        path = self._endpoint.path(key)
        parameters = quoted_query(query or {})
        signed = self._signer.sign_headers(
            method, path, parameters, {"host": self._endpoint.host, **(headers or {})}, sha256, self._clock()
        )
        url = f"{self._endpoint.origin}{path}" + (f"?{parameters}" if parameters else "")
        async with self._calls.request(
            operation,
            method,
            url,
            headers=signed,
            data=body or None,
            expected=expected,
            idempotent=idempotent,
            seconds=seconds,
        ) as response:
            refused = None
            if response.status not in expected:
                refused = await self._refusal(response)
            elif response.status == 404 and method != "HEAD":
                missing = await self._refusal(response)
                refused = missing if missing.code == NO_BUCKET else None
            if refused is None:
                yield response
                return
        _log.error("object_storage_refused", operation=operation, code=refused.code, advice=refused.advice)
        raise refused

    def seconds_for(self, size: int) -> float:
        """How long the storage may take to copy ``size`` bytes, or to put them together from parts."""
        return self._calls.seconds_for(size)

    async def result(self, response: aiohttp.ClientResponse, name: str, *, seconds: float | None = None) -> Element:
        """The XML called ``name`` that an answer holds; in the block of its request, within ``seconds``.

        Raises:
            ServiceAway: it cannot be read, is something else, or an error in spite of its status 200 (CopyObject and
                CompleteMultipartUpload answer before they are done).
        """
        root = s3_xml.parse(await self._calls.read(response, seconds=seconds))
        if root.tag == "Error":
            code = _word(s3_xml.text(root, "Code", ""))
            raise ServiceAway(f"The object storage failed ({code}) after it had begun to answer.")
        if root.tag != name:
            raise s3_xml.MalformedAnswer(f"no {name}")
        return root

    async def _refusal(self, response: aiohttp.ClientResponse) -> Refused:
        """What the storage refused, and what to do about it."""
        code, region = "", ""
        try:
            root = s3_xml.parse(await self._calls.read(response))
            if root.tag == "Error":
                code = _word(s3_xml.text(root, "Code", ""))
                region = _word(s3_xml.text(root, "Region", ""))
        except MalformedAnswer:  # a HEAD's, or some other server's
            pass
        return Refused(code or str(response.status), self._advice(code, region, response))

    def _advice(self, code: str, region: str, response: aiohttp.ClientResponse) -> str:
        skew = self._skew_seconds(response.headers.get("Date", ""))
        if code == CLOCK_SKEW or (not code and response.status == 403 and abs(skew) > SKEW_SECONDS):
            side = "ahead of" if skew > 0 else "behind"
            return f"this machine's clock is {abs(skew):.0f} s {side} the object storage's; let NTP set it"
        if code == "InvalidAccessKeyId":
            return "PHOTO_API_S3_ACCESS_KEY_ID: the storage does not know this key; copy it again"
        if code == "SignatureDoesNotMatch":
            return (
                "PHOTO_API_S3_SECRET_ACCESS_KEY: the storage refuses the signature; copy it and"
                " PHOTO_API_S3_ACCESS_KEY_ID again, they belong together"
            )
        if code in {"AuthorizationHeaderMalformed", "PermanentRedirect"} or response.status in {301, 307}:
            expected = f", it says {region}" if region else ""
            return f"PHOTO_API_S3_REGION: the bucket is not in {self._region}{expected}; set the bucket's region"
        if code == NO_BUCKET:
            return f"PHOTO_API_S3_BUCKET: there is no bucket {self._bucket}; create it, or name another"
        if response.status == 403:
            return (
                f"PHOTO_API_S3_ACCESS_KEY_ID: this key may not use the bucket {self._bucket}; allow it to list the"
                " bucket and to get, put and delete its objects"
            )
        if code:
            return f"PHOTO_API_S3_BUCKET: the storage answers {response.status} {code}; look at the bucket's policies"
        return f"PHOTO_API_S3_ENDPOINT_URL: answers {response.status} without a reason; set the origin of the S3 API"

    def _skew_seconds(self, date: str) -> float:
        """How far our clock is ahead; 0 where the storage does not say its time."""
        try:
            return self._clock() - parsedate_to_datetime(date).timestamp()
        except (ValueError, TypeError):
            return 0.0


class _Endpoint:
    """Where requests go: an origin, the host that is signed, and paths below them."""

    def __init__(self, url: str, bucket: str) -> None:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
        # Clients leave a default port out of Host, and so out of what is signed.
        port = f":{parts.port}" if parts.port not in {None, _DEFAULT_PORTS.get(parts.scheme)} else ""
        self.host: Final = host + port
        self.origin: Final = f"{parts.scheme}://{self.host}"
        self._bucket_path: Final = quoted_path(f"{parts.path.rstrip('/')}/{bucket}")

    def path(self, key: str) -> str:
        """The path of an object, or of the bucket."""
        return f"{self._bucket_path}/{quoted_path(key)}" if key else self._bucket_path


def _word(value: str) -> str:
    """A code as the storage says it, where it can be shown."""
    return value if _WORD.fullmatch(value) else ""
