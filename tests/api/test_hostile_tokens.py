"""Every operation of the description that needs a token, with every kind of bad one: always 401, never a success."""

import base64
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from tests.support.rows import row_counts
from tests.support.service import Service, Start, User

from photo_api.accounts.tokens import ALGORITHM, PURPOSE
from photo_api.ids import new_id

Forger = Callable[[Service, User], dict[str, str]]


def claims_of(user: User) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(user.access_token, options={"verify_signature": False})
    return claims


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def key_of(service: Service, purpose: str = PURPOSE) -> bytes:
    key = service.components.secrets.derive(purpose)
    assert key is not None
    return key


def signed(service: Service, claims: dict[str, Any], *, kid: str | None = None) -> str:
    """A token with our own key."""
    kid = service.components.secrets.current_id if kid is None else kid
    return jwt.encode(claims, key_of(service), ALGORITHM, headers={"kid": kid})


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT", "kid": "1"}, claims)
    return ".".join(base64url(json.dumps(part).encode()) for part in parts) + "."


def with_sha512(service: Service, claims: dict[str, Any]) -> str:
    """Signed by us, but with an algorithm that is not the one."""
    token = unsigned(claims, "HS512")
    return token + base64url(hmac.digest(key_of(service), token[:-1].encode(), "sha512"))


def with_claims(**changes: Any) -> Forger:
    """Signed by us, with these claims changed; ``None`` leaves one out."""

    def forge(service: Service, user: User) -> dict[str, str]:
        claims = {name: value for name, value in (claims_of(user) | changes).items() if value is not None}
        return bearer(signed(service, claims))

    return forge


FORGERS: dict[str, Forger] = {
    "none": lambda *_: {},
    "empty": lambda *_: {"Authorization": ""},
    "no token": lambda *_: {"Authorization": "Bearer "},
    "garbage": lambda *_: bearer("abc.def.ghi"),
    "not ASCII": lambda *_: bearer("\u00e9" * 20),
    "very long": lambda *_: bearer("a" * 60_000),
    "another scheme": lambda _, user: {"Authorization": f"Basic {user.access_token}"},
    "a scheme too many": lambda _, user: {"Authorization": f"Bearer Bearer {user.access_token}"},
    "as a cookie": lambda _, user: {"Cookie": f"access_token={user.access_token}"},
    "a refresh token": lambda _, user: bearer(user.refresh_token),
    "without its signature": lambda _, user: bearer(user.access_token.rpartition(".")[0] + "."),
    "another's signature": lambda service, user: bearer(
        user.access_token.rpartition(".")[0] + "." + signed(service, {"a": 1}).rpartition(".")[2]
    ),
    "another key": lambda _, user: bearer(jwt.encode(claims_of(user), "x" * 32, ALGORITHM, headers={"kid": "1"})),
    "the key of uploads": lambda service, user: bearer(
        jwt.encode(claims_of(user), key_of(service, "storage"), ALGORITHM, headers={"kid": "1"})
    ),
    "the secret itself": lambda service, user: bearer(
        jwt.encode(claims_of(user), service.components.secrets.current, ALGORITHM, headers={"kid": "1"})
    ),
    "an unknown key id": lambda service, user: bearer(signed(service, claims_of(user), kid="9")),
    "the previous key's id, where there is none": lambda service, user: bearer(
        signed(service, claims_of(user), kid=service.components.secrets.previous_id)
    ),
    "alg none": lambda _, user: bearer(unsigned(claims_of(user), "none")),
    "alg NoNe": lambda _, user: bearer(unsigned(claims_of(user), "NoNe")),
    "alg HS512": lambda service, user: bearer(with_sha512(service, claims_of(user))),
    "expired": with_claims(exp=int(time.time()) - 1),
    "expired long ago": with_claims(exp=0),
    "without expiry": with_claims(exp=None),
    "another issuer": with_claims(iss="somebody"),
    "another audience": with_claims(aud="another service"),
    "without a subject": with_claims(sub=None),
    "without a login": with_claims(fam=None),
    "not valid yet": with_claims(nbf=int(time.time()) + 3_600),
}


def secured(service: Service) -> list[tuple[str, str]]:
    """Method and template of every operation that the description says needs a token."""
    found = [
        (method.upper(), path)
        for path, methods in service.app.openapi()["paths"].items()
        for method, operation in methods.items()
        if "security" in operation
    ]
    assert len(found) > 15
    return found


@pytest.mark.parametrize("kind", FORGERS)
async def test_a_bad_token_is_401_everywhere_and_changes_nothing(service: Service, kind: str) -> None:
    user = await service.register()
    album_id = await service.album(user)
    headers = FORGERS[kind](service, user)
    octets = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    before = await row_counts(service.components.database)
    for method, path in secured(service):
        url = re.sub(r"\{[a-z_]+\}", lambda found: album_id if found[0] == "{album_id}" else new_id(), path)
        answer = await service.client.request(method, url, headers=octets, json={} if method != "GET" else None)
        assert answer.status_code == 401, f"{method} {path}: {answer.text}"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        for value in headers.values():
            assert len(value) < 8 or value.rpartition(" ")[2] not in answer.text
    assert await row_counts(service.components.database) == before


async def test_the_same_operations_take_a_good_token(service: Service) -> None:
    """Or the refusals above would prove nothing."""
    user = await service.register()
    for method, path in secured(service):
        url = re.sub(r"\{[a-z_]+\}", lambda _: new_id(), path)
        answer = await service.client.request(method, url, headers=user.headers, json={} if method != "GET" else None)
        assert answer.status_code != 401, f"{method} {path}"


async def test_two_authorization_headers_are_401(service: Service) -> None:
    user = await service.register()
    value = user.headers["Authorization"]
    answer = await service.client.get("/auth/me", headers=[("Authorization", value), ("Authorization", value)])
    assert answer.status_code == 401


async def test_a_token_that_expires_while_it_is_remembered_is_401(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(access_token_seconds=60) as service:
        user = await service.register()
        assert (await service.client.get("/auth/me", headers=user.headers)).status_code == 200
        later = time.time() + 61
        monkeypatch.setattr("photo_api.accounts.tokens.time.time", lambda: later)
        assert (await service.client.get("/auth/me", headers=user.headers)).status_code == 401


async def test_one_users_token_opens_nothing_of_anothers(service: Service, jpeg: Callable[..., bytes]) -> None:
    """Every operation on an id of what another user has: 404 as for what never was, and nothing changes."""
    owner, stranger = await service.register(), await service.register()
    album_id = await service.album(owner)
    photo_id = await service.photo(owner, jpeg(), album_id=album_id)
    link = await service.client.post(f"/albums/{album_id}/share", json={}, headers=owner.headers)
    ids = {"{album_id}": album_id, "{photo_id}": photo_id, "{link_id}": link.json()["id"]}
    bodies: dict[str, Any] = {
        "/albums/{album_id}": {"name": "Mine"},
        "/albums/{album_id}/photos": {"photo_ids": [photo_id]},
        "/albums/{album_id}/share": {},
        "/photos/{photo_id}": {"title": "Mine"},
    }
    before = await row_counts(service.components.database)
    tried = 0
    for method, path in secured(service):
        if "{" not in path:
            continue
        found = set(re.findall(r"\{[a-z_]+\}", path))
        assert found <= set(ids), f"{path}: teach this test its ids"
        foreign, unknown = path, path
        for name in found:
            foreign, unknown = foreign.replace(name, ids[name]), unknown.replace(name, new_id())
        answers = [
            await service.client.request(method, url, headers=stranger.headers, json=bodies.get(path))
            for url in (foreign, unknown)
        ]
        assert [answer.status_code for answer in answers] == [404, 404], f"{method} {path}"
        texts = [re.sub(r'"request_id":"[^"]+"', "", answer.text) for answer in answers]
        assert texts[0] == texts[1], f"{method} {path} tells that there is something"
        tried += 1
    assert tried >= 12
    for body in ({"photo_id": photo_id}, {"photo_id": new_id()}):
        answer = await service.client.post("/photos/confirm", json=body, headers=stranger.headers)
        assert answer.status_code == 404
    assert await row_counts(service.components.database) == before
    mine = await service.client.get(f"/albums/{album_id}", headers=owner.headers)
    assert mine.json()["name"] == "Holiday"
