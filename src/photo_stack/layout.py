"""Where a stack keeps its files and which ports it takes; all ports are on 127.0.0.1."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from photo_monitoring.configuration.settings import Settings
from photo_stack.errors import CannotStart
from photo_stack.profile import BackendPorts, Profile, Storage

HOST = "127.0.0.1"
MAX_INSTANCES = 10
SCRAPE_SECONDS = 5.0

_LONGEST_SOCKET_PATH = 90  # sun_path holds 107 bytes, and HAProxy binds a temporary name with a suffix first
_FIRST_API_OFFSET = 8


@dataclass(frozen=True, slots=True)
class Ports:
    """One port for each listener; ``api`` and ``api_metrics`` have one for each instance, in order.

    ``prometheus`` and ``alertmanager`` have one for each server: one, or two with ``--ha-monitoring``; then ``gossip``
    has a port for each Alertmanager, where they tell each other what was sent. ``grafana`` is None where none runs,
    ``backends`` but in the profile ``production``.
    """

    load_balancer: int
    prometheus: tuple[int, ...]
    alertmanager: tuple[int, ...]
    node_exporter: int
    haproxy_metrics: int
    receiver: int
    blackbox: int
    console: int
    api: tuple[int, ...]
    api_metrics: tuple[int, ...]
    gossip: tuple[int, ...] = ()
    grafana: int | None = None
    backends: BackendPorts | None = None

    @classmethod
    def usual(cls, instances: int, *, pair: bool = False, grafana: bool = False, production: bool = False) -> Self:
        """The well-known ones: 8000, 8080, 9090, 9093, 9100, 9115, 3000; instances from 8001 with metrics from 9101."""
        return cls(
            load_balancer=8000,
            prometheus=(9090, 9091) if pair else (9090,),
            alertmanager=(9093, 9094) if pair else (9093,),
            node_exporter=9100,
            haproxy_metrics=8404,
            receiver=9095,
            blackbox=9115,
            console=8080,
            api=tuple(8001 + index for index in range(instances)),
            api_metrics=tuple(9101 + index for index in range(instances)),
            gossip=(9096, 9097) if pair else (),
            grafana=3000 if grafana else None,
            backends=BackendPorts() if production else None,
        )

    @classmethod
    def counted_from(
        cls, base: int, instances: int, *, pair: bool = False, grafana: bool = False, production: bool = False
    ) -> Self:
        """``base`` is the load balancer's; the others follow without a gap.

        Each instance's two ports are side by side; what a pair needs beyond one of each comes after, then Grafana's,
        then the backends'.
        """
        first = base + _FIRST_API_OFFSET
        second = first + 2 * instances
        own = second + (3 if pair else -1) + grafana
        last = own + (BackendPorts.COUNT if production else 0)
        if base < 1 or last > 65_535:
            raise CannotStart(f"--base-port {base}: the stack needs ports {base} to {last}, all within 1 to 65535")
        return cls(
            load_balancer=base,
            prometheus=(base + 1, second) if pair else (base + 1,),
            alertmanager=(base + 2, second + 1) if pair else (base + 2,),
            node_exporter=base + 3,
            haproxy_metrics=base + 4,
            receiver=base + 5,
            blackbox=base + 6,
            console=base + 7,
            api=tuple(first + 2 * index for index in range(instances)),
            api_metrics=tuple(first + 2 * index + 1 for index in range(instances)),
            gossip=(second + 2, second + 3) if pair else (),
            grafana=own if grafana else None,
            backends=BackendPorts.counted_from(own + 1) if production else None,
        )

    def by_owner(self) -> dict[int, str]:
        """Port → what it is for, in the words of an error message."""
        owners = {
            self.load_balancer: "haproxy (load balancer)",
            self.node_exporter: "node-exporter",
            self.haproxy_metrics: "haproxy (metrics)",
            self.receiver: "receiver",
            self.blackbox: "blackbox-exporter",
            self.console: "console",
        }
        for name, ports in (("prometheus", self.prometheus), ("alertmanager", self.alertmanager)):
            owners |= {port: server_name(name, index) for index, port in enumerate(ports)}
        owners |= {port: f"{server_name('alertmanager', index)} (gossip)" for index, port in enumerate(self.gossip)}
        for number, (port, metrics_port) in enumerate(zip(self.api, self.api_metrics, strict=True), start=1):
            owners[port] = f"api-{number}"
            owners[metrics_port] = f"api-{number} (metrics)"
        if self.grafana is not None:
            owners[self.grafana] = "grafana"
        return owners | (self.backends.by_owner() if self.backends is not None else {})


def server_name(name: str, index: int) -> str:
    """The first of a pair is called as the only one is, so that every command names it alike."""
    return name if index == 0 else f"{name}-{index + 1}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files under a stack's data directory."""

    data: Path

    @property
    def state_file(self) -> Path:
        """URLs, ports, pids, log files and states, as JSON; replaced atomically."""
        return self.data / "stack.json"

    @property
    def lock_file(self) -> Path:
        """Held with flock(2) by the supervisor for as long as it lives."""
        return self.data / "supervisor.lock"

    @property
    def control_socket(self) -> Path:
        """Where commands reach the supervisor."""
        return self.data / "control.sock"

    @property
    def haproxy_socket(self) -> Path:
        """HAProxy's own command socket."""
        return self.data / "haproxy.sock"

    @property
    def alerts_file(self) -> Path:
        """Delivered alerts, one JSON object a line."""
        return self.data / "alerts.jsonl"

    @property
    def api_data(self) -> Path:
        """The service's database, objects and secret, shared by all instances."""
        return self.data / "photo-api"

    @property
    def haproxy_config(self) -> Path:
        """Written at every start."""
        return self.data / "haproxy" / "haproxy.cfg"

    @property
    def prometheus(self) -> Path:
        """Configuration, rules and targets, for a second server too."""
        return self.data / "prometheus"

    @property
    def alertmanager(self) -> Path:
        """Configuration, for a second server too."""
        return self.data / "alertmanager"

    @property
    def blackbox_config(self) -> Path:
        """Written at every start."""
        return self.data / "blackbox" / "blackbox.yml"

    @property
    def grafana(self) -> Path:
        """Boards and provisioning, written at every start where a Grafana runs."""
        return self.data / "grafana"

    @property
    def secrets(self) -> Path:
        """Passwords and keys of the profile ``production``, made once, a file each."""
        return self.data / "secrets"

    def storage(self, name: str) -> Path:
        """What a server keeps: time series, silences and the notification log, Grafana's own database, photos."""
        return self.data / name / "data"

    def log_file(self, name: str) -> Path:
        """The log of a component, or of ``supervisor`` itself."""
        return self.data / "logs" / f"{name}.log"

    def create(self) -> None:
        """Make the directories, readable by the owner alone.

        Raises:
            CannotStart: not writable, or so long a path that UNIX sockets do not fit under it.
        """
        if len(os.fsencode(self.haproxy_socket)) > _LONGEST_SOCKET_PATH:
            raise CannotStart(f"{self.data}: the path is too long for UNIX sockets; use a shorter one with --data")
        folders = (
            self.log_file("supervisor").parent,
            self.api_data,
            self.haproxy_config.parent,
            self.blackbox_config.parent,
            self.prometheus / "rules",
            self.prometheus / "targets",
            self.storage("prometheus"),
            self.storage("alertmanager"),
        )
        try:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise CannotStart(f"{error.filename}: {error.strerror}; choose another directory with --data") from None


@dataclass(frozen=True, slots=True)
class StackSettings:
    """What one run of the stack is made of.

    ``monitoring`` is what the rules and their neighbours are rendered with. Its time scale divides every duration of
    the rules and of Alertmanager's waits (drills; 1 is production), and the scrape interval. ``config`` is the override
    file that it was read from (absolute), if there was one.
    """

    layout: Layout
    ports: Ports
    restart: bool = False
    monitoring: Settings = field(default_factory=Settings)
    config: Path | None = None
    drain_seconds: float = 12.0
    profile: Profile = Profile.EMBEDDED
    storage: Storage = Storage.SWIFT
    service_environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def time_scale(self) -> float:
        """How much faster than in production alerts fire."""
        return self.monitoring.time_scale


def default_data_directory(environ: Mapping[str, str], start: Path) -> Path:
    """``.data/stack`` of the checkout that ``start`` is in, else ``photo-stack`` in the XDG state directory."""
    for folder in (start, *start.parents):
        if _is_checkout(folder):
            return folder / ".data" / "stack"
    state = environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "photo-stack"


def _is_checkout(folder: Path) -> bool:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text()).get("project", {})
    except (OSError, ValueError):
        return False
    return isinstance(project, dict) and project.get("name") == "photo-api"


def drain_seconds(environ: Mapping[str, str]) -> float:
    """``PHOTO_API_DRAIN_SECONDS``, or 12: over two scrapes of 5 s, and over HAProxy's two checks of 1 s."""
    text = environ.get("PHOTO_API_DRAIN_SECONDS") or "12"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 600:
        raise CannotStart(f"PHOTO_API_DRAIN_SECONDS={text}: must be a number of seconds from 0 to 600")
    return seconds
