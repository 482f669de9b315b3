"""What the profile ``production`` adds: PostgreSQL, Redis, Swift, identity, a CDN, Log & Crash Search, and faults.

Everything listens on loopback. PostgreSQL, Redis and Swift are reached through the fault proxy by everybody, by clients
of Swift too, so that a fault of theirs is everybody's.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from photo_stack.components import Component, tool_environment
from photo_stack.credentials import Credentials
from photo_stack.layout import HOST, StackSettings
from photo_stack.postgresql import DATABASE, ROLE, postgresql
from photo_stack.profile import BackendPorts, Storage
from photo_stack.swift_container import making_container

TENANT, USER = "photos", "photo-api"
CONTAINER = "photos"
REGION = "KR1"
PROXIED = ("postgresql", "redis", "swift")
"""Servers that are not ours to make faulty, and so stand behind the fault proxy."""


def with_backends(
    settings: StackSettings, binaries: Mapping[str, str]
) -> tuple[StackSettings, tuple[tuple[Component, ...], ...]]:
    """The settings with what the service is told, and the first stage; nothing of either in the profile ``embedded``.

    Raises:
        CannotStart: PostgreSQL cannot run as who we are, or the secrets cannot be kept.
    """
    ports = settings.ports.backends
    if ports is None:
        return settings, ()
    credentials = Credentials.kept_in(settings.layout.secrets)
    told = service_environment(settings, ports, credentials)
    return replace(settings, service_environment=told), (_stage(settings, ports, binaries, credentials),)


def _stage(
    settings: StackSettings, ports: BackendPorts, binaries: Mapping[str, str], credentials: Credentials
) -> tuple[Component, ...]:
    """All of them start at once: none needs another to be ready."""
    return (
        postgresql(settings, ports.postgresql, binaries["postgresql"], credentials.postgresql_password),
        _redis(settings, ports.redis, binaries["redis"], credentials.redis_password),
        _swift(settings, ports, credentials),
        _fault_proxy(settings, ports),
        _identity(settings, ports),
        _cdn_edge(settings, ports, credentials),
        _logncrash(settings, ports, credentials),
    )


def service_environment(settings: StackSettings, ports: BackendPorts, credentials: Credentials) -> dict[str, str]:
    """The service's settings for these servers; they go before what the caller's environment says.

    Every request is logged, so that Log & Crash Search has something to take, unless the caller says otherwise.
    """
    swift = f"http://{HOST}:{ports.swift_proxied}"
    storage = {
        Storage.SWIFT: {
            "PHOTO_API_SWIFT_AUTH_URL": f"http://{HOST}:{ports.identity}/v2.0",
            "PHOTO_API_SWIFT_TENANT_ID": TENANT,
            "PHOTO_API_SWIFT_USERNAME": USER,
            "PHOTO_API_SWIFT_PASSWORD": credentials.swift_password,
            "PHOTO_API_SWIFT_STORAGE_URL": f"{swift}/v1/AUTH_{TENANT}",
            "PHOTO_API_SWIFT_CONTAINER": CONTAINER,
            "PHOTO_API_SWIFT_TEMP_URL_KEY": credentials.swift_temp_url_key,
        },
        Storage.S3: {
            "PHOTO_API_S3_ENDPOINT_URL": swift,
            "PHOTO_API_S3_REGION": REGION,
            "PHOTO_API_S3_BUCKET": CONTAINER,
            "PHOTO_API_S3_ACCESS_KEY_ID": f"{TENANT}:{USER}",
            "PHOTO_API_S3_SECRET_ACCESS_KEY": credentials.swift_password,
        },
    }
    return {
        "PHOTO_API_ENVIRONMENT": "production",
        "PHOTO_API_SECRET_KEY": credentials.secret_key,
        "PHOTO_API_DATABASE_URL": (
            f"postgresql://{ROLE}:{credentials.postgresql_password}@{HOST}:{ports.postgresql_proxied}/{DATABASE}"
        ),
        "PHOTO_API_REDIS_URL": f"redis://:{credentials.redis_password}@{HOST}:{ports.redis_proxied}/0",
        "PHOTO_API_STORAGE": settings.storage.value,
        **storage[settings.storage],
        "PHOTO_API_CDN_URL": f"http://{HOST}:{ports.cdn_edge}",
        "PHOTO_API_CDN_API_URL": f"http://{HOST}:{ports.cdn_api}",
        "PHOTO_API_CDN_APP_KEY": credentials.cdn_app_key,
        "PHOTO_API_CDN_SECRET_KEY": credentials.cdn_secret_key,
        "PHOTO_API_CDN_ENCRYPT_KEY": credentials.cdn_encrypt_key,
        "PHOTO_API_ACCESS_LOG": os.environ.get("PHOTO_API_ACCESS_LOG") or "all",
        "PHOTO_API_LOG_SERVICE": "logncrash",
        "PHOTO_API_LOGNCRASH_URL": f"http://{HOST}:{ports.logncrash}",
        "PHOTO_API_LOGNCRASH_APP_KEY": credentials.logncrash_app_key,
    }


def _redis(settings: StackSettings, port: int, binary: str, password: str) -> Component:
    folder = settings.layout.data / "redis"
    config = folder / "redis.conf"

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config.touch(0o600)
        config.chmod(0o600)
        # Counts of a minute: nothing worth a disk, and nothing that may grow without end.
        config.write_text(
            f'bind {HOST}\nport {port}\nrequirepass {password}\ndir "{folder}"\nsave ""\nappendonly no\n'
            "maxmemory 64mb\nmaxmemory-policy volatile-ttl\n"
        )

    return Component(
        name="redis",
        purpose="rate limits that the instances share",
        argv=(binary, str(config)),
        port=port,
        url=f"redis://{HOST}:{port}/0",
        ready_url=f"redis://{HOST}:{port}",
        log_file=settings.layout.log_file("redis"),
        env=tool_environment(),
        prepare=prepare,
        stop_seconds=5.0,
    )


def _swift(settings: StackSettings, ports: BackendPorts, credentials: Credentials) -> Component:
    return Component(
        name="swift",
        purpose="OpenStack Swift, where photos are kept (Temp URLs, S3)",
        argv=(
            *_provider("swift_server", ports.swift),
            *("--data", str(settings.layout.storage("swift")), "--user", f"{TENANT}:{USER}", "--region", REGION),
        ),
        port=ports.swift,
        url=f"http://{HOST}:{ports.swift}",
        ready_url=f"http://{HOST}:{ports.swift}/healthcheck",
        log_file=settings.layout.log_file("swift"),
        env=tool_environment() | {"SWIFT_PASSWORD": credentials.swift_password},
        prepare=lambda: settings.layout.storage("swift").mkdir(parents=True, exist_ok=True, mode=0o700),
        complete=making_container(
            f"http://{HOST}:{ports.swift}",
            user=f"{TENANT}:{USER}",
            password=credentials.swift_password,
            container=CONTAINER,
            temp_url_key=credentials.swift_temp_url_key,
        )
        if settings.storage is Storage.S3
        else None,
        start_seconds=60.0,
    )


def _fault_proxy(settings: StackSettings, ports: BackendPorts) -> Component:
    base = f"http://{HOST}:{ports.fault_proxy}"
    routes = [(name, getattr(ports, f"{name}_proxied"), getattr(ports, name)) for name in PROXIED]
    return Component(
        name="fault-proxy",
        purpose=f"stands before {', '.join(PROXIED)}, for photo-stack fault",
        argv=(
            *_provider("fault_proxy", ports.fault_proxy),
            *(word for name, own, server in routes for word in ("--route", f"{name}={own}:{server}")),
        ),
        port=ports.fault_proxy,
        url=base,
        ready_url=f"{base}/-/ready",
        log_file=settings.layout.log_file("fault-proxy"),
        faults={name: f"{base}/-/faults/{name}" for name in PROXIED},
        env=tool_environment(),
        stop_seconds=5.0,
    )


def _identity(settings: StackSettings, ports: BackendPorts) -> Component:
    base = f"http://{HOST}:{ports.identity}"
    return Component(
        name="identity",
        purpose="tokens for Swift, as NHN Cloud's identity service",
        argv=(*_provider("identity", ports.identity), "--swift", f"http://{HOST}:{ports.swift_proxied}"),
        port=ports.identity,
        url=base,
        ready_url=f"{base}/-/ready",
        log_file=settings.layout.log_file("identity"),
        faults={"identity": f"{base}/-/faults"},
        env=tool_environment(),
        stop_seconds=5.0,
    )


def _cdn_edge(settings: StackSettings, ports: BackendPorts, credentials: Credentials) -> Component:
    base, api = f"http://{HOST}:{ports.cdn_edge}", f"http://{HOST}:{ports.cdn_api}"
    origin = f"http://{HOST}:{ports.swift_proxied}/v1/AUTH_{TENANT}/{CONTAINER}"
    return Component(
        name="cdn-edge",
        purpose="a CDN: serves images to bearers of its tokens, and makes the tokens",
        argv=(*_provider("cdn_edge", ports.cdn_edge), "--api-port", str(ports.cdn_api), "--origin", origin),
        port=ports.cdn_edge,
        url=base,
        ready_url=f"{base}/-/faults",
        log_file=settings.layout.log_file("cdn-edge"),
        faults={"cdn-edge": f"{base}/-/faults", "cdn-api": f"{api}/-/faults"},
        env=tool_environment()
        | {
            "CDN_APP_KEY": credentials.cdn_app_key,
            "CDN_SECRET_KEY": credentials.cdn_secret_key,
            "CDN_ENCRYPT_KEY": credentials.cdn_encrypt_key,
            "CDN_ORIGIN_TEMP_URL_KEY": credentials.swift_temp_url_key,
        },
        stop_seconds=5.0,
    )


def _logncrash(settings: StackSettings, ports: BackendPorts, credentials: Credentials) -> Component:
    base = f"http://{HOST}:{ports.logncrash}"
    return Component(
        name="logncrash",
        purpose="Log & Crash Search: takes log records; the latest at /-/logs",
        argv=_provider("logncrash", ports.logncrash),
        port=ports.logncrash,
        url=base,
        ready_url=f"{base}/-/ready",
        log_file=settings.layout.log_file("logncrash"),
        faults={"logncrash": f"{base}/-/faults"},
        env=tool_environment() | {"LOGNCRASH_APP_KEY": credentials.logncrash_app_key},
        stop_seconds=5.0,
    )


def _provider(name: str, port: int) -> tuple[str, ...]:
    return (sys.executable, "-m", f"photo_stack.providers.{name}", "--host", HOST, "--port", str(port))
