"""What the URLs among the settings may look like."""

import ipaddress
import re
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]@]*)(:\d*)?")
_NOTHING_ELSE = frozenset(" \\?#")


def names_hosts(url: str) -> bool:
    """Whether a PostgreSQL URL names hosts and ports as libpq has them (34.1.1.2: several are possible)."""
    try:
        hosts = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return False
    return all(_HOST.fullmatch(host) for host in hosts.split(","))


def names_origin(url: str) -> bool:
    """Whether a URL names a web server, perhaps with a port and a path, to which more can be appended."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return False
    if not url.isprintable() or not _NOTHING_ELSE.isdisjoint(url):  # urlsplit overlooks some of it
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def names_redis(url: str) -> bool:
    """Whether a URL names one Redis: a host, perhaps a port, perhaps the number of a database."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return False
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and bool(re.fullmatch(r"(/\d*)?", parts.path))


def is_on_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, by its name or address."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name
        return False
