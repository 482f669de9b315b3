"""What a production environment refuses to start with: secrets that are no secrets, and secrets sent in the clear.

Secrets are judged by their text alone: long enough, no example of some documentation, no pattern. Who sends one over
plain HTTP to another machine gives it away, so that every URL with a host that is not on loopback must be encrypted;
but for PostgreSQL's, whose ``sslmode`` says what its operator decided: its password is not sent as such (SCRAM).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from photo_api.url_settings import is_on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from photo_api.config import Settings

_LEAST: Final = {
    "secret_key": 32,
    "previous_secret_key": 32,
    "s3_secret_access_key": 16,
    "swift_password": 8,
    "swift_temp_url_key": 16,
    "cdn_app_key": 8,
    "cdn_secret_key": 8,
    "cdn_encrypt_key": 16,
    "logncrash_app_key": 8,
}
"""Characters: ours as many as keys need, those that a provider hands out as many as the shortest of them has."""
_LEAST_PASSWORD: Final = 8
_PLACEHOLDERS: Final = (
    *("changeme", "changethis", "replaceme", "yoursecret", "yourkey", "yourpassword", "secretkey", "mysecret"),
    *("supersecret", "topsecret", "example", "placeholder", "insecure", "default", "sample", "password"),
    *("letmein", "qwerty", "testing", "hunter2"),
)
_WHOLE: Final = frozenset(
    {"admin", "minioadmin", "postgres", "postgresql", "redis", "swift", "secret", "photo", "photos"}
)
_RUNS: Final = ("0123456789", "1234567890", "abcdefghijklmnopqrstuvwxyz", "0123456789abcdef")
_DISTINCT: Final = ((32, 8), (16, 5), (0, 4))
"""From how many characters on how many of them are different: fewer are rarer than one in a hundred, even in digits."""
_RUN_LENGTH: Final = 4
_URLS: Final = (
    *("public_url", "storage_public_url", "s3_endpoint_url", "swift_auth_url", "swift_storage_url"),
    *("cdn_url", "cdn_api_url", "logncrash_url"),
)


def problems(settings: Settings) -> Iterator[str]:
    """``NAME: what is wrong and what to do``, a line each, names without the prefix; no secret is repeated."""
    if settings.secret_key is None:
        yield "SECRET_KEY: must be set in production (openssl rand -hex 32 makes one)"
    for name, least in _LEAST.items():
        secret: SecretStr | None = getattr(settings, name)
        if secret is not None:
            yield from _judged(name, secret.get_secret_value(), least)
    for name, url in (
        ("database_url", settings.database_url),
        ("redis_url", settings.redis_url.get_secret_value() if settings.redis_url else None),
    ):
        for password in _passwords(url):
            yield from _judged(name, password, _LEAST_PASSWORD, "its password ")
    for origin in settings.cors_origins:
        if "*" in origin or origin == "null":
            yield f"CORS_ORIGINS: name the origins; {origin} would let any site act for its visitors"
    for name in _URLS:
        url = getattr(settings, name)
        if url is not None and url.startswith("http://") and not is_on_loopback(url):
            yield f"{name.upper()}: must be https:// in production; plain HTTP shows secrets and photos on the way"
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    if redis_url.startswith("redis://") and not is_on_loopback(redis_url):
        yield "REDIS_URL: must be rediss:// in production; redis:// is not encrypted"


def _judged(name: str, secret: str, least: int, whose: str = "") -> Iterator[str]:
    if len(secret) < least:
        yield f"{name.upper()}: {whose}has fewer than {least} characters; set one that was made at random"
    elif is_guessable(secret):
        yield f"{name.upper()}: {whose}is an example or a pattern; set one that was made at random"


def is_guessable(secret: str) -> bool:
    """Whether a secret is a placeholder, a few characters over and over, or runs of the alphabet."""
    plain = secret.lower()
    bare = plain.translate(str.maketrans("", "", "-_ .!$<>{}"))
    spelled = bare.translate(str.maketrans("@013", "aoie"))
    if bare.rstrip("0123456789") in _WHOLE or any(word in bare or word in spelled for word in _PLACEHOLDERS):
        return True
    if len(set(plain)) < next(few for length, few in _DISTINCT if len(plain) >= length):
        return True
    if _runs(plain) <= len(plain) / _RUN_LENGTH:
        return True
    period = (plain + plain).find(plain, 1)  # of the shortest block that gives the text when repeated
    if period < len(plain):
        return True
    return any(plain in run * (len(plain) // len(run) + 2) for run in _RUNS)


def _runs(text: str) -> int:
    """How many pieces a text has in which characters follow each other, up or down, or repeat: abcd1234 has two."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    pieces, run = 1, None
    for step in steps:
        if step not in {-1, 0, 1} or run not in {None, step}:
            pieces, run = pieces + 1, None
        else:
            run = step
    return pieces


def _passwords(url: str | None) -> Iterator[str]:
    """The passwords in a URL: before the host, or as libpq's parameter."""
    if url is None or "://" not in url:
        return
    parts = urlsplit(url)
    before_host = parts.netloc.rpartition("@")[0].partition(":")[2]
    if before_host:
        yield unquote(before_host)
    for key, value in parse_qsl(parts.query):
        if key == "password":
            yield value
