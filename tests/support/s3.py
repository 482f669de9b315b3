"""Buckets on real S3 servers."""

import signal
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import httpx
from pydantic import SecretStr

from photo_api.config import Settings, StorageBackend
from photo_api.storage import s3_xml
from photo_api.storage.sigv4 import EMPTY_SHA256, SigV4Signer, quoted_query

REGION = "KR1"
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx, which else reads all certificates for each client; here is no TLS."""


class Server(Protocol):
    """A server that a test can stop and start again."""

    def start(self) -> None:
        """Start, and wait until it answers."""

    def stop(self, number: signal.Signals) -> object:
        """Signal it, and wait for its end."""


@dataclass(frozen=True)
class Bucket:
    """A bucket, and who may use it."""

    kind: Literal["swift", "seaweedfs"]
    server: Server
    url: str
    access_key_id: str
    secret_access_key: str
    name: str

    def make(self) -> None:
        """Create it."""
        self.ask("PUT", "")

    def names(self, prefix: str = "") -> list[str]:
        """What lies in it, below ``prefix``."""
        page = self.ask("GET", "", quoted_query({"list-type": "2", "prefix": prefix})).content
        return [found.key for found in s3_xml.objects_of(s3_xml.parse(page))]

    def unfinished(self) -> list[s3_xml.Unfinished]:
        """Its uploads in parts that did not end."""
        return list(s3_xml.uploads_of(s3_xml.parse(self.ask("GET", "", "uploads=").content)))

    def sweep(self) -> None:
        """Remove what is not sealed."""
        for name in self.names("uploads/"):
            self.ask("DELETE", f"/{name}")
        for upload in self.unfinished():
            self.ask("DELETE", f"/{upload.key}", quoted_query({"uploadId": upload.upload_id}))

    def ask(self, method: str, path: str, query: str = "") -> httpx.Response:
        """One signed request of the owner's; ``path`` begins with a slash or is empty."""
        path = f"/{self.name}{path}"
        signer = SigV4Signer(self.access_key_id, self.secret_access_key, REGION)
        host = self.url.removeprefix("http://")
        headers = signer.sign_headers(method, path, query, {"host": host}, EMPTY_SHA256, time.time())
        answer = httpx.request(method, f"{self.url}{path}?{query}", headers=headers, timeout=20, verify=NO_CERTIFICATES)
        assert answer.status_code < 400, answer.text
        return answer

    def settings(self, directory: Path, **changes: Any) -> Settings:
        """Settings of a service that keeps its photos here, and nothing else anywhere."""
        return Settings(**({"data_dir": directory} | self.values() | changes))

    def values(self) -> dict[str, Any]:
        """Those of the settings that say where photos are kept."""
        return {
            "storage": StorageBackend.S3,
            "s3_endpoint_url": self.url,
            "s3_region": REGION,
            "s3_bucket": self.name,
            "s3_access_key_id": self.access_key_id,
            "s3_secret_access_key": SecretStr(self.secret_access_key),
        }
