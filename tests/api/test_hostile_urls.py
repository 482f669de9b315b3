"""URLs that were changed, guessed or bent: upload URLs, share links, paths; against the real command."""

import hashlib
import io
import socket
import string
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.support.service import PASSWORD
from tests.support.serving import Served, serving

from photo_api.ids import new_id

every = settings(derandomize=True, deadline=None, database=None, max_examples=60)

PICTURE = io.BytesIO()
Image.new("RGB", (8, 8), "teal").save(PICTURE, "PNG")
CONTENT = PICTURE.getvalue()
SHARE_PASSWORD = "소풍 picnic 2026"


@dataclass(frozen=True)
class World:
    """A server, a user with an upload URL not yet used, and a share link with a password."""

    served: Served
    client: httpx.Client
    upload_url: str
    photo_id: str
    album_id: str
    share_token: str

    def stored(self) -> list[str]:
        """All objects, complete or not."""
        objects = self.served.data / "objects"
        return sorted(str(path.relative_to(objects)) for path in objects.rglob("*") if path.is_file())


def ok(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code in {200, 201}, answer.text
    body: dict[str, str] = answer.json()
    return body


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        serving(tmp_path_factory.mktemp("urls"), access_log="all") as served,
        httpx.Client(base_url=served.url, timeout=60) as client,
    ):
        account = {"email": "mina@example.com", "username": "mina", "password": PASSWORD}
        ok(client.post("/auth/register", json=account))
        tokens = ok(client.post("/auth/login", json={"email": account["email"], "password": PASSWORD}))
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        album_id = ok(client.post("/albums/", json={"name": "Holiday"}))["id"]
        photo = {"filename": "a.png", "content_type": "image/png", "file_size": len(CONTENT)}
        upload = ok(client.post("/photos/presigned-url", json={"album_id": album_id, **photo}))
        token = ok(client.post(f"/albums/{album_id}/share", json={"password": SHARE_PASSWORD}))["token"]
        yield World(served, client, upload["upload_url"], upload["photo_id"], album_id, token)
        signature = dict(parse_qsl(urlsplit(upload["upload_url"]).query))["signature"]
        secrets = (PASSWORD, SHARE_PASSWORD, tokens["access_token"], tokens["refresh_token"], token, signature)
        assert served.faults(*secrets) == []


def put(world: World, url: str, content: bytes = CONTENT, content_type: str = "image/png") -> int:
    return httpx.put(f"{world.served.url}{url}", content=content, headers={"Content-Type": content_type}).status_code


printable = st.sampled_from(string.ascii_letters + string.digits + string.punctuation + " é\x00")


@every
@given(place=st.integers(0, 500), replacement=st.one_of(st.just(""), printable), insert=st.booleans())
def test_an_upload_url_with_any_value_changed_stores_nothing(
    world: World, place: int, replacement: str, insert: bool
) -> None:
    split = urlsplit(world.upload_url)
    key = split.path.removeprefix("/storage/")
    values = [key, *(value for _, value in parse_qsl(split.query))]
    place %= sum(map(len, values))
    changed = list(values)
    for i, value in enumerate(values):
        if place < len(value):
            changed[i] = value[:place] + replacement + value[place if insert else place + 1 :]
            break
        place -= len(value)
    assume(changed != values)
    before = world.stored()
    query = urlencode({"expires": changed[1], "signature": changed[2]})
    assert put(world, f"/storage/{quote(changed[0], safe='')}?{query}") in {400, 403, 404, 422}
    assert world.stored() == before


@pytest.mark.parametrize(
    "query",
    [
        "",
        "expires={expires}",
        "signature={signature}",
        "expires=0{expires}&signature={signature}",
        "expires=%2B{expires}&signature={signature}",
        "expires={expires}.0&signature={signature}",
        "expires={expires}&expires=9999999999&signature={signature}",
        "expires={expires}&signature={signature}&signature=a",
        "expires={expires}&signature={signature}%0A",
        "expires=1&signature={signature}",
        "expires={expires}&signature=" + "a" * 10_000,
    ],
)
def test_an_upload_url_with_another_query_stores_nothing(world: World, query: str) -> None:
    split = urlsplit(world.upload_url)
    before = world.stored()
    assert put(world, f"{split.path}?{query.format(**dict(parse_qsl(split.query)))}") in {403, 422}
    assert world.stored() == before


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (CONTENT + b"a", "image/png", 403),
        (CONTENT[:-1], "image/png", 403),
        (b"", "image/png", 403),
        (CONTENT, "image/jpeg", 403),
        (CONTENT, "image/png; a=b", 403),
        (CONTENT, "", 403),
    ],
)
def test_an_upload_that_was_not_signed_so_stores_nothing(
    world: World, content: bytes, content_type: str, expected: int
) -> None:
    before = world.stored()
    assert put(world, world.upload_url, content, content_type) == expected
    assert world.stored() == before


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "HEAD"])
def test_an_upload_url_is_for_put_alone(world: World, method: str) -> None:
    answer = httpx.request(method, f"{world.served.url}{world.upload_url}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "PUT")


def test_a_photo_whose_upload_was_forged_is_still_not_there(world: World) -> None:
    assert world.client.post("/photos/confirm", json={"photo_id": world.photo_id}).status_code == 409
    assert world.client.get(f"/photos/{world.photo_id}").status_code == 404
    assert world.served.total("photo_api_photos_total") == 0


def test_the_url_itself_was_good_all_the_while(world: World) -> None:
    """Or the tests before this one would prove nothing; its own photo, so that their order does not matter."""
    photo = {"filename": "b.png", "content_type": "image/png", "file_size": len(CONTENT)}
    upload = ok(world.client.post("/photos/presigned-url", json={"album_id": world.album_id, **photo}))
    assert put(world, upload["upload_url"]) == 200
    assert any(hashlib.sha256(CONTENT).hexdigest() in name for name in world.stored())


# Share links

guesses = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@every
@given(token=st.one_of(guesses, st.none()), i=st.integers(0, 42))
@example(token="..", i=0)
@example(token="%", i=0)
@example(token="' OR 1=1 --", i=0)
@example(token="\x00", i=0)
def test_a_share_token_that_is_not_exactly_one_opens_nothing(world: World, token: str | None, i: int) -> None:
    valid = world.share_token
    guess = token or valid[:i] + ("a" if valid[i] != "a" else "b") + valid[i + 1 :]
    for path in ("", f"/photos/{new_id()}/image"):
        target = f"/share/{quote(guess, safe='')}{path}".encode()
        status, _ = sent(world, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert status in {404, 422}


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (SHARE_PASSWORD.encode(), 200),
        (None, 401),
        (b"", 401),
        (SHARE_PASSWORD.encode("utf-16"), None),  # no header can carry it
        (SHARE_PASSWORD.encode() + b"\xff", 401),
        (SHARE_PASSWORD.upper().encode(), 401),
        (b"a" * 513, 422),
        (b"\xff\xfe", 401),
    ],
)
def test_a_share_links_password_opens_it_in_utf_8_and_nothing_else_does(
    world: World, password: bytes | None, expected: int | None
) -> None:
    request = b"GET /share/%b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" % world.share_token.encode()
    if password is not None:
        request += b"X-Share-Password: " + password + b"\r\n"
    status, body = sent(world, request + b"\r\n")
    assert status == (expected or 400)
    assert SHARE_PASSWORD.encode() not in body


def test_what_was_guessed_is_counted_as_denied(world: World) -> None:
    def invalid(result: str) -> float:
        return world.served.total("photo_api_share_link_access_total", token_status="invalid", result=result)

    before = invalid("denied")
    httpx.get(f"{world.served.url}/share/{'a' * 43}")
    assert (invalid("denied"), invalid("success")) == (before + 1, 0)


# Paths


def sent(world: World, request: bytes) -> tuple[int, bytes]:
    """What the server answers to these octets: status and body."""
    with closing(socket.create_connection(("127.0.0.1", world.served.port), timeout=30)) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    return int(received[9:12]), received.partition(b"\r\n\r\n")[2]


segments = st.one_of(
    st.sampled_from(
        [b"", b".", b"..", b"%2e%2e", b"%2F", b"%5c", b"%00", b"%0a", b"%c0%af", b"%ff", b"%", b"%zz", b";a=b", b"*"]
    ),
    st.sampled_from([b"albums", b"photos", b"share", b"storage", b"health", b"auth", b"image", b"metrics", b"me"]),
    st.just(new_id().encode()),
    st.binary(max_size=6),
)


@every
@given(
    method=st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"PURGE"]),
    path=st.lists(segments, max_size=6).map(lambda parts: b"/" + b"/".join(parts)),
)
@example(method=b"GET", path=b"/" + b"a" * 30_000)
@example(method=b"GET", path=b"/share/" + b"%00" * 5_000)
@example(method=b"GET", path=b"/storage/../../etc/passwd")
@example(method=b"GET", path=b"//evil.example/%2e%2e")
@example(method=b"GET", path=b"/metrics")
@example(method=b"GET", path=b"/share/{token}")
@example(method=b"GET", path=b"/health%0a")
def test_any_path_is_a_page_that_exists_or_refused(world: World, method: bytes, path: bytes) -> None:
    assume(not set(path) & set(b"\r\n ?#"))
    status, body = sent(world, method + b" " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    existing = {b"/health", b"/health/"}
    assert status in {400, 401, 403, 404, 405, 411, 415, 422} or (status == 200 and path.startswith(b"/health")), (
        existing
    )
    assert b"Traceback" not in body
    assert b"root:" not in body


def test_metrics_are_not_reachable_through_the_api(world: World) -> None:
    assert httpx.get(f"{world.served.url}/metrics").status_code == 404
