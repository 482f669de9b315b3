"""The net that keeps secrets out of the logs."""

import base64
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_api.logs.redaction import HIDDEN, redact, redacted_text

TOKEN = "Zx3kP0wq9_-AbCdEfGhIjKlMnOpQrStUvWxYz012345"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def hidden(**event: Any) -> dict[str, Any]:
    return dict(redact(None, "info", event))


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "new_password",
        "X-Share-Password",
        "password_hash",
        "token",
        "access_token",
        "refresh_tokens",
        "token_hash",
        "Authorization",
        "secret_key",
        "client_secret",
        "api_key",
        "cookie",
        "signature",
        "credentials",
    ],
)
@pytest.mark.parametrize("value", ["short", 12, ["a"], {"b": "c"}, b"bytes"])
def test_values_of_telling_keys_are_hidden(key: str, value: object) -> None:
    assert hidden(**{key: value})[key] == HIDDEN
    assert hidden(body={"nested": [{key: value}]})["body"]["nested"][0][key] == HIDDEN


@pytest.mark.parametrize("key", ["token_status", "object_key", "tokens_left", "keyboard", "route"])
def test_values_of_other_keys_stay(key: str) -> None:
    assert hidden(**{key: "valid"})[key] == "valid"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"),
        (f"token was {JWT}", "token was [redacted]"),
        (f"GET /share/{TOKEN}/photos/1/image", "GET /share/{token}/photos/1/image"),
        ("GET /share/short HTTP/1.1", "GET /share/{token} HTTP/1.1"),
        ("the route /share/{token} failed", "the route /share/{token} failed"),
        ("PUT /storage/a?expires=1&signature=abc&x=1", "PUT /storage/a?expires=1&signature=[redacted]&x=1"),
        (f"https://cdn/photos/1?token=exp=1~id=owner~hmac={'ab' * 32}", "https://cdn/photos/1?token=[redacted]"),
        (f"exp=1~id=owner~hmac={'ab' * 32}", "exp=1~id=owner~hmac=[redacted]"),
        ("postgresql://photo:hunter2@db:5432/photo", "postgresql://photo:[redacted]@db:5432/photo"),
        ("{'email': 'a@b.c', 'password': 'hunter2'}", "{'email': 'a@b.c', 'password': [redacted]}"),
        ('{"refresh_token": "abc", "n": 1}', '{"refresh_token": [redacted], "n": 1}'),
        ("$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA is the hash", "[redacted] is the hash"),
        (f"reuse of {TOKEN}", "reuse of [redacted]"),
    ],
)
def test_texts_that_look_like_secrets_lose_them(text: str, expected: str) -> None:
    assert redacted_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "listening",
        "01930000-0000-7000-8000-000000000000",
        "in test_a_function_whose_name_is_long_because_it_says_what_it_tests",
        "the basic idea of a token bucket",
        "http://127.0.0.1:8000/photos/?limit=5",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert redacted_text(text) == text


def test_the_request_id_stays_whatever_it_looks_like() -> None:
    assert hidden(request_id="a" * 20 + "0" * 44)["request_id"] == "a" * 20 + "0" * 44


def test_long_texts_are_cut() -> None:
    assert len(hidden(event="word " * 10_000)["event"]) < 17_000


def test_deep_and_circular_values_end() -> None:
    circle: list[object] = []
    circle.append(circle)
    assert hidden(value=circle)["value"]


def test_an_object_that_cannot_be_shown_is_named() -> None:
    class Unshowable:
        def __str__(self) -> str:
            raise RuntimeError

    assert hidden(value=Unshowable())["value"] == "<Unshowable>"


def test_what_an_object_shows_is_redacted() -> None:
    class Connection:
        def __str__(self) -> str:
            return "postgresql://photo:hunter2@db/photo"

    assert "hunter2" not in hidden(value=Connection())["value"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_random_token_survives_in_any_text(before: str, after: str) -> None:
    for token in (secrets.token_urlsafe(32), secrets.token_hex(32)):
        for separator in (" ", "'", '"', "/", ":", "\n"):
            assert token not in redacted_text(f"{before}{separator}{token}{separator}{after}")


@given(st.binary(min_size=1, max_size=40), st.text(max_size=40))
def test_no_bearer_token_survives(raw: bytes, around: str) -> None:
    token = base64.urlsafe_b64encode(raw).decode().rstrip("=") + "SeCrEt"
    assert token not in redacted_text(f"{around} Bearer {token}")


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_can_be_logged(value: object) -> None:
    assert "value" in hidden(value=value)
