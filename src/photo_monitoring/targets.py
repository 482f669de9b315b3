"""Instances named on the command line → Prometheus' file discovery (`prometheus/targets/photo-api.json`)."""

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photo_monitoring.configuration.settings import Settings

TARGETS: Final = Path("prometheus/targets/photo-api.json")

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9_-]+)*\.?")
_DOTTED_NUMBERS: Final = re.compile(r"[\d.]+")


class InstancesError(ValueError):
    """Some instances are written wrongly: the message has one line for each."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of the service: its name, and where its metrics are (`host:port`)."""

    name: str
    address: str


def _is_host(host: str) -> bool:
    if host.startswith("[") or _DOTTED_NUMBERS.fullmatch(host):
        try:
            ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return host.startswith("[") == host.endswith("]") == (":" in host)
    return _HOST.fullmatch(host) is not None


def _problem(text: str) -> str | None:
    name, _, address = text.partition("=")
    host, _, port = address.rpartition(":")
    if not name or not host:
        return "write it as NAME=HOST:PORT, such as api-1=10.0.0.11:9101"
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name: use letters, digits and . _ -"
    if not _is_host(host):
        return f"{host!r} is no host: use a name, an IPv4 address or [an IPv6 address]"
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        return f"{port!r} is no port: use 1 to 65535, that of the instance's metrics"
    return None


def parse_instances(texts: Iterable[str]) -> tuple[Instance, ...]:
    """Read `NAME=HOST:PORT`, several in a text when separated by commas; `InstancesError` says all that is wrong."""
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    problems = [f"--instances {part}: {problem}" for part in parts if (problem := _problem(part))]
    found: dict[str, Instance] = {}
    addresses: dict[str, str] = {}
    for part in parts:
        name, _, address = part.partition("=")
        if name in found:
            problems.append(f"--instances {part}: there is another instance called {name}")
        elif address in addresses:
            problems.append(f"--instances {part}: {address} is {addresses[address]} already")
        found.setdefault(name, Instance(name, address))
        addresses.setdefault(address, name)
    if not parts:
        problems.append("--instances: no instance is named; write NAME=HOST:PORT")
    if problems:
        raise InstancesError("\n".join(problems))
    return tuple(found.values())


def render_targets(instances: Iterable[Instance], settings: Settings) -> str:
    """Return the file that Prometheus' file discovery reads: a group for each instance, which gives it its name."""
    groups = [{"targets": [one.address], "labels": {settings.instance_label: one.name}} for one in instances]
    return json.dumps(groups, indent=2) + "\n"
