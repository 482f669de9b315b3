"""Where requests and upload URLs go, whatever form the endpoint has."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.support.samples import new_recorder

from photo_api.config import Settings
from photo_api.storage.s3_client import S3Client

KEY = "uploads/0190a000-0000-7000-8000-000000000000"


def client(tmp_path: Path, endpoint: str, public: str | None = None) -> S3Client:
    settings = Settings(
        data_dir=tmp_path,
        s3_endpoint_url=endpoint,
        storage_public_url=public,
        s3_bucket="photos",
        s3_access_key_id="photo-api",
        s3_secret_access_key=SecretStr("secret"),
    )
    return S3Client(settings, new_recorder(), clock=lambda: 1_795_400_100.0)


@pytest.mark.parametrize(
    ("endpoint", "begins"),
    [
        ("https://storage.example.com", "https://storage.example.com/photos/"),
        ("https://storage.example.com:443/", "https://storage.example.com/photos/"),
        ("http://storage.example.com:80", "http://storage.example.com/photos/"),
        ("http://storage.example.com:443", "http://storage.example.com:443/photos/"),
        ("https://Storage.Example.com:9000/s3/", "https://storage.example.com:9000/s3/photos/"),
        ("http://[::1]:9000", "http://[::1]:9000/photos/"),
    ],
)
def test_an_upload_url_has_the_host_that_clients_send(tmp_path: Path, endpoint: str, begins: str) -> None:
    assert client(tmp_path, endpoint).presign_put(KEY, {}, 60).startswith(begins + KEY + "?X-Amz-")


def test_the_public_url_is_what_is_signed(tmp_path: Path) -> None:
    internal, public = "http://10.0.0.1:9000", "https://photos.example.com"
    assert client(tmp_path, internal, public).presign_put(KEY, {}, 60) == client(tmp_path, public).presign_put(
        KEY, {}, 60
    )


def test_a_copys_source_is_bucket_and_key_whatever_the_endpoints_path(tmp_path: Path) -> None:
    assert client(tmp_path, "https://storage.example.com/s3").copy_source(KEY) == f"/photos/{KEY}"


def test_neither_key_shows(tmp_path: Path) -> None:
    made = client(tmp_path, "https://storage.example.com")
    assert "secret" not in repr(made) + str(vars(made))
