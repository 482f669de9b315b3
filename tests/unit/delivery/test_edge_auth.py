"""Tokens computed here: their form, and what a wrong key says. That an edge takes them: tests/contracts/delivery."""

import re

import pytest

from photo_api.config import ConfigurationError
from photo_api.delivery.edge_auth import EdgeAuthTokens, escaped

KEY = "00ff" * 16


async def test_a_token_names_its_end_and_session_and_nothing_of_its_path() -> None:
    token = await EdgeAuthTokens(KEY, clock=lambda: 1_700_000_000.9).token("/photos/abc", "visitor", 120)
    assert re.fullmatch(r"exp=1700000120~id=visitor~hmac=[0-9a-f]{64}", token)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("/photos/a-b_c.d*", "%2fphotos%2fa-b_c.d*"),
        ("a b~c", "a+b%7ec"),
        ("é!(%2F)", "%c3%a9%21%28%252F%29"),
    ],
)
def test_paths_are_escaped_as_java_does_in_small_letters(text: str, form: str) -> None:
    assert escaped(text) == form


@pytest.mark.parametrize("key", ["not hexadecimal", "abc"])
def test_a_key_that_is_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="PHOTO_API_CDN_ENCRYPT_KEY") as refused:
        EdgeAuthTokens(key)
    assert key not in str(refused.value)
