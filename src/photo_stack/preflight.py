"""Checks made before anything is started: binaries present, ports free."""

import os
import re
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from photo_stack.errors import CannotStart
from photo_stack.layout import HOST, Ports
from photo_stack.profile import Profile

# Debian keeps HAProxy where an ordinary user's PATH does not look.
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
# …and each version of PostgreSQL in a folder of its own.
_POSTGRESQL = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binary:
    """A program that the stack runs: the Debian package, and its names there and upstream."""

    package: str
    names: tuple[str, ...]


BINARIES = {
    "prometheus": Binary("prometheus", ("prometheus",)),
    "alertmanager": Binary("prometheus-alertmanager", ("prometheus-alertmanager", "alertmanager")),
    "node-exporter": Binary("prometheus-node-exporter", ("prometheus-node-exporter", "node_exporter")),
    "blackbox-exporter": Binary("prometheus-blackbox-exporter", ("prometheus-blackbox-exporter", "blackbox_exporter")),
    "haproxy": Binary("haproxy", ("haproxy",)),
}
BACKENDS = {
    "postgresql": Binary("postgresql", ("postgres",)),
    "redis": Binary("redis-server", ("redis-server",)),
}
"""What the profile ``production`` needs besides."""


def find_binaries(path: str | None = None, profile: Profile = Profile.EMBEDDED) -> dict[str, str]:
    """Absolute path of every program by component; ``path`` defaults to ``PATH``.

    Raises:
        CannotStart: some are missing; names the Debian packages and the command that installs them.
    """
    wanted = BINARIES | (BACKENDS if profile is Profile.PRODUCTION else {})
    versions = sorted(_POSTGRESQL.glob("*/bin"), key=_version, reverse=True)
    folders = (os.environ.get("PATH", "") if path is None else path, _SYSTEM_FOLDERS, *map(str, versions))
    searched = ":".join(folders)
    found: dict[str, str] = {}
    missing: list[str] = []
    for component, binary in wanted.items():
        hits = [hit for name in binary.names if (hit := shutil.which(name, path=searched))]
        if hits:
            found[component] = hits[0]
        else:
            missing.append(component)
    if missing:
        packages = " ".join(wanted[component].package for component in missing)
        sudo = "" if os.geteuid() == 0 else "sudo "
        verb = "is" if len(missing) == 1 else "are"
        raise CannotStart(
            f"{', '.join(missing)} {verb} not installed: {sudo}apt-get install --no-install-recommends {packages}"
            " (where these cannot be had, `photo-api serve` alone runs the service)"
        )
    return found


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", folder.parent.name)]


def photo_api_command() -> tuple[str, ...]:
    """The service's command, installed beside this interpreter."""
    command = Path(sys.executable).parent / "photo-api"
    if not os.access(command, os.X_OK):
        raise CannotStart(f"{command} is missing: install the project (scripts/bootstrap) and try again")
    return (str(command),)


def check_ports(ports: Ports) -> None:
    """Every port can be bound on 127.0.0.1.

    Raises:
        CannotStart: one line for each taken port, with the process that listens there where the system tells it.
    """
    problems = []
    for port, owner in ports.by_owner().items():
        reason = why_not(port)
        if reason:
            problems.append(f"port {port} for {owner} {reason}")
    if problems:
        problems[-1] += "; stop what uses it or choose other ports with --base-port"
        raise CannotStart("\n".join(problems))


def why_not(port: int) -> str | None:
    """Say why a port of 127.0.0.1 cannot be had, with who has it where the system tells; None where it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections of an earlier run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            return "needs privileges (ports below 1024)"
        except OSError:
            listener = _listener(port)
            return f"is taken by {listener}" if listener else "is taken"
    return None


def _listener(port: int) -> str | None:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        return None
    return None
