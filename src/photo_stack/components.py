"""What the stack runs: one declaration for each component, with its command line, readiness and way to stop."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals

import aiohttp

from photo_monitoring.durations import seconds
from photo_monitoring.routing.routes import ALIVE
from photo_stack.haproxy import HARD_STOP_SECONDS
from photo_stack.layout import HOST, SCRAPE_SECONDS, StackSettings, server_name

TRUSTED_PROXIES = f"{HOST}/32"
"""The instances believe HAProxy's X-Forwarded-For alone; traffic generators use other addresses of 127.0.0.0/8."""

WATCHDOG_REPEAT_SECONDS = seconds(ALIVE.repeat)
"""How often Alertmanager repeats the Watchdog to the receiver, before the time scale."""

_PEER_SECONDS = 15.0
_SERVICE_VARIABLES = ("PHOTO_API_", "PYTHON", "SSL_CERT_", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Component:
    """A process of the stack.

    ``url`` is what a person opens, ``ready_url`` answers 200 once it works, ``metrics_port`` is scraped in the
    role ``job``. ``stop_seconds`` after ``stop_signal`` it gets SIGKILL. ``shows_output``: its standard output is for
    people, too. ``prepare`` is called before each start, in a thread, and ``complete`` when the URL answers; they raise
    StackError where it is no use. ``faults``: server → URL where faults of that server are told.
    """

    name: str
    purpose: str
    argv: tuple[str, ...]
    port: int
    url: str
    ready_url: str
    log_file: Path
    job: str | None = None
    metrics_port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None
    prepare: Callable[[], None] | None = None
    complete: Callable[[aiohttp.ClientSession], Awaitable[None]] | None = None
    start_seconds: float = 30.0
    stop_signal: Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    drains: bool = False
    shows_output: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)


def components(
    settings: StackSettings, binaries: Mapping[str, str], api_command: tuple[str, ...]
) -> tuple[tuple[Component, ...], ...]:
    """All components, in the stages in which they start: each stage needs the ones before it to be ready."""
    return (
        (
            _receiver(settings),
            _node_exporter(settings, binaries["node-exporter"]),
            _blackbox_exporter(settings, binaries["blackbox-exporter"]),
            *_instances(settings, api_command),
        ),
        (*_alertmanagers(settings, binaries["alertmanager"]), _haproxy(settings, binaries["haproxy"])),
        (*_prometheus_servers(settings, binaries["prometheus"]), _console(settings)),
    )


def _instances(settings: StackSettings, command: tuple[str, ...]) -> list[Component]:
    instances = []
    ports = zip(settings.ports.api, settings.ports.api_metrics, strict=True)
    for number, (port, metrics_port) in enumerate(ports, start=1):
        name = f"api-{number}"
        serve = ("serve", "--host", HOST, "--port", str(port), "--metrics-port", str(metrics_port))
        instances.append(
            Component(
                name=name,
                purpose="an instance of the service, without load balancer",
                argv=(*command, *serve),
                port=port,
                url=f"http://{HOST}:{port}",
                ready_url=f"http://{HOST}:{port}/health",
                log_file=settings.layout.log_file(name),
                job="photo-api",
                metrics_port=metrics_port,
                env=api_environment(settings) | {"PHOTO_API_NODE": name},
                start_seconds=60.0,
                stop_seconds=15.0,
                drains=True,
            )
        )
    return instances


def api_environment(settings: StackSettings) -> dict[str, str]:
    """The instances' environment: the caller's settings of the service, with the stack's defaults for the others.

    Where a profile brings servers of its own, what it says of them goes before what the caller says.
    """
    defaults = {
        "PHOTO_API_DATA_DIR": str(settings.layout.api_data),
        "PHOTO_API_TRUSTED_PROXIES": TRUSTED_PROXIES,
        "PHOTO_API_SCRAPE_INTERVAL_SECONDS": f"{SCRAPE_SECONDS / settings.time_scale:g}",
    }
    # Nothing else of the caller's: a channel's secret may be in it, and users talk to the instances.
    own = {name: value for name, value in os.environ.items() if name.startswith(_SERVICE_VARIABLES)}
    decided = {"PHOTO_API_DRAIN_SECONDS": f"{settings.drain_seconds:g}", **settings.service_environment}
    return defaults | tool_environment() | own | decided


def tool_environment(memory_mib: int | None = None) -> dict[str, str]:
    """Nothing of the service's settings, and so none of its secrets; Go programs get a soft memory limit."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    return kept | ({"GOMEMLIMIT": f"{memory_mib}MiB"} if memory_mib else {})


def _receiver(settings: StackSettings) -> Component:
    port = settings.ports.receiver
    # Two repeats may go astray before silence is reported.
    patience = 2.5 * WATCHDOG_REPEAT_SECONDS / settings.time_scale
    return Component(
        name="receiver",
        purpose="prints the alerts that Alertmanager delivers",
        argv=(
            *(sys.executable, "-m", "photo_stack.receiver", "--host", HOST, "--port", str(port)),
            *("--file", str(settings.layout.alerts_file), "--watchdog-seconds", f"{patience:g}"),
        ),
        port=port,
        url=f"http://{HOST}:{port}",
        ready_url=f"http://{HOST}:{port}/-/ready",
        log_file=settings.layout.log_file("receiver"),
        env=tool_environment(),
        stop_seconds=5.0,
        shows_output=True,
    )


def _node_exporter(settings: StackSettings, binary: str) -> Component:
    port = settings.ports.node_exporter
    return Component(
        name="node-exporter",
        purpose="the machine's own figures: CPU, memory, disk, network",
        argv=(binary, f"--web.listen-address={HOST}:{port}"),
        port=port,
        url=f"http://{HOST}:{port}/metrics",
        ready_url=f"http://{HOST}:{port}/",
        log_file=settings.layout.log_file("node-exporter"),
        job="node",
        metrics_port=port,
        env=tool_environment(memory_mib=128),
        stop_seconds=5.0,
    )


def _haproxy(settings: StackSettings, binary: str) -> Component:
    port, metrics_port = settings.ports.load_balancer, settings.ports.haproxy_metrics
    return Component(
        name="haproxy",
        purpose="the Photo API, load balanced over its instances; its description at /docs",
        argv=(binary, "-db", "-f", str(settings.layout.haproxy_config)),
        port=port,
        url=f"http://{HOST}:{port}",
        # Its own page, not /health through it: it must be able to start while every instance is down.
        ready_url=f"http://{HOST}:{metrics_port}/metrics",
        log_file=settings.layout.log_file("haproxy"),
        job="haproxy",
        metrics_port=metrics_port,
        env=tool_environment(),
        stop_signal=signal.SIGUSR1,
        stop_seconds=HARD_STOP_SECONDS + 2.0,
    )


def _blackbox_exporter(settings: StackSettings, binary: str) -> Component:
    port = settings.ports.blackbox
    # The exporter gives up this much before the scrape does, which a drill makes short.
    reserve = min(0.5, SCRAPE_SECONDS / settings.time_scale / 4)
    return Component(
        name="blackbox-exporter",
        purpose="asks the Photo API through the load balancer, as users do",
        argv=(
            binary,
            f"--config.file={settings.layout.blackbox_config}",
            f"--web.listen-address={HOST}:{port}",
            f"--timeout-offset={reserve:g}",
        ),
        port=port,
        url=f"http://{HOST}:{port}",
        ready_url=f"http://{HOST}:{port}/-/healthy",
        log_file=settings.layout.log_file("blackbox-exporter"),
        job="blackbox",
        metrics_port=port,
        env=tool_environment(memory_mib=128),
        stop_seconds=5.0,
    )


def _alertmanagers(settings: StackSettings, binary: str) -> list[Component]:
    """One, or a pair that tell each other by gossip what was sent."""
    servers = []
    for index, port in enumerate(settings.ports.alertmanager):
        name = server_name("alertmanager", index)
        servers.append(
            Component(
                name=name,
                purpose="groups, silences and routes alerts",
                argv=(
                    binary,
                    f"--config.file={settings.layout.alertmanager / 'alertmanager.yml'}",
                    f"--storage.path={settings.layout.storage(name)}",
                    f"--web.listen-address={HOST}:{port}",
                    f"--web.external-url=http://{HOST}:{port}",
                    *_gossip(settings, index),
                ),
                port=port,
                url=f"http://{HOST}:{port}",
                ready_url=f"http://{HOST}:{port}/-/ready",
                log_file=settings.layout.log_file(name),
                job="alertmanager",
                metrics_port=port,
                env=tool_environment(memory_mib=128),
            )
        )
    return servers


def _gossip(settings: StackSettings, index: int) -> tuple[str, ...]:
    ports = settings.ports.gossip
    if not ports:
        return ("--cluster.listen-address=",)
    own, peers = ports[index], [port for port in ports if port != ports[index]]
    # The second in line waits this long for word that the first has sent; never less than gossip takes.
    patience = max(1.0, _PEER_SECONDS / settings.time_scale)
    return (
        f"--cluster.listen-address={HOST}:{own}",
        f"--cluster.advertise-address={HOST}:{own}",
        *(f"--cluster.peer={HOST}:{port}" for port in peers),
        f"--cluster.peer-timeout={patience:g}s",
    )


def _prometheus_servers(settings: StackSettings, binary: str) -> list[Component]:
    """One, or a pair that scrape the same and send to the same, each with the other among its targets."""
    servers = []
    for index, port in enumerate(settings.ports.prometheus):
        name = server_name("prometheus", index)
        servers.append(
            Component(
                name=name,
                purpose="scrapes all metrics and evaluates the rules; queries at /graph",
                argv=(
                    binary,
                    f"--config.file={settings.layout.prometheus / f'{name}.yml'}",
                    f"--storage.tsdb.path={settings.layout.storage(name)}",
                    "--storage.tsdb.retention.time=32d",
                    f"--web.listen-address={HOST}:{port}",
                    f"--web.external-url=http://{HOST}:{port}",
                    "--web.enable-lifecycle",
                    "--enable-feature=exemplar-storage",
                    "--rules.alert.resend-delay=5s",
                ),
                port=port,
                url=f"http://{HOST}:{port}",
                ready_url=f"http://{HOST}:{port}/-/ready",
                log_file=settings.layout.log_file(name),
                job="prometheus",
                metrics_port=port,
                env=tool_environment(memory_mib=1024),
                # A long write-ahead log is replayed first.
                start_seconds=120.0,
                stop_seconds=20.0,
            )
        )
    return servers


def _console(settings: StackSettings) -> Component:
    ports, port = settings.ports, settings.ports.console
    return Component(
        name="console",
        purpose="begin here: what is wrong, dashboards, alerts, runbooks",
        argv=(
            *(str(Path(sys.executable).with_name("photo-monitoring")), "console"),
            *("--host", HOST, "--port", str(port), "--lang", settings.monitoring.lang),
            *("--prometheus", f"http://{HOST}:{ports.prometheus[0]}"),
            *("--alertmanager", f"http://{HOST}:{ports.alertmanager[0]}"),
            *(("--config", str(settings.config)) if settings.config else ()),
        ),
        port=port,
        url=f"http://{HOST}:{port}",
        ready_url=f"http://{HOST}:{port}/-/healthy",
        log_file=settings.layout.log_file("console"),
        env=tool_environment(),
        start_seconds=60.0,
        stop_seconds=5.0,
    )
