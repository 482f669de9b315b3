"""Properties of what reads credentials: tokens that we did not sign, and signatures of something else, name nobody."""

import base64
import json
import time
from typing import Any

import jwt
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from photo_api.accounts.middleware import bearer_token
from photo_api.accounts.tokens import ALGORITHM, AUDIENCE, ISSUER, PURPOSE, AccessTokens
from photo_api.config import Settings
from photo_api.secrets import Secrets
from photo_api.storage.signing import UploadSigner

every = settings(derandomize=True, deadline=None, database=None, max_examples=200)

latin1 = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"))
"""What a header can hold."""

SECRETS = Secrets(b"k" * 32, "1", b"p" * 32, "0")


# Access tokens


def _tokens() -> AccessTokens:
    return AccessTokens(Settings(secret_key=SecretStr("k" * 32)), SECRETS)


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
jose_headers = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {"alg": st.one_of(st.sampled_from(["none", "None", "HS256", "HS512", "RS256", "ES256", ""]), json_values)},
        optional={
            "kid": st.one_of(st.sampled_from(["1", "0", "../../dev/null"]), json_values),
            "typ": json_values,
            "crit": json_values,
            "b64": json_values,
            "jwk": json_values,
            "jku": json_values,
        },
    ),
)
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "somebody",
    "fam": "some login",
    "iat": int(time.time()),
    "exp": 2**33,
}


@every
@given(header=jose_headers, claims=st.one_of(json_values, st.just(CLAIMS)), signature=st.binary(max_size=40))
@example(header={"alg": "none", "kid": "1"}, claims=CLAIMS, signature=b"")
@example(header={"alg": "HS256", "kid": ["1"]}, claims=CLAIMS, signature=b"")
@example(header={"alg": "HS256", "kid": {"1": 1}}, claims=CLAIMS, signature=b"")
@example(header={"alg": ["HS256"], "kid": "1"}, claims=CLAIMS, signature=b"")
@example(header={"alg": "HS256", "kid": "1", "b64": False, "crit": ["b64"]}, claims=CLAIMS, signature=b"")
def test_a_token_that_we_did_not_sign_names_nobody(header: object, claims: object, signature: bytes) -> None:
    encoded = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    assert _tokens().verify(f"{_segment(header)}.{_segment(claims)}.{encoded}") is None


@every
@given(token=st.one_of(latin1, st.text("ey.-_AZ09=", max_size=100)))
@example(token=base64.urlsafe_b64encode(b"[" * 3_000).decode() + "..")
@example(token="." * 4_096)
def test_what_is_no_token_names_nobody(token: str) -> None:
    assert _tokens().verify(token) is None


@every
@given(place=st.integers(0, 10_000), replacement=st.characters(max_codepoint=255))
def test_a_token_with_one_character_changed_names_nobody_else(place: int, replacement: str) -> None:
    tokens = _tokens()
    token = tokens.issue("somebody", "some login")
    place %= len(token)
    forged = token[:place] + replacement + token[place + 1 :]
    found = _tokens().verify(forged)
    # The last character of a segment has bits that base64 does not use; what is signed is the same then.
    assert found is None or found.user_id == "somebody"


@every
@given(
    claims=st.dictionaries(st.sampled_from(sorted(CLAIMS)), st.one_of(json_values, st.floats()), max_size=3),
    missing=st.sets(st.sampled_from(sorted(CLAIMS))),
)
@example(claims={"exp": float("inf")}, missing=set())
@example(claims={"exp": 10**400}, missing=set())
@example(claims={"iat": float("nan")}, missing=set())
def test_even_a_signed_token_with_odd_claims_is_a_user_or_nobody(claims: dict[str, Any], missing: set[str]) -> None:
    key = SECRETS.derive(PURPOSE)
    assert key is not None
    body = {name: value for name, value in (CLAIMS | claims).items() if name not in missing}
    payload = base64.urlsafe_b64encode(json.dumps(body).encode())
    token = jwt.api_jws.encode(base64.urlsafe_b64decode(payload), key, ALGORITHM, headers={"kid": "1"})
    found = _tokens().verify(token)
    assert not (missing and found)


@every
@given(headers=st.lists(st.tuples(st.sampled_from([b"authorization", b"accept"]), st.binary(max_size=60)), max_size=3))
@example(headers=[(b"authorization", b"Bearer " + b"a" * 100_000)])
@example(headers=[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")])
def test_a_bearer_token_is_short_text_from_the_only_header_there_is(headers: list[tuple[bytes, bytes]]) -> None:
    token = bearer_token(headers)
    if token is not None:
        (value,) = [value for name, value in headers if name == b"authorization"]
        assert value[7:].strip() == token.encode("latin-1")
        assert len(token) < 5_000


# Upload URLs


@every
@given(
    method=st.sampled_from(["PUT", "GET", "POST", "put"]),
    key=st.one_of(st.just("a"), st.text(max_size=5)),
    expires=st.one_of(st.just(5), st.integers()),
    content_type=st.one_of(st.just("image/png"), st.text(max_size=5)),
    size=st.one_of(st.just(7), st.integers()),
    signature=st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))),
)
@example(method="PUT", key="a\n5", expires=0, content_type="image/png", size=7, signature=None)
def test_a_signature_holds_for_what_was_signed_and_nothing_else(
    method: str, key: str, expires: int, content_type: str, size: int, signature: str | None
) -> None:
    signer = UploadSigner(SECRETS)
    ours = signer.sign("PUT", "a", 5, "image/png", 7)
    same = (method, key, expires, content_type, size) == ("PUT", "a", 5, "image/png", 7)
    given_ = ours if signature is None else signature
    assert signer.is_valid(given_, method, key, expires, content_type, size) is (same and given_ == ours)
