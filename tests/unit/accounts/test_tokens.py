"""Access tokens: only what we signed, for this service, with a key of ours, and for as long as it says."""

import base64
import json
import sys
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_api.accounts.tokens import AUDIENCE, ISSUER, PURPOSE, AccessTokens
from photo_api.config import Settings
from photo_api.context import Principal
from photo_api.secrets import Secrets

SECRETS = Secrets(b"k" * 32, "2", b"j" * 32, "1")
PRINCIPAL = Principal("user", "family")


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(Settings(), SECRETS)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    valid = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user", "fam": "family", "iat": now, "exp": now + 60}
    return {name: value for name, value in (valid | changes).items() if value is not None}


def signed(
    payload: dict[str, Any], *, key: bytes | None = None, algorithm: str = "HS256", kid: object = "2", **header: Any
) -> str:
    key = key if key is not None else SECRETS.derive(PURPOSE)
    headers = header | ({} if kid is None else {"kid": kid})
    return jwt.encode(payload, key or "", algorithm, headers=headers)


def raw(header: bytes, payload: bytes, signature: bytes = b"x") -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, signature))


def test_an_issued_token_names_its_user_and_login(tokens: AccessTokens) -> None:
    assert tokens.verify(tokens.issue("user", "family")) == PRINCIPAL


def test_an_issued_token_says_who_for_whom_until_when_and_with_which_key(tokens: AccessTokens) -> None:
    token = tokens.issue("user", "family")
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": "2"}
    payload = jwt.decode(token, options={"verify_signature": False})
    assert (payload["iss"], payload["aud"], payload["exp"] - payload["iat"]) == (ISSUER, AUDIENCE, 900)


def test_the_baseline_that_the_refusals_start_from_is_valid(tokens: AccessTokens) -> None:
    assert tokens.verify(signed(claims())) == PRINCIPAL


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "another-service"},
        {"exp": 1},
        {"sub": 7},
        *({name: None} for name in ("iss", "aud", "sub", "fam", "iat", "exp")),
    ],
    ids=str,
)
def test_a_token_with_a_wrong_or_missing_claim_is_refused(tokens: AccessTokens, changes: dict[str, Any]) -> None:
    assert tokens.verify(signed(claims(**changes))) is None


def test_another_key_is_refused(tokens: AccessTokens) -> None:
    assert tokens.verify(signed(claims(), key=b"z" * 32)) is None


def test_the_secret_itself_signs_nothing(tokens: AccessTokens) -> None:
    """Keys are derived for their purpose; another purpose's key is as wrong."""
    assert tokens.verify(signed(claims(), key=SECRETS.current)) is None
    assert tokens.verify(signed(claims(), key=SECRETS.derive("upload-url"))) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_algorithm_is_refused_even_with_the_right_key(tokens: AccessTokens, algorithm: str) -> None:
    assert tokens.verify(signed(claims(), algorithm=algorithm)) is None


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_an_unsigned_token_is_refused(tokens: AccessTokens, alg: str) -> None:
    header = json.dumps({"alg": alg, "typ": "JWT", "kid": "2"}).encode()
    token = raw(header, json.dumps(claims()).encode(), b"")
    assert tokens.verify(token) is None
    assert tokens.verify(token + "x") is None


@pytest.mark.parametrize("kid", ["3", "", "../../dev/null", None, 2, ["2"], {"2": "2"}])
def test_a_kid_outside_the_closed_set_is_refused(tokens: AccessTokens, kid: object) -> None:
    header = {"alg": "HS256", "typ": "JWT"} | ({} if kid is None else {"kid": kid})
    valid = signed(claims())
    signature = valid.split(".")[2]
    forged = raw(json.dumps(header).encode(), json.dumps(claims()).encode())
    assert tokens.verify(forged) is None
    assert tokens.verify(forged.rsplit(".", 1)[0] + "." + signature) is None


def test_a_kid_chooses_exactly_its_own_key(tokens: AccessTokens) -> None:
    assert tokens.verify(signed(claims(), kid="1")) is None


def test_tokens_of_the_previous_key_are_accepted_while_secrets_are_rotated() -> None:
    before = AccessTokens(Settings(), Secrets(b"j" * 32, "1", None, "0"))
    during = AccessTokens(Settings(), SECRETS)
    after = AccessTokens(Settings(), Secrets(b"k" * 32, "2", None, "0"))
    token = before.issue("user", "family")
    assert during.verify(token) == PRINCIPAL
    assert after.verify(token) is None
    assert jwt.get_unverified_header(during.issue("user", "family"))["kid"] == "2"


def test_a_token_with_a_changed_payload_is_refused(tokens: AccessTokens) -> None:
    header, _, signature = tokens.issue("user", "family").split(".")
    payload = raw(b"", json.dumps(claims(sub="admin")).encode()).split(".")[1]
    assert tokens.verify(f"{header}.{payload}.{signature}") is None


def test_a_remembered_token_still_expires(tokens: AccessTokens) -> None:
    token = signed(claims(exp=int(time.time()) + 1))
    assert tokens.verify(token) == PRINCIPAL
    while time.time() < int(jwt.decode(token, options={"verify_signature": False})["exp"]):
        time.sleep(0.02)
    assert tokens.verify(token) is None
    assert tokens.verify(token) is None


def test_a_second_look_at_a_token_checks_no_signature(tokens: AccessTokens) -> None:
    """The hot path: without its keys the verifier still knows a token it has seen, and no other."""
    seen, unseen = tokens.issue("user", "family"), tokens.issue("user", "another")
    tokens.verify(seen)
    tokens._keys.clear()
    assert tokens.verify(seen) == PRINCIPAL
    assert tokens.verify(unseen) is None


def test_what_is_remembered_is_bounded(tokens: AccessTokens) -> None:
    small = AccessTokens(Settings(), SECRETS, remembered=10)
    issued = [small.issue("user", str(number)) for number in range(50)]
    for token in issued:
        assert small.verify(token) is not None
        assert len(small._remembered) <= 10
    assert all(small.verify(token) is not None for token in issued)


def test_forged_tokens_are_not_remembered(tokens: AccessTokens) -> None:
    for number in range(20):
        assert tokens.verify(signed(claims(sub=str(number)), key=b"z" * 32)) is None
    assert not tokens._remembered


def test_expired_tokens_leave_before_valid_ones(tokens: AccessTokens) -> None:
    small = AccessTokens(Settings(), SECRETS, remembered=3)
    now = time.time()
    for name in ("a", "b"):
        small._remember(name, PRINCIPAL, now - 1, now - 2)
    small._remember("valid", PRINCIPAL, now + 60, now - 2)
    token = small.issue("user", "family")
    assert small.verify(token) == PRINCIPAL
    assert set(small._remembered) == {"valid", token}


def test_an_oversized_token_is_refused_although_it_is_signed(tokens: AccessTokens) -> None:
    token = signed(claims(padding="x" * 4_096))
    assert tokens.verify(token) is None
    assert not tokens._remembered


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "\u00e9.\u00e9.\u00e9",
        "\udc80",
        raw(b"null", b"{}"),
        raw(b"[]", b"{}"),
        raw(b"\xff\xfe", b"{}"),
        raw(b'{"alg": 5, "kid": "2"}', b"{}"),
        raw(b'{"alg": ["HS256"], "kid": "2"}', b"{}"),
        raw(b'{"alg": {}, "kid": "2"}', b"{}"),
        raw(b'{"alg": "HS256", "kid": "2", "crit": ["b64"], "b64": false}', b"{}"),
        raw(b'{"kid": ' + b"9" * 2_900 + b"}", b"{}"),
    ],
)
def test_a_malformed_token_is_refused(tokens: AccessTokens, token: str) -> None:
    assert tokens.verify(token) is None


def test_a_header_nested_deeper_than_the_parser_goes_is_refused(tokens: AccessTokens) -> None:
    depth = sys.getrecursionlimit() + 200
    assert tokens.verify(raw(b"[" * depth, b"{}")) is None


@pytest.mark.parametrize(
    "payload", [b"null", b"[]", b"7", b'"text"', b"\xff", b"{", b'{"exp": "soon"}', b'{"exp": 1e400}']
)
def test_a_signed_payload_that_is_no_set_of_claims_is_refused(tokens: AccessTokens, payload: bytes) -> None:
    token = jwt.api_jws.encode(payload, SECRETS.derive(PURPOSE) or b"", "HS256", headers={"kid": "2"})
    assert tokens.verify(token) is None


@given(st.text(max_size=300))
def test_no_text_at_all_raises(text: str) -> None:
    assert AccessTokens(Settings(), SECRETS).verify(text) is None


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=64))
def test_no_three_parts_raise(header: bytes, payload: bytes, signature: bytes) -> None:
    assert AccessTokens(Settings(), SECRETS).verify(raw(header, payload, signature)) is None


def test_two_instances_with_one_secret_accept_each_others_tokens() -> None:
    one, two = AccessTokens(Settings(), SECRETS), AccessTokens(Settings(), SECRETS)
    assert two.verify(one.issue("user", "family")) == PRINCIPAL


def test_a_token_from_an_instance_whose_clock_is_ahead_is_accepted(tokens: AccessTokens) -> None:
    assert tokens.verify(signed(claims(iat=int(time.time()) + 30))) == PRINCIPAL
