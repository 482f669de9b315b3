"""Signatures against AWS's published examples, and against botocore's for requests of any form."""

import time
import warnings
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from photo_api.storage.sigv4 import EMPTY_SHA256, UNSIGNED_PAYLOAD, SigV4Signer, quoted_path, quoted_query

# Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in a Single
# Chunk" and "Authenticating Requests: Using Query Parameters": keys, requests and signatures are theirs.
ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
HOST = {"host": "examplebucket.s3.amazonaws.com"}
THEN = datetime(2013, 5, 24, tzinfo=UTC).timestamp()


def signer(region: str = "us-east-1") -> SigV4Signer:
    return SigV4Signer(ACCESS_KEY_ID, SECRET, region)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "payload", "signature"),
    [
        (
            *("GET", "/test.txt", {}, {"range": "bytes=0-9"}, EMPTY_SHA256),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            *("PUT", "/test$file.text", {}),
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            *("GET", "/", {"lifecycle": ""}, {}, EMPTY_SHA256),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            *("GET", "/", {"max-keys": "2", "prefix": "J"}, {}, EMPTY_SHA256),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_published_signatures_come_out(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], payload: str, signature: str
) -> None:
    signed = signer().sign_headers(method, quoted_path(path), quoted_query(query), HOST | headers, payload, THEN)
    assert signed["authorization"].endswith(f"Signature={signature}")


def test_the_published_url_comes_out() -> None:
    query = signer().presign("GET", "/test.txt", HOST, 86_400, THEN)
    assert query == (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3"
        "%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=20)
_PATHS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12), min_size=1)
_NAMES = st.from_regex(r"(?!host$|date$|expect$|authorization$|user-agent$|x-amzn)[a-z][a-z0-9-]{0,15}", fullmatch=True)
_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
_HEADERS = st.dictionaries(_NAMES.filter(lambda name: not name.startswith("x-amz-")), _VALUES, max_size=4)
_QUERIES = st.dictionaries(_TEXT.filter(bool), _TEXT, max_size=4)
_METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])


def botocore(auth: type[S3SigV4Auth], request: AWSRequest, region: str, **options: int) -> AWSRequest:
    """``request``, signed by botocore."""
    with warnings.catch_warnings(action="ignore"):
        auth(Credentials(ACCESS_KEY_ID, SECRET), "s3", region, **options).add_auth(request)
    return request


@given(method=_METHODS, parts=_PATHS, query=_QUERIES, headers=_HEADERS, region=st.sampled_from(["KR1", "us-east-1"]))
def test_headers_are_signed_as_botocore_signs_them(
    method: str, parts: list[str], query: dict[str, str], headers: dict[str, str], region: str
) -> None:
    path = quoted_path("/" + "/".join(parts))
    request = AWSRequest(
        method, f"https://storage.example.com{path}", headers=dict(headers), params=dict(query), data=b"body"
    )
    payload = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"  # of "body"
    theirs = botocore(S3SigV4Auth, request, region).headers
    now = datetime.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    ours = signer(region).sign_headers(
        method, path, quoted_query(query), {"host": "storage.example.com"} | headers, payload, now
    )
    assert ours["authorization"].replace(",", ", ") == theirs["Authorization"]


@given(method=_METHODS, parts=_PATHS, headers=_HEADERS, seconds=st.integers(1, 604_800))
def test_urls_are_signed_as_botocore_signs_them(
    method: str, parts: list[str], headers: dict[str, str], seconds: int
) -> None:
    path = quoted_path("/" + "/".join(parts))
    request = AWSRequest(method, f"https://storage.example.com{path}", headers=dict(headers))
    theirs = parse_qs(urlsplit(botocore(S3SigV4QueryAuth, request, "KR1", expires=seconds).url).query)
    now = datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    ours = signer("KR1").presign(method, path, {"host": "storage.example.com"} | headers, seconds, now)
    assert parse_qs(ours) == theirs


def test_the_key_of_a_day_is_not_used_on_the_next() -> None:
    old = signer()
    for day in (0, 1, 0):
        now = THEN + day * 86_400
        arguments = ("GET", "/", "", HOST, UNSIGNED_PAYLOAD, now)
        assert old.sign_headers(*arguments) == signer().sign_headers(*arguments)


def test_what_a_client_sends_besides_is_not_signed() -> None:
    query = parse_qs(signer().presign("PUT", "/b/k", HOST | {"Content-Type": "image/jpeg"}, 60, time.time()))
    assert query["X-Amz-SignedHeaders"] == ["content-type;host"]


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(signer())
