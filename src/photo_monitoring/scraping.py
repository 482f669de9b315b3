"""`prometheus.yml` and the black-box exporter's `blackbox.yml`: the one place that says what is scraped, and how.

Every job finds its targets in `targets/<role>.json` beside `prometheus.yml` (Prometheus' file discovery), so that
instances come and go without a new configuration. Prometheus servers and Alertmanagers find each other in the same way:
every Prometheus scrapes all of them and sends its alerts to every Alertmanager.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from photo_monitoring import durations
from photo_monitoring.configuration.settings import JOBS, Settings
from photo_monitoring.yaml_text import HEADER, to_yaml

PROMETHEUS_FILE: Final = Path("prometheus/prometheus.yml")
BLACKBOX_FILE: Final = Path("blackbox/blackbox.yml")

ROLES: Final = {"photo-api" if job == "api" else job: setting for job, setting in JOBS.items()}
"""What there is to scrape (the name of its targets' file) → the setting that names its job."""

REPLICA_LABEL: Final = "replica"
PROBE_MODULE: Final = "photo_api"
EXPORTER_LABEL: Final = "__exporter__"
"""A target of the probe may carry the address of the exporter that is to ask it; Prometheus drops the label."""

PROBE_TIMEOUT_SECONDS: Final = 5.0

SAMPLE_LIMIT: Final = 5_000
"""Of one scrape of an instance: over three times the series that it may have, so that only a run-away hits it."""

_LONGEST_TIMEOUT_SECONDS: Final = 10.0

_NOTES: Final = """\
#
# Beside it: rules/*.yml, and targets/<role>.json, one for each job, such as
#   [{"targets": ["10.0.0.11:9101"], "labels": {"instance": "api-1"}}]
# targets/probe.json has the URL that users reach through the load balancer, and where the black-box exporter is, unless
# that is localhost:9115:
#   [{"targets": ["https://photos.example.com/health"], "labels": {"__exporter__": "10.0.0.21:9115"}}]
#
# Start every server of a pair with --storage.tsdb.retention.time=32d, --enable-feature=expand-external-labels and
# PROMETHEUS_REPLICA=<a name of its own>.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraping:
    """What differs between a production Prometheus and one of a stack on a single machine.

    `interval_seconds` is divided by the time scale, as the rules' windows are. `replica` tells a server from its peer:
    alerts lose it before they are sent, or Alertmanager would take those of a pair for different ones. `blackbox` is
    the exporter's address, `host:port`.
    """

    interval_seconds: float = 15.0
    replica: str = "${PROMETHEUS_REPLICA}"
    blackbox: str = "localhost:9115"


def prometheus_config(settings: Settings, scraping: Scraping | None = None) -> dict[str, Any]:
    """Return `prometheus.yml` as a document; the paths in it are relative to the file."""
    how = scraping or Scraping()
    interval = _scaled(how.interval_seconds, settings)
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": _scaled(min(how.interval_seconds, _LONGEST_TIMEOUT_SECONDS), settings),
            "evaluation_interval": durations.scaled(settings.interval, settings.time_scale),
            "external_labels": {REPLICA_LABEL: how.replica},
        },
        "rule_files": ["rules/*.yml"],
        "alerting": {
            "alert_relabel_configs": [{"regex": REPLICA_LABEL, "action": "labeldrop"}],
            "alertmanagers": [{"timeout": "10s", "file_sd_configs": [_discovery("alertmanager", interval)]}],
        },
        "scrape_configs": [_job(role, settings, how, interval) for role in ROLES],
    }


def _job(role: str, settings: Settings, how: Scraping, interval: str) -> dict[str, Any]:
    job: dict[str, Any] = {"job_name": getattr(settings, ROLES[role])}
    if role == "photo-api":
        job |= {"sample_limit": SAMPLE_LIMIT, "body_size_limit": "10MB"}
    if role == "probe":
        job |= {"metrics_path": "/probe", "params": {"module": [PROBE_MODULE]}}
    job["file_sd_configs"] = [_discovery(role, interval)]
    if role == "probe":
        # The exporter is asked; what it is asked about is the instance.
        job["relabel_configs"] = [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": settings.instance_label},
            {"target_label": "__address__", "replacement": how.blackbox},
            {"source_labels": [EXPORTER_LABEL], "regex": "(.+)", "target_label": "__address__"},
        ]
    return job


def _discovery(role: str, interval: str) -> dict[str, Any]:
    return {"files": [f"targets/{role}.json"], "refresh_interval": interval}


def _scaled(seconds: float, settings: Settings) -> str:
    return durations.duration(max(0.1, seconds / settings.time_scale))


def blackbox_config() -> dict[str, Any]:
    """Return `blackbox.yml` as a document: a request as users send it, whose certificate must be valid."""
    http = {
        "method": "GET",
        "valid_status_codes": [200],
        "follow_redirects": True,
        "preferred_ip_protocol": "ip4",
        "ip_protocol_fallback": True,
    }
    module = {"prober": "http", "timeout": durations.duration(PROBE_TIMEOUT_SECONDS), "http": http}
    return {"modules": {PROBE_MODULE: module}}


def render_scraping(settings: Settings) -> dict[Path, str]:
    """Return path below `deploy/monitoring` → text of both files, for production."""
    return {
        PROMETHEUS_FILE: HEADER + _NOTES + to_yaml(prometheus_config(settings)),
        BLACKBOX_FILE: HEADER + to_yaml(blackbox_config()),
    }
