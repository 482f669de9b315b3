"""What the service stands on: nothing but itself, or what a service at work uses, all of it on this machine."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import ClassVar, Self


class Profile(StrEnum):
    """``embedded``: SQLite and files; ``production``: PostgreSQL, Redis, Swift, a CDN, Log & Crash Search."""

    EMBEDDED = "embedded"
    PRODUCTION = "production"


class Storage(StrEnum):
    """How the service speaks to Swift."""

    SWIFT = "swift"  # Temp URLs, as at NHN Cloud
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class BackendPorts:
    """The listeners of the profile ``production``; by default none that a service of the machine itself would have.

    PostgreSQL, Redis and Swift have two each: their own, and the fault proxy's, by which the others reach them.
    """

    COUNT: ClassVar[int] = 11

    postgresql: int = 15432
    redis: int = 16379
    swift: int = 18080
    identity: int = 15000
    cdn_edge: int = 18090
    cdn_api: int = 18091
    logncrash: int = 18092
    fault_proxy: int = 18093
    postgresql_proxied: int = 15433
    redis_proxied: int = 16380
    swift_proxied: int = 18081

    @classmethod
    def counted_from(cls, first: int) -> Self:
        """All of them from ``first`` on, without a gap."""
        return cls(*range(first, first + cls.COUNT))

    def by_owner(self) -> dict[int, str]:
        """Port → what it is for, in the words of an error message."""
        return {getattr(self, field.name): _in_words(field.name) for field in fields(self)}


def _in_words(name: str) -> str:
    if name == "cdn_api":
        return "cdn-edge (API)"
    server = name.removesuffix("_proxied")
    return f"fault-proxy ({server})" if server != name else name.replace("_", "-")
