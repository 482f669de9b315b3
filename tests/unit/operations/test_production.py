"""What a production environment refuses to start with."""

import secrets

import pytest

from photo_api.config import ConfigurationError, Environment, Settings, load_settings
from photo_api.operations.production import is_guessable

GOOD = "b7ca2f0e91d44c63a58d07fe3b9a6c21"
SWIFT = {
    "STORAGE": "swift",
    "SWIFT_AUTH_URL": "https://api-identity.example.com/v2.0",
    "SWIFT_USERNAME": "photo",
    "SWIFT_PASSWORD": "Yk3-tq9Zr",
    "SWIFT_CONTAINER": "photos",
    "SWIFT_TEMP_URL_KEY": GOOD,
}
S3 = {
    "STORAGE": "s3",
    "S3_ENDPOINT_URL": "https://storage.example.com",
    "S3_BUCKET": "photos",
    "S3_ACCESS_KEY_ID": "photo",
    "S3_SECRET_ACCESS_KEY": GOOD,
}
CDN = {
    "CDN_URL": "https://cdn.example.com",
    "CDN_APP_KEY": "kT9vQe2LmZ",
    "CDN_SECRET_KEY": "w8Rb5XnA",
    "CDN_ENCRYPT_KEY": GOOD,
}
LOGS = {"LOG_SERVICE": "logncrash", "LOGNCRASH_APP_KEY": "pJ4sWc7YdN"}


def refused(monkeypatch: pytest.MonkeyPatch, **values: str) -> list[str]:
    """The lines with which production refuses these settings; none where it starts."""
    for name, value in ({"ENVIRONMENT": "production", "SECRET_KEY": GOOD} | values).items():
        monkeypatch.setenv(f"PHOTO_API_{name}", value)
    try:
        load_settings()
    except ConfigurationError as error:
        lines = str(error).splitlines()
    else:
        return []
    hidden = [value for name, value in values.items() if name.endswith(("_KEY", "_PASSWORD"))]
    assert [line for line in lines if any(secret in line for secret in hidden)] == []
    return lines


@pytest.mark.parametrize("backends", [{}, SWIFT, S3, CDN, LOGS, SWIFT | CDN | LOGS])
def test_production_starts_with_secrets_made_at_random(
    monkeypatch: pytest.MonkeyPatch, backends: dict[str, str]
) -> None:
    assert refused(monkeypatch, **backends) == []


@pytest.mark.parametrize(
    ("backends", "name"),
    [
        ({}, "SECRET_KEY"),
        ({"PREVIOUS_SECRET_KEY_ID": "a"}, "PREVIOUS_SECRET_KEY"),
        (S3, "S3_SECRET_ACCESS_KEY"),
        (SWIFT, "SWIFT_PASSWORD"),
        (SWIFT, "SWIFT_TEMP_URL_KEY"),
        (CDN, "CDN_APP_KEY"),
        (CDN, "CDN_SECRET_KEY"),
        (CDN, "CDN_ENCRYPT_KEY"),
        (LOGS, "LOGNCRASH_APP_KEY"),
    ],
)
@pytest.mark.parametrize("value", ["change-me-change-me-change-me-please", "x" * 64, "abcd1234" * 6])
def test_no_secret_may_be_an_example_or_a_pattern(
    monkeypatch: pytest.MonkeyPatch, backends: dict[str, str], name: str, value: str
) -> None:
    [line] = refused(monkeypatch, **(backends | {name: value}))
    assert line == f"PHOTO_API_{name}: is an example or a pattern; set one that was made at random"


@pytest.mark.parametrize(
    ("backends", "name"),
    [(S3, "S3_SECRET_ACCESS_KEY"), (SWIFT, "SWIFT_PASSWORD"), (SWIFT, "SWIFT_TEMP_URL_KEY"), (CDN, "CDN_SECRET_KEY")],
)
def test_no_secret_may_be_short(monkeypatch: pytest.MonkeyPatch, backends: dict[str, str], name: str) -> None:
    [line] = refused(monkeypatch, **(backends | {name: "kT9vQe2"}))
    assert line.startswith(f"PHOTO_API_{name}: has fewer than ")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://photo:postgres@db.example.com/photo"),
        ("DATABASE_URL", "postgresql://db.example.com/photo?user=photo&password=change-me-please"),
        ("REDIS_URL", "rediss://:aaaaaaaaaaaa@redis.example.com"),
    ],
)
def test_passwords_in_urls_are_judged_too(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    [line] = refused(monkeypatch, **{name: url})
    assert line == f"PHOTO_API_{name}: its password is an example or a pattern; set one that was made at random"


@pytest.mark.parametrize(
    ("backends", "name", "path"),
    [
        ({}, "PUBLIC_URL", ""),
        ({}, "STORAGE_PUBLIC_URL", ""),
        (S3, "S3_ENDPOINT_URL", ""),
        (SWIFT, "SWIFT_AUTH_URL", "/v2.0"),
        (SWIFT, "SWIFT_STORAGE_URL", "/v1/AUTH_photo"),
        (CDN, "CDN_URL", ""),
        (CDN, "CDN_API_URL", ""),
        (LOGS, "LOGNCRASH_URL", ""),
    ],
)
def test_plain_http_is_refused_unless_on_loopback(
    monkeypatch: pytest.MonkeyPatch, backends: dict[str, str], name: str, path: str
) -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:8080"):
        assert refused(monkeypatch, **(backends | {name: f"http://{host}{path}"})) == []
    for host in ("storage.example.com", "10.0.0.7:8080", "localhost.example.com", "0.0.0.0:80"):
        [line] = refused(monkeypatch, **(backends | {name: f"http://{host}{path}"}))
        assert line.startswith(f"PHOTO_API_{name}: must be https:// in production")


def test_redis_in_the_clear_is_refused_unless_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, REDIS_URL="redis://127.0.0.1:6379/0") == []
    assert refused(monkeypatch, REDIS_URL="rediss://redis.example.com:6379/0") == []
    [line] = refused(monkeypatch, REDIS_URL="redis://redis.example.com:6379/0")
    assert line.startswith("PHOTO_API_REDIS_URL: must be rediss://")


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "null"])
def test_an_origin_that_is_many_is_refused(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    [line] = refused(monkeypatch, CORS_ORIGINS=f"https://photos.example.com,{origin}")
    assert line.startswith("PHOTO_API_CORS_ORIGINS: name the origins")


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = (
        S3
        | CDN
        | {
            "SECRET_KEY": "too-short",
            "S3_ENDPOINT_URL": "http://storage.example.com",
            "S3_SECRET_ACCESS_KEY": "y" * 40,
            "CORS_ORIGINS": "*",
            "DRAIN_SECONDS": "soon",
            "REDIS_URL": "redis://redis.example.com",
            "LOG_SERVICE": "logncrash",
        }
    )
    lines = refused(monkeypatch, **wrong)
    assert sorted(line.split(":")[0].split(" ")[0] for line in lines) == [
        "PHOTO_API_CORS_ORIGINS",
        "PHOTO_API_DRAIN_SECONDS",
        "PHOTO_API_LOG_SERVICE=logncrash",
        "PHOTO_API_REDIS_URL",
        "PHOTO_API_S3_ENDPOINT_URL",
        "PHOTO_API_S3_SECRET_ACCESS_KEY",
        "PHOTO_API_SECRET_KEY",
    ]


def test_development_takes_what_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {"S3_ENDPOINT_URL": "http://storage:8080", "S3_SECRET_ACCESS_KEY": "testing"}
    assert refused(monkeypatch, **(S3 | changed | {"ENVIRONMENT": "development"})) == []


@pytest.mark.parametrize(
    "secret",
    [
        *("change-me-to-a-long-random-string-please", "your_secret_key_here_32_characters", "0123456789abcdef" * 2),
        *("a" * 32, "ab" * 20, "abcdefghijklmnopqrstuvwxyz123456"[:26] * 2, "12345678901234567890123456789012"),
        *("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "minioadmin", "postgres", "testing", "P@ssword-P@ssw0rd"),
        *("<your-secret-key>", "${SECRET_KEY}", "dev-secret-key-do-not-use-in-production"),
    ],
)
def test_what_documentation_and_habit_write_is_guessable(secret: str) -> None:
    assert is_guessable(secret)


def test_what_is_made_at_random_is_not() -> None:
    made = [make(size) for _ in range(200) for make, size in ((secrets.token_hex, 16), (secrets.token_urlsafe, 24))]
    assert [secret for secret in made if is_guessable(secret)] == []


def test_the_settings_themselves_refuse_too() -> None:
    with pytest.raises(ValueError, match="SECRET_KEY: must be set in production"):
        Settings(environment=Environment.PRODUCTION)


@pytest.mark.parametrize(
    "guess", ["admin123", "abcd1234", "secret123", "postgres1", "abc12345", "4321abcdefgh", "aaaabbbb"]
)
def test_words_with_digits_and_runs_after_runs_are_guesses(guess: str) -> None:
    assert is_guessable(guess)


@pytest.mark.parametrize("secret", ["0b0e5db00d5b8ed0", "bee6b50e0bed5b06", "47714010", "90337903", "1551815185487541"])
def test_a_random_secret_may_repeat_some_characters(secret: str) -> None:
    """Of sixteen hexadecimal characters one in ninety has fewer than nine different ones."""
    assert not is_guessable(secret)
