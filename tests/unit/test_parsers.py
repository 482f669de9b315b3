"""Properties of whatever reads text that a client made: no input makes it fail in a way that nobody expects."""

import asyncio
import re
import string
from collections.abc import AsyncIterator
from contextlib import suppress
from email.utils import formatdate
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from starlette.datastructures import Headers

from photo_api.accounts.schemas import Registration, normalise_email
from photo_api.albums.schemas import AlbumChange, NewAlbum, PhotosToAdd
from photo_api.app import create_app
from photo_api.config import Settings
from photo_api.context import RequestContextMiddleware
from photo_api.dependencies import Limit
from photo_api.errors import InvalidInput, MalformedRequest, RangeNotSatisfiable, UnsupportedMediaType
from photo_api.ids import ID_PATTERN, new_id
from photo_api.photos.images import _not_modified, _range_applies, content_disposition, parse_range
from photo_api.photos.multipart import parts_of
from photo_api.photos.schemas import PhotoChange, PresignedUploadIn
from photo_api.share_links.schemas import ShareLinkIn
from photo_api.storage.files import ObjectFiles
from photo_metrics import RouteTable, client_prefix

every = settings(derandomize=True, deadline=None, database=None, max_examples=200)

latin1 = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"))
"""What a header can hold."""


# Range, If-None-Match, If-Range


@every
@given(value=st.one_of(latin1, st.from_regex(r"bytes=[0-9, -]*", fullmatch=True)), size=st.integers(1, 10**12))
@example(value="bytes=0-" + "9" * 5_000, size=10)
@example(value="bytes=" + "9" * 5_000 + "-", size=10)
@example(value="bytes=-" + "0" * 5_000, size=10)
@example(value="bytes=\u00b2-", size=10)
def test_a_range_is_within_the_object_or_the_whole_or_refused(value: str, size: int) -> None:
    with suppress(RangeNotSatisfiable):
        found = parse_range(value, size)
        assert found is None or 0 <= found[0] < found[1] <= size


@every
@given(first=st.integers(0, 10**9), length=st.integers(1, 10**9), rest=st.integers(0, 10**9))
def test_a_range_that_exists_is_the_one_that_was_asked_for(first: int, length: int, rest: int) -> None:
    size = first + length + rest
    assert parse_range(f"bytes={first}-{first + length - 1}", size) == (first, first + length)
    assert parse_range(f"bytes={first}-", size) == (first, size)
    assert parse_range(f"bytes=-{length}", size) == (size - length, size)


conditional = st.dictionaries(
    st.sampled_from(["if-none-match", "if-modified-since", "if-range", "range"]),
    st.one_of(latin1, st.just('"tag"'), st.just("*"), st.integers(-(10**12), 10**12).map(str)),
)


@every
@given(headers=conditional)
@example(headers={"if-modified-since": "Mon, 01 Jan 0001 00:00:00 -2359"})
@example(headers={"if-range": "Fri, 31 Dec 9999 23:59:59 -9999", "range": "bytes=0-"})
@example(headers={"if-modified-since": "Mon, 99 Abc 99999999999999999999 00:00:00 GMT"})
@example(headers={"if-modified-since": "Mon, 01 Jan 2024 00:00:00 +9999999999999999"})
@example(headers={"if-none-match": '"' * 100_001})
def test_conditions_hold_or_do_not_and_never_fail(headers: dict[str, str]) -> None:
    _not_modified(Headers(headers), '"tag"', 1_700_000_000)
    _range_applies(Headers(headers), '"tag"', 1_700_000_000)


@every
@given(before=st.lists(st.from_regex(r'(W/)?"[a-z]*"', fullmatch=True)), found=st.booleans())
def test_an_entity_tag_is_found_in_a_list_exactly_when_it_is_there(before: list[str], found: bool) -> None:
    assume(not any('"0tag"' in tag for tag in before))
    tags = [*before, '"0tag"'] if found else before
    assert _not_modified(Headers({"if-none-match": ", ".join(tags)}), '"0tag"', 0) is found


@every
@given(seconds=st.integers(0, 4 * 10**9))
def test_a_date_is_not_modified_since_exactly_from_its_second_on(seconds: int) -> None:
    for difference, expected in ((-1, False), (0, True), (1, True)):
        header = {"if-modified-since": formatdate(max(0, seconds + difference), usegmt=True)}
        assert _not_modified(Headers(header), '"tag"', seconds) is (expected or seconds == 0)


@every
@given(filename=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_a_file_name_cannot_leave_its_parameter(filename: str) -> None:
    value = content_disposition(filename)
    assert value.isascii()
    assert value.isprintable()
    assert re.fullmatch(r"""inline; filename="[^"\\]*"(; filename\*=UTF-8''[A-Za-z0-9._~%-]*)?""", value)


# multipart/form-data


async def _read_all(content_type: str, body: bytes, piece: int) -> dict[str, bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), piece):
            yield body[start : start + piece]

    found: dict[str, bytes] = {}
    async for part in parts_of(content_type, chunks(), 4_096):
        found[part.name] = b"".join([chunk async for chunk in part.chunks()])
    return found


form_types = st.one_of(latin1, st.just("multipart/form-data; boundary=B"))
form_pieces = st.lists(
    st.one_of(
        st.sampled_from(
            [b"--B", b"--B--", b"\r\n", b"\n", b"\r\n\r\n", b"Content-Disposition: form-data", b'; name="a"', b"\x00"]
        ),
        st.binary(max_size=40),
    ),
    max_size=40,
).map(b"".join)


@every
@given(
    content_type=st.one_of(latin1, st.just("multipart/form-data; boundary=B")),
    body=form_pieces,
    piece=st.integers(1, 64),
)
@example(content_type="multipart/form-data; boundary=\u00ff", body=b"", piece=1)
@example(content_type='multipart/form-data; boundary="', body=b"", piece=1)
@example(content_type="multipart/form-data; boundary*=utf-8''%ff", body=b"", piece=1)
@example(content_type="multipart/form-data; boundary*0=B; boundary*x=C", body=b"", piece=1)
@example(content_type="multipart/form-data; boundary=" + "B" * 1_000, body=b"", piece=1)
@example(
    content_type="multipart/form-data; boundary=B",
    body=b"--B\r\nContent-Disposition: form-data; name*=utf-8''%ff\r\n\r\n\r\n--B--",
    piece=64,
)
@example(
    content_type="multipart/form-data; boundary=B",
    body=b"--B\r\nContent-Disposition: form-data; name*0=a; name*x=b; filename*0*=x'y'%\r\n\r\n\r\n--B--",
    piece=64,
)
def test_a_form_is_read_or_refused(content_type: str, body: bytes, piece: int) -> None:
    with suppress(MalformedRequest, UnsupportedMediaType, InvalidInput):
        asyncio.run(_read_all(content_type, body, piece))


@every
@given(
    values=st.dictionaries(st.text(string.ascii_letters, min_size=1), st.binary(max_size=200), max_size=10),
    piece=st.integers(1, 100),
)
def test_a_form_is_read_as_it_was_written_however_it_is_cut(values: dict[str, bytes], piece: int) -> None:
    assume(not any(b"boundary-of-ours" in value for value in values.values()))
    body = b"".join(
        b'--boundary-of-ours\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)
        for name, value in values.items()
    )
    content_type = "multipart/form-data; boundary=boundary-of-ours"
    if values:  # a form without any part is none
        assert asyncio.run(_read_all(content_type, body + b"--boundary-of-ours--\r\n", piece)) == values


# X-Forwarded-For


def _client(forwarded: bytes, peer: str = "10.0.0.1") -> str:
    async def app(*_: object) -> None:
        return None

    middleware = RequestContextMiddleware(app, trusted_proxies=[ip_network("10.0.0.0/8")])
    return middleware._client_ip(peer, forwarded)


@every
@given(forwarded=st.one_of(st.binary(max_size=200), st.text("0123456789abcdef.:,% ", max_size=60).map(str.encode)))
@example(forwarded=b"1.2.3.4%\xff")
@example(forwarded=b"fe80::1%" + b"a" * 10_000)
@example(forwarded=b"," * 10_000)
@example(forwarded=b"::ffff:1.2.3.4, 10.0.0.2")
def test_a_forwarded_client_is_always_an_address_whose_label_is_a_network(forwarded: bytes) -> None:
    address = _client(forwarded)
    assert len(address) <= 60
    assert re.fullmatch(r"[0-9a-f.:]+/\d+", client_prefix(address))


@every
@given(forged=st.lists(st.ip_addresses().map(str)), client=st.ip_addresses(v=4), proxies=st.integers(0, 3))
def test_what_a_client_says_in_front_of_the_proxies_addresses_changes_nothing(
    forged: list[str], client: Any, proxies: int
) -> None:
    assume(client not in ip_network("10.0.0.0/8"))
    hops = [*forged, str(client), *(f"10.0.0.{i}" for i in range(2, 2 + proxies))]
    assert _client(", ".join(hops).encode()) == str(client)


@every
@given(forwarded=st.binary(max_size=100))
def test_who_is_no_proxy_is_not_believed(forwarded: bytes) -> None:
    assert _client(forwarded, peer="203.0.113.9") == "203.0.113.9"


# Ids, cursors and limits


@every
@given(value=st.one_of(st.text(), st.uuids(version=4).map(str), st.just(new_id() + "\n"), st.just(new_id().upper())))
def test_what_is_no_id_of_ours_names_no_file(value: str) -> None:
    files = ObjectFiles(Path("/nowhere"))
    with pytest.raises(ValueError, match="not a key"):
        files.is_sealed(value)


@every
@given(value=st.from_regex(ID_PATTERN, fullmatch=True))
def test_an_id_names_a_file_within_the_store(value: str) -> None:
    assume(not value.endswith("\n"))
    assert ObjectFiles(Path("/nowhere")).is_sealed(value) is False


@every
@given(value=st.one_of(st.text(), st.integers().map(str), st.floats().map(str)))
@example(value="9" * 5_000)
@example(value="\u0663")  # a digit, not ours
def test_a_limit_is_a_number_from_1_to_100_in_digits(value: str) -> None:
    try:
        found = TypeAdapter(Limit).validate_python(value)
    except ValidationError:
        assert not re.fullmatch(r"0*([1-9]|[1-9][0-9]|100)", value, re.ASCII)
    else:
        assert 1 <= found <= 100
        assert re.fullmatch(r"[0-9]+", value)


# Route templates


TABLE = RouteTable.from_fastapi(create_app(Settings(secret_key=SecretStr("k" * 32))))
paths = st.one_of(
    st.text(max_size=100),
    st.lists(
        st.one_of(
            st.sampled_from(
                ["/", "//", "..", ".", "%2e%2e", "%00", "\x00", "\n", "albums", "photos", "share", "storage", "health"]
            ),
            st.just(new_id()),
            st.text(max_size=10),
        ),
        max_size=12,
    ).map(lambda parts: "/" + "/".join(parts)),
)


@every
@given(method=st.one_of(st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.text()), path=paths)
@example(method="GET", path="/" + "a" * 100_000)
@example(method="GET", path="/" * 100_000)
@example(method="GET", path="/share/" + "a" * 100_000 + "/photos/b/image")
def test_every_path_has_a_template_of_the_table(method: str, path: str) -> None:
    assert TABLE.resolve(method, path) in TABLE.templates


# Bodies


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@every
@given(
    model=st.sampled_from(
        [Registration, NewAlbum, AlbumChange, PhotosToAdd, PresignedUploadIn, PhotoChange, ShareLinkIn]
    ),
    data=st.data(),
)
def test_a_body_is_accepted_or_refused(model: type[BaseModel], data: st.DataObject) -> None:
    names = st.one_of(st.sampled_from(sorted(model.model_fields)), st.text(max_size=5))
    body = data.draw(st.one_of(json_values, st.dictionaries(names, json_values, max_size=6)))
    with suppress(ValidationError):
        model.model_validate(body)


@every
@given(value=st.one_of(st.text(), st.emails(), st.from_regex(r"[^@]{0,20}@[^@]{0,20}", fullmatch=True)))
@example(value="a@" + "b" * 300 + ".com")
@example(value="a@xn--\u0000.com")
@example(value="\u0130@example.com")
@example(value='"a b"@example.com')
@example(value="a@[127.0.0.1]")
def test_an_email_address_is_normalised_once_and_for_all_or_refused(value: str) -> None:
    try:
        found = normalise_email(value)
    except PydanticCustomError:
        return
    assert normalise_email(found) == found
