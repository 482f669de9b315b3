"""Settings of the service, read once from the environment (prefix ``PHOTO_API_``) and frozen.

Units are in the names. No secret has a default: outside production ``serve`` creates one in the data directory,
in production a missing one is an error that names the variable.
"""

import difflib
import ipaddress
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from photo_api.operations import production
from photo_api.text_settings import one_line
from photo_api.url_settings import names_hosts, names_origin, names_redis

PREFIX = "PHOTO_API_"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Environment(StrEnum):
    """Where the service runs; ``dev`` and ``prod`` are accepted as aliases."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class StorageBackend(StrEnum):
    """Where photos are kept."""

    FILESYSTEM = "filesystem"
    S3 = "s3"
    SWIFT = "swift"


class TokenSource(StrEnum):
    """Who makes the CDN's tokens."""

    API = "api"
    LOCAL = "local"


class LogService(StrEnum):
    """Where log records go besides standard output."""

    FILE = "file"
    LOGNCRASH = "logncrash"


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message has one line for each, naming the variable and what to do."""


def _environment(value: object) -> object:
    return {"dev": "development", "prod": "production"}.get(value, value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _networks(value: object) -> object:
    """``"127.0.0.1/32, 10.0.0.0/8"`` → networks."""
    if isinstance(value, str):
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
    return value


class Settings(BaseSettings):
    """Every setting of the service."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    environment: Annotated[Environment, BeforeValidator(_environment)] = Field(
        Environment.DEVELOPMENT, description="development, staging or production (dev and prod are accepted)"
    )
    data_dir: Path = Field(Path(".data/api"), description="where the embedded database, objects and secret are kept")
    database_url: str | None = Field(
        None,
        description="postgresql://… (of several hosts the one that takes writes) or sqlite:///path; default: "
        "photo-api.sqlite3 in the data directory",
        repr=False,  # of its password
    )
    database_pool_size: int = Field(10, ge=1, le=200, description="most connections of an instance (SQLite: readers)")
    database_timeout_seconds: float = Field(5.0, gt=0, le=60, description="how long a statement or a lock may take")
    public_url: str | None = Field(
        None, description="origin that clients reach, such as https://photos.example.com; default: relative URLs"
    )

    secret_key: SecretStr | None = Field(
        None, description="at least 32 characters; signs access tokens and upload URLs; created outside production"
    )
    secret_key_id: str = Field("1", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="the kid of tokens signed now")
    previous_secret_key: SecretStr | None = Field(None, description="still accepted while secrets are rotated")
    previous_secret_key_id: str = Field("0", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="the kid of that key")
    access_token_seconds: int = Field(900, ge=60, le=86_400, description="life time of an access token")
    refresh_token_seconds: int = Field(30 * 86_400, ge=3_600, le=365 * 86_400, description="of a refresh token")
    argon2_memory_kib: int = Field(19_456, ge=8, le=1_048_576, description="Argon2id memory (OWASP: 19 MiB)")
    argon2_iterations: int = Field(2, ge=1, le=20, description="Argon2id passes")
    argon2_parallelism: int = Field(1, ge=1, le=8, description="Argon2id lanes")
    password_hash_concurrency: int = Field(1, ge=1, le=64, description="password hashes computed at once")
    password_hash_queue: int = Field(64, ge=1, le=10_000, description="hashes that may wait; more are answered 503")

    max_photo_bytes: int = Field(
        50 * 1024 * 1024, ge=1_024, le=5 * 1024**3, description="largest photo accepted; object storages take 5 GiB"
    )
    max_photo_megapixels: float = Field(100.0, gt=0, le=1_000, description="largest picture decoded")
    upload_url_seconds: int = Field(900, ge=30, le=86_400, description="life time of an upload URL")
    pending_photo_seconds: int = Field(3_600, ge=60, description="an unconfirmed upload is removed after this")
    verifier_workers: int = Field(1, ge=1, le=32, description="processes that decode uploaded pictures")
    verifier_memory_mib: int = Field(2_048, ge=256, description="memory limit of each")
    verifier_timeout_seconds: float = Field(20.0, gt=0, description="longest decode of one picture")

    rate_limit_auth_per_minute: int = Field(30, ge=1, description="requests to /auth/* a client may make")
    rate_limit_share_per_minute: int = Field(60, ge=1, description="views of share links")
    rate_limit_image_per_minute: int = Field(600, ge=1, description="image requests, shared or own")
    rate_limit_default_per_minute: int = Field(600, ge=1, description="everything else")
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (), description="networks whose X-Forwarded-For is believed, comma separated"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field((), description="allowed origins, comma separated")

    drain_seconds: float = Field(30.0, ge=0, le=600, description="serving goes on this long after SIGTERM")
    restart_allowance_seconds: float = Field(60.0, ge=0, le=3_600, description="a planned restart stays silent for")
    shutdown_seconds: float = Field(10.0, gt=0, le=120, description="requests in flight may take this long to finish")
    scrape_interval_seconds: float = Field(
        15.0, gt=0, le=120, description="how often Prometheus scrapes; a new client's series stays 0 for two scrapes"
    )
    business_metrics_interval_seconds: float = Field(60.0, ge=1, le=3_600, description="totals are published every")
    reaper_interval_seconds: float = Field(30.0, ge=1, le=60, description="expired links and uploads are removed every")
    dependency_probe_seconds: float = Field(5.0, ge=1, le=60, description="dependencies are probed every")

    storage: Annotated[StorageBackend, BeforeValidator(_lower)] = Field(
        StorageBackend.FILESYSTEM, description="where photos are kept: filesystem (data directory), s3 or swift"
    )
    storage_timeout_seconds: float = Field(10.0, gt=0, le=120, description="longest silence of the object storage")
    storage_public_url: str | None = Field(
        None, description="origin by which clients reach the object storage, where it is not the one that we use"
    )
    s3_endpoint_url: str | None = Field(None, description="origin of the S3 API, such as https://storage.example.com")
    s3_region: str = Field("KR1", min_length=1, max_length=64, description="region that requests are signed for")
    s3_bucket: str | None = Field(None, min_length=3, max_length=63, description="bucket of the photos, of its own")
    s3_access_key_id: str | None = Field(None, min_length=1, max_length=128, description="who signs")
    s3_secret_access_key: SecretStr | None = Field(None, description="what is signed with")
    swift_auth_url: str | None = Field(
        None, description="where tokens are asked for: …/v2.0 (identity, NHN Cloud) or …/auth/v1.0 (tempauth)"
    )
    swift_tenant_id: str | None = Field(
        None, min_length=1, max_length=128, description="the tenant; identity v2.0 only"
    )
    swift_username: str | None = Field(None, min_length=1, max_length=256, description="who asks for tokens")
    swift_password: SecretStr | None = Field(None, description="the API password of that user")
    swift_storage_url: str | None = Field(
        None, description="…/v1/AUTH_tenant; default: what the token's answer says, which NHN Cloud's does not"
    )
    swift_container: str | None = Field(None, min_length=1, max_length=256, description="container of the photos")
    swift_temp_url_key: SecretStr | None = Field(None, description="signs upload URLs; set on the container at start")

    cdn_url: str | None = Field(None, description="origin of the CDN that serves the photos; default: we stream them")
    cdn_api_url: str = Field("https://cdn.api.nhncloudservice.com", description="origin of NHN CDN's API")
    cdn_app_key: SecretStr | None = Field(None, description="app key of NHN CDN")
    cdn_secret_key: SecretStr | None = Field(None, description="secret key of its API")
    cdn_encrypt_key: SecretStr | None = Field(None, description="token encryption key of the CDN service, in hex")
    cdn_token_source: Annotated[TokenSource, BeforeValidator(_lower)] = Field(
        TokenSource.API, description="api asks NHN CDN for tokens, local computes them here"
    )
    cdn_token_seconds: int = Field(
        120, ge=30, le=3_600, description="life time of a CDN link, and so of what a revoked share link still opens"
    )
    cdn_timeout_seconds: float = Field(2.0, gt=0, le=30, description="longest wait for a token; then we stream")

    log_service: Annotated[LogService, BeforeValidator(_lower)] = Field(
        LogService.FILE, description="where log records go: file, or logncrash (NHN Log & Crash Search)"
    )
    logncrash_url: str = Field("https://api-logncrash.nhncloudservice.com", description="origin of its API")
    logncrash_app_key: SecretStr | None = Field(None, description="app key of Log & Crash Search")
    logncrash_timeout_seconds: float = Field(5.0, gt=0, le=60, description="longest wait for one bulk")

    redis_url: SecretStr | None = Field(
        None, description="redis://… or rediss://…, where rate limits are shared; default: each instance counts alone"
    )
    redis_timeout_seconds: float = Field(0.25, gt=0, le=5, description="longest wait; then an instance counts alone")

    breaker_failures: int = Field(5, ge=1, le=1_000, description="failures in a row that open a service's breaker")
    breaker_open_seconds: float = Field(5.0, gt=0, le=300, description="how long it stays open before one call tries")

    log_level: str = Field("info", pattern=r"^(debug|info|warning|error)$", description="least level logged")
    log_queue_capacity: int = Field(10_000, ge=100, description="log records waiting for the sink; then oldest drop")
    log_file: Path | None = Field(None, description="the file sink writes here; default: logs/ in the data directory")
    access_log: str = Field("errors", pattern=r"^(off|errors|all)$", description="which requests are logged")
    node: str | None = Field(None, min_length=1, max_length=128, description="this instance's name; default host:port")

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator(
        *("secret_key", "previous_secret_key", "database_url", "redis_url"),
        *("s3_region", "s3_bucket", "s3_access_key_id", "s3_secret_access_key"),
        *("swift_tenant_id", "swift_username", "swift_password", "swift_container", "swift_temp_url_key"),
        *("cdn_app_key", "cdn_secret_key", "cdn_encrypt_key", "logncrash_app_key", "node"),
        mode="before",
    )
    @classmethod
    def _one_line(cls, value: object) -> object:
        if isinstance(value, SecretStr):
            return SecretStr(one_line(value.get_secret_value()))
        return one_line(value) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        if value is not None and not value.startswith("sqlite:") and not names_hosts(value):
            raise ValueError(
                "must be postgresql://user:password@host:port/database, special characters of the password as %XX"
            )
        return value

    @field_validator(
        *("public_url", "storage_public_url", "s3_endpoint_url", "swift_auth_url", "swift_storage_url"),
        *("cdn_url", "cdn_api_url", "logncrash_url"),
    )
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        value = value.strip()
        if not names_origin(value):
            raise ValueError("must be a URL such as https://photos.example.com")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not names_redis(value.get_secret_value()):
            raise ValueError("must be redis://user:password@host:port/number (or rediss://), special characters as %XX")
        return value

    @field_validator("secret_key", "previous_secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters (openssl rand -hex 32 makes one)")
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        """What several settings say together: all that is wrong, a line each."""
        problems = [*self._keys(), *self._backends()]
        if self.environment is Environment.PRODUCTION:
            problems.extend(production.problems(self))
        elif "*" in self.cors_origins:
            problems.append("CORS_ORIGINS: name the origins; a wildcard would let any site act for its visitors")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _keys(self) -> Iterator[str]:
        if self.previous_secret_key is None:
            return
        if not self.model_fields_set & {"secret_key_id", "previous_secret_key_id"}:
            yield "PREVIOUS_SECRET_KEY: name the keys too (SECRET_KEY_ID, PREVIOUS_SECRET_KEY_ID)"
        elif self.secret_key_id == self.previous_secret_key_id:
            yield "SECRET_KEY_ID: must differ from PREVIOUS_SECRET_KEY_ID while secrets are rotated"

    def _backends(self) -> Iterator[str]:
        for chosen, needed in self._needed().items():
            missing = [PREFIX + name.upper() for name in needed if getattr(self, name) is None]
            if missing:
                yield f"{chosen} needs {', '.join(missing)}"

    def _needed(self) -> dict[str, tuple[str, ...]]:
        """What was chosen, in the words of a message, and the settings it cannot do without."""
        needed: dict[str, tuple[str, ...]] = {}
        if self.storage is StorageBackend.S3:
            needed["STORAGE=s3"] = ("s3_endpoint_url", "s3_bucket", "s3_access_key_id", "s3_secret_access_key")
        if self.storage is StorageBackend.SWIFT:
            credentials = ("swift_auth_url", "swift_username", "swift_password")
            needed["STORAGE=swift"] = (*credentials, "swift_container", "swift_temp_url_key")
        if self.cdn_url is not None:
            by_api = ("cdn_app_key", "cdn_secret_key") if self.cdn_token_source is TokenSource.API else ()
            needed["CDN_URL"] = ("cdn_encrypt_key", *by_api)
        if self.log_service is LogService.LOGNCRASH:
            needed["LOG_SERVICE=logncrash"] = ("logncrash_app_key",)
        return needed

    @property
    def resolved_database_url(self) -> str:
        """The database's URL, the embedded default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'photo-api.sqlite3'}"


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any setting's own type; pydantic checks each
    """Read the environment; ``overrides`` (from the command line) win.

    Raises:
        ConfigurationError: an unknown ``PHOTO_API_`` variable, or a bad value; no value is repeated in the message.
    """
    problems = []
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            problems.append(f"{name}: unknown setting" + (f"; did you mean {close[0]}?" if close else ""))
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        settings = None
        problems.extend(_told(error, overrides))
    if problems or settings is None:
        raise ConfigurationError("\n".join(problems))
    return settings


def _told(error: ValidationError, overrides: dict[str, Any]) -> Iterator[str]:
    """A line for each mistake; those in what settings say together are looked for with the wrong ones left out."""
    alone: dict[str, Any] = {}
    for item in error.errors(include_url=False, include_input=False):
        said = item["msg"].removeprefix("Value error, ")
        if not item["loc"]:
            yield from (PREFIX + line for line in said.splitlines())
            continue
        name = str(item["loc"][0])
        if name in Settings.model_fields:
            alone[name] = Settings.model_fields[name].default
        yield f"{PREFIX}{name.upper()}: {said}"
    if alone:
        try:
            Settings(**(overrides | alone))
        except ValidationError as rest:
            told = tuple(f"{PREFIX}{name.upper()}:" for name in alone)
            yield from (line for line in _told(rest, {}) if not line.startswith(told))
