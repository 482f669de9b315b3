"""Settings: what the environment may say, and how a mistake is told."""

import ipaddress

import pytest
from pydantic import SecretStr

from photo_api.config import ConfigurationError, Environment, Settings, load_settings
from photo_api.settings_reference import PAGE, described_settings, markdown

SECRET = "b7ca2f0e91d44c63a58d07fe3b9a6c21"


@pytest.mark.parametrize(
    ("value", "environment"),
    [("dev", "development"), ("prod", "production"), ("production", "production"), ("staging", "staging")],
)
def test_environments_have_aliases(monkeypatch: pytest.MonkeyPatch, value: str, environment: str) -> None:
    monkeypatch.setenv("PHOTO_API_ENVIRONMENT", value)
    monkeypatch.setenv("PHOTO_API_SECRET_KEY", SECRET)
    assert load_settings().environment is Environment(environment)


def test_an_unknown_variable_is_an_error_that_names_the_likely_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_DRAIN_SECOND", "5")
    with pytest.raises(ConfigurationError, match=r"PHOTO_API_DRAIN_SECOND: unknown setting; did you mean .*_SECONDS"):
        load_settings()


def test_every_mistake_is_told_at_once_without_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_SECRET_KEY", "too-short-secret")
    monkeypatch.setenv("PHOTO_API_DRAIN_SECONDS", "soon")
    monkeypatch.setenv("PHOTO_API_DATABASE_URL", "mysql://user:pass@host/db")
    with pytest.raises(ConfigurationError) as failure:
        load_settings()
    lines = str(failure.value).splitlines()
    assert {line.split(":")[0] for line in lines} == {
        "PHOTO_API_SECRET_KEY",
        "PHOTO_API_DRAIN_SECONDS",
        "PHOTO_API_DATABASE_URL",
    }
    assert "too-short-secret" not in str(failure.value)
    assert "pass@" not in str(failure.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://photo:hunter/2@db.example.com:5432/photo",  # what is before the slash would be the port
        "postgresql://photo:hunter2@db.example.com:port/photo",
        "postgresql://photo:hunter2@[::1/photo",
    ],
)
def test_a_database_url_that_is_none_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PHOTO_API_DATABASE_URL", url)
    with pytest.raises(ConfigurationError, match="PHOTO_API_DATABASE_URL: must be postgresql://") as failure:
        load_settings()
    assert "hunter" not in str(failure.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///photo?host=/run/postgresql",
        "postgresql://photo:hunter%2F2@[::1]:5432/photo?sslmode=require",
        "postgresql://photo@one.example.com:5432,two.example.com:5433/photo?target_session_attrs=read-write",
    ],
)
def test_what_libpq_takes_as_a_url_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PHOTO_API_DATABASE_URL", url)
    assert load_settings().resolved_database_url == url


@pytest.mark.parametrize(
    "url", ["http://:vQ8rT3wZ@redis:6379", "redis://:vQ8rT3wZ@redis:port/0", "redis://:vQ8rT3wZ@redis/zero", "redis://"]
)
def test_a_redis_url_that_is_none_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PHOTO_API_REDIS_URL", url)
    with pytest.raises(ConfigurationError, match="PHOTO_API_REDIS_URL: must be redis://") as failure:
        load_settings()
    assert "vQ8rT3wZ" not in str(failure.value)


@pytest.mark.parametrize("environment", ["production", "prod"])
def test_production_needs_a_secret(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    monkeypatch.setenv("PHOTO_API_ENVIRONMENT", environment)
    with pytest.raises(ConfigurationError, match="SECRET_KEY: must be set in production"):
        load_settings()


def test_rotated_secrets_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_SECRET_KEY", SECRET)
    monkeypatch.setenv("PHOTO_API_PREVIOUS_SECRET_KEY", SECRET[::-1])
    with pytest.raises(ConfigurationError, match="PREVIOUS_SECRET_KEY: name the keys too"):
        load_settings()
    monkeypatch.setenv("PHOTO_API_SECRET_KEY_ID", "2")
    monkeypatch.setenv("PHOTO_API_PREVIOUS_SECRET_KEY_ID", "1")
    assert load_settings().secret_key_id == "2"


def test_a_wildcard_origin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_CORS_ORIGINS", "https://photos.example.com, *")
    with pytest.raises(ConfigurationError, match="CORS_ORIGINS"):
        load_settings()


def test_networks_and_origins_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_TRUSTED_PROXIES", "127.0.0.1/32, 10.0.0.0/8")
    monkeypatch.setenv("PHOTO_API_CORS_ORIGINS", "https://a.example, https://b.example")
    settings = load_settings()
    assert settings.trusted_proxies == (ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("10.0.0.0/8"))
    assert settings.cors_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("value", ["10.0.0.0/33", "localhost"])
def test_a_bad_network_is_an_error_that_names_its_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PHOTO_API_TRUSTED_PROXIES", value)
    with pytest.raises(ConfigurationError, match="PHOTO_API_TRUSTED_PROXIES"):
        load_settings()


@pytest.mark.parametrize(
    "url",
    [
        *("https://cdn.example.com:abc", "https://cdn.example.com:99999", "https://", "https://:443", "https://[::1"),
        *("https://cdn.example.com/a b", "https://cdn.exa\tmple.com", "https://cdn.example.com?a=b", "ftp://a.example"),
        "https://cdn.example.com\\@evil.example",
    ],
)
def test_an_origin_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PHOTO_API_CDN_API_URL", url)
    with pytest.raises(ConfigurationError, match=r"^PHOTO_API_CDN_API_URL: must be a URL such as"):
        load_settings()


@pytest.mark.parametrize(
    "url", ["https://cdn.example.com:8443/base", "http://[::1]:9000", "https://cdn.example.com/\n"]
)
def test_an_origin_may_have_a_port_and_a_path(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PHOTO_API_CDN_API_URL", url)
    assert load_settings().cdn_api_url == url.rstrip("/\n")


@pytest.mark.parametrize("setting", [name for name, field in Settings.model_fields.items() if "Secret" in str(field)])
@pytest.mark.parametrize("stray", ["\nX-Admin: 1", "\0", " ", "\u200b"])
def test_a_secret_with_a_character_that_cannot_be_seen_is_refused_without_it(
    monkeypatch: pytest.MonkeyPatch, setting: str, stray: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^PHOTO_API_{setting.upper()}: must be one line") as failure:
        load_settings(**{setting: SecretStr(SECRET + stray)})
    assert SECRET not in str(failure.value)


def test_the_line_break_of_a_mounted_secret_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_SWIFT_PASSWORD", SECRET + "\r\n")
    monkeypatch.setenv("PHOTO_API_SWIFT_USERNAME", "photo\n")
    settings = load_settings()
    assert settings.swift_password == SecretStr(SECRET)
    assert settings.swift_username == "photo"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_SECRET_KEY", SECRET)
    assert SECRET not in repr(load_settings())


def test_every_setting_is_described_on_the_reference_page() -> None:
    assert all(setting.description for setting in described_settings())
    assert PAGE.read_text() == markdown()


def test_no_secret_is_in_the_settings_text() -> None:
    secret = "kT9vQe2LmZ"
    database_url, redis_url = f"postgresql://photo:{secret}@db/photo", f"redis://:{secret}@cache/0"
    names = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    hidden = {name: SecretStr(secret) for name in names} | {"redis_url": SecretStr(redis_url)}
    settings = Settings(database_url=database_url).model_copy(update=hidden)
    assert secret not in repr(settings)
    assert secret not in str(settings)
