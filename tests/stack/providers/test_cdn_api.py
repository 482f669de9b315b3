"""The local server of NHN CDN's API: what it refuses, always with status 200, and what its tokens open."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.cdn import APP_KEY, ENCRYPT_KEY, SECRET_KEY, Cdn, running_cdn

from photo_stack.providers.edge_tokens import TokenRefused, verify_token

PATH = "/photos/a"
GOOD: dict[str, Any] = {"encryptKey": ENCRYPT_KEY, "durationSeconds": 60, "singlePath": PATH}


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    async with running_cdn(lambda _: None) as running:
        yield running


async def ask(cdn: Cdn, body: object, *, app_key: str = APP_KEY, secret: str = SECRET_KEY) -> dict[str, Any]:
    url = f"{cdn.api_url}/v2.0/appKeys/{app_key}/auth-token"
    async with cdn.session.post(url, json=body, headers={"Authorization": secret}) as answer:
        assert answer.status == 200
        said: dict[str, Any] = await answer.json()
        return said


@pytest.mark.parametrize(
    "body",
    [
        [],
        {**GOOD, "encryptKey": "no hex"},
        {**GOOD, "durationSeconds": 0},
        {**GOOD, "durationSeconds": "60"},
        {**GOOD, "sessionId": "é" * 19},
        {**GOOD, "singlePath": "photos/a"},
        {**GOOD, "singleWildcardPath": "/photos/*"},
        {**GOOD, "singlePath": None},
        {"encryptKey": ENCRYPT_KEY, "durationSeconds": 60, "multipleWildcardPath": []},
        {"encryptKey": ENCRYPT_KEY, "durationSeconds": 60},
    ],
)
async def test_what_the_documents_forbid_is_unsuccessful(cdn: Cdn, body: object) -> None:
    said = await ask(cdn, body)
    assert said["header"]["isSuccessful"] is False
    assert said["header"]["resultMessage"]
    assert "authToken" not in said


@pytest.mark.parametrize("wrong", [{"app_key": "another"}, {"secret": "another"}, {"secret": ""}])
async def test_wrong_keys_are_unsuccessful(cdn: Cdn, wrong: dict[str, str]) -> None:
    assert (await ask(cdn, GOOD, **wrong))["header"]["isSuccessful"] is False


@pytest.mark.parametrize(
    ("form", "value", "opens", "refuses"),
    [
        ("singlePath", PATH, [PATH], ["/photos/b", "/photos/a/b", "/"]),
        ("singleWildcardPath", "/photos/*", [PATH, "/photos/b"], ["/uploads/a", "/photos"]),
        ("multipleWildcardPath", ["/photos/a*", "/x"], [PATH, "/photos/ab", "/x"], ["/photos/b", "/xy"]),
    ],
)
async def test_each_form_of_token_opens_its_paths_alone(
    cdn: Cdn, form: str, value: object, opens: list[str], refuses: list[str]
) -> None:
    asked = {"encryptKey": ENCRYPT_KEY, "durationSeconds": 60, "sessionId": "s ~!", form: value}
    token = (await ask(cdn, asked))["authToken"][f"{form}Token"]
    key, now = bytes.fromhex(ENCRYPT_KEY), time.time()
    for path in opens:
        assert verify_token(key, token, path, now) <= now + 60
    for path in refuses:
        with pytest.raises(TokenRefused):
            verify_token(key, token, path, now)
    with pytest.raises(TokenRefused, match="expired"):
        verify_token(key, token, opens[0], now + 60)
    with pytest.raises(TokenRefused, match="signature"):
        verify_token(b"another key", token, opens[0], now)
