"""What is scraped besides the service: hosts, load balancer, Prometheus and Alertmanager."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tests.rules.month import story, traffic
from tests.rules.month.fleet import EPOCH, MINUTE, Share, Target
from tests.rules.month.service_series import PHOTO_BYTES
from tests.rules.month.traffic import Traffic
from tests.support.prometheus import Series

Floats = NDArray[np.float64]

_CPUS: Final = 4
_MEMORY_BYTES: Final = 16e9
_VIEWED_BYTES: Final = 0.8e6
_FILE_SYSTEMS: Final = (
    # device, type, mount point, size, share used, read-only
    ("/dev/vda1", "ext4", "/", 100e9, 0.50, 0.0),
    ("/dev/vdb", "xfs", "/data", 8e12, 0.60, 0.0),
    ("/dev/vda2", "ext4", "/boot", 0.5e9, 0.60, 0.0),
    ("/dev/vdc", "ext4", "/usr/share/models", 10e9, 1.0, 1.0),
    ("tmpfs", "tmpfs", "/run", 1.6e9, 0.9, 0.0),
)


def surrounding_series(drawn: Traffic, share: Share, rng: np.random.Generator) -> Iterator[Series]:
    """Everything but the service itself."""
    bytes_in = PHOTO_BYTES * (drawn.count(traffic.STORE, "200") + drawn.count(traffic.DIRECT, "201"))
    views = drawn.count(traffic.IMAGE, "200") + drawn.count(traffic.SHARED_IMAGE, "200")
    requests = traffic.together([drawn.all(digit) for digit in "245"])
    for name, part in zip(story.HOSTS, share.shares, strict=True):
        host = _target("node", name, phase=3.0)
        yield from host.liveness()
        yield from _host(host, requests * part, rng)
        sent = views * _VIEWED_BYTES * part * rng.uniform(0.9, 1.1, story.MINUTES)
        yield from _network(host, bytes_in * part, sent)
        yield from _disks(host, fills=name == story.HOSTS[0])
    yield from _balancer(drawn)
    yield from _pipeline()


def _target(job: str, instance: str, phase: float) -> Target:
    return Target(job, instance, phase, story.MINUTES, failed_scrapes=story.FAILED_SCRAPES.get(instance, ()))


def _host(host: Target, requests: Floats, rng: np.random.Generator) -> Iterator[Series]:
    """Processors and memory follow what the instance serves."""
    busy = np.clip(0.05 + 0.008 * requests / 60, 0.0, 0.9)
    for cpu in range(_CPUS):
        idle = 60 * np.clip(1 - busy * rng.uniform(0.9, 1.1, len(busy)), 0.0, 1.0)
        yield host.series(
            {"__name__": "node_cpu_seconds_total", "cpu": str(cpu), "mode": "idle"}, host.since_restart(idle)
        )
    available = _MEMORY_BYTES * (0.55 - 0.2 * busy + 0.01 * rng.standard_normal(len(busy)))
    yield host.series({"__name__": "node_memory_MemAvailable_bytes"}, available)
    yield host.series({"__name__": "node_memory_MemTotal_bytes"}, np.full(len(busy), _MEMORY_BYTES))


def _network(host: Target, received: Floats, sent: Floats) -> Iterator[Series]:
    for device in ("eth0", "lo"):
        for direction, counts in (("receive", received), ("transmit", sent)):
            name = f"node_network_{direction}_bytes_total"
            yield host.series({"__name__": name, "device": device}, host.since_restart(counts))


def _disks(host: Target, *, fills: bool) -> Iterator[Series]:
    """Disks fill slowly; logs are turned over at 4 in the morning; in the incident one fills up, and is cleaned."""
    minute = np.arange(host.minutes)
    daily = (minute - 240) % 1440 / 1440
    for device, kind, mount, size, share, read_only in _FILE_SYSTEMS:
        used = np.full(len(minute), share)
        if mount in {"/", "/data"}:
            used = share + 0.0015 * minute / 1440 + 0.03 * daily
        if fills and mount == "/":
            lasts = story.DISK_FILLING.minutes
            used[lasts] += np.linspace(0, 0.42, lasts.stop - lasts.start)
        labels = {"device": device, "fstype": kind, "mountpoint": mount}
        levels: Mapping[str, Floats] = {
            "node_filesystem_avail_bytes": size * (1 - used),
            "node_filesystem_size_bytes": np.full(len(minute), size),
            "node_filesystem_files": np.full(len(minute), size / 16384),
            "node_filesystem_files_free": size / 16384 * (1 - used / 4),
            "node_filesystem_readonly": np.full(len(minute), read_only),
        }
        for name, values in levels.items():
            yield host.series({"__name__": name, **labels}, values)


def _balancer(drawn: Traffic) -> Iterator[Series]:
    target = _target("haproxy", "lb", phase=5.0)
    yield from target.liveness()
    for code in ("1xx", "2xx", "3xx", "4xx", "5xx"):
        labels = {"__name__": "haproxy_frontend_http_responses_total", "proxy": "photos", "code": code}
        counts = drawn.all(code[0]) if code[0] in "245" else np.zeros(story.MINUTES)
        yield target.series(labels, target.since_restart(counts))


def _pipeline() -> Iterator[Series]:
    """Prometheus, Alertmanager, the black-box exporter and what it probes; nothing of theirs fails but one probe."""
    zeros, ones = np.zeros(story.MINUTES), np.ones(story.MINUTES)
    made = {job: _target(job, job, phase=9.0) for job in ("prometheus", "alertmanager", "blackbox", "probe")}
    for target in made.values():
        yield from target.liveness()
    for job in ("prometheus", "alertmanager", "blackbox"):
        name = f"{'blackbox_exporter' if job == 'blackbox' else job}_config_last_reload_successful"
        yield made[job].series({"__name__": name}, ones)
    for integration in ("slack", "pagerduty", "email"):
        for name, values in (
            ("notifications_failed_total", zeros),
            ("notification_requests_failed_total", zeros),
            ("notification_requests_total", np.floor(np.arange(story.MINUTES) / 720)),  # the digest, twice a day
        ):
            labels = {"__name__": f"alertmanager_{name}", "integration": integration}
            yield made["alertmanager"].series(labels, values)
    yield made["alertmanager"].series({"__name__": "alertmanager_cluster_members"}, ones)
    yield from _prometheus(made["prometheus"])
    minute = np.arange(story.MINUTES)
    probed = np.where(np.isin(minute, [int(time // MINUTE) for time in story.FAILED_HEALTH_PROBES]), 0.0, 1.0)
    yield made["probe"].series({"__name__": "probe_success"}, probed)
    # Renewed every 60 days, 30 before it ends.
    left = 86_400.0 * (90 - (minute / 1440 + 45) % 60)
    expires = {"__name__": "probe_ssl_earliest_cert_expiry"}
    yield made["probe"].series(expires, EPOCH + minute * 60.0 + left)


def _prometheus(server: Target) -> Iterator[Series]:
    zeros, ones = np.zeros(story.MINUTES), np.ones(story.MINUTES)
    for name in (
        "prometheus_notifications_dropped_total",
        "prometheus_target_scrapes_exceeded_body_size_limit_total",
        "prometheus_target_scrapes_exceeded_sample_limit_total",
    ):
        yield server.series({"__name__": name}, zeros)
    sent_to = {"alertmanager": "http://alertmanager:9093/api/v2/alerts"}
    yield server.series({"__name__": "prometheus_notifications_errors_total", **sent_to}, zeros)
    for group in ("availability", "slo"):
        for name, values in (
            ("evaluation_failures_total", zeros),
            ("group_iterations_missed_total", zeros),
            ("group_iterations_total", server.since_restart(2 * ones)),
            ("group_interval_seconds", 30 * ones),
            ("group_last_duration_seconds", 0.4 * ones),
        ):
            yield server.series({"__name__": f"prometheus_rule_{name}", "rule_group": group}, values)


def targets() -> list[Target]:
    """The instances of the service, with all that happens to them."""
    away = story.outages()
    return [
        Target("photo-api", name, 1.0 + 4 * number, story.MINUTES, away[name], story.FAILED_SCRAPES.get(name, ()))
        for number, name in enumerate(story.API)
    ]
