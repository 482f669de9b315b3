"""Configuration files of Prometheus and Alertmanager, its targets and rules; written at every start of the stack."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from photo_monitoring.render import render_rules
from photo_stack.components import WATCHDOG_REPEAT_SECONDS, Component
from photo_stack.haproxy import render_config
from photo_stack.layout import HOST, SCRAPE_SECONDS, StackSettings

JOBS = ("photo-api", "node", "haproxy", "prometheus", "alertmanager")

SAMPLE_LIMIT = 5_000
"""Of one scrape of an instance: over three times the series that it may have, so that only a run-away hits it."""


def write_configuration(settings: StackSettings, components: Iterable[Component]) -> None:
    """Write every file that the components read."""
    layout, ports = settings.layout, settings.ports
    write_atomically(layout.haproxy_config, render_config(settings))
    _write_yaml(layout.prometheus / "prometheus.yml", prometheus_config(ports.alertmanager, settings.time_scale))
    _write_yaml(layout.alertmanager / "alertmanager.yml", alertmanager_config(ports.receiver, settings.time_scale))
    _write_rules(settings)
    by_job = targets(components)
    for job in JOBS:
        write_atomically(layout.prometheus / "targets" / f"{job}.json", json.dumps(by_job.get(job, []), indent=2))


def prometheus_config(alertmanager_port: int, time_scale: float) -> dict[str, Any]:
    """``prometheus.yml``: every job finds its targets in a file of ours; paths are relative to the file.

    The time scale divides the scrape interval, too, or the rules' shorter windows would hold a single sample.
    """
    scrape = _duration(SCRAPE_SECONDS, time_scale)
    scrapes: list[dict[str, Any]] = [
        {
            "job_name": job,
            "file_sd_configs": [{"files": [f"targets/{job}.json"], "refresh_interval": scrape}],
        }
        for job in JOBS
    ]
    scrapes[0] |= {"sample_limit": SAMPLE_LIMIT, "body_size_limit": "10MB"}
    return {
        "global": {
            "scrape_interval": scrape,
            "scrape_timeout": scrape,
            "evaluation_interval": _duration(15, time_scale),
        },
        "rule_files": ["rules/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{alertmanager_port}"]}]}]},
        "scrape_configs": scrapes,
    }


def alertmanager_config(receiver_port: int, time_scale: float) -> dict[str, Any]:
    """``alertmanager.yml``: everything to the local receiver, the Watchdog to a page of its own there."""
    base = f"http://{HOST}:{receiver_port}"
    return {
        "route": {
            "receiver": "local",
            "group_by": ["alertname", "severity", "instance"],
            "group_wait": _duration(10, time_scale),
            "group_interval": _duration(30, time_scale),
            "repeat_interval": _duration(3600, time_scale),
            "routes": [
                {
                    "matchers": ['alertname="Watchdog"'],
                    "receiver": "watchdog",
                    "group_wait": "0s",
                    "group_interval": _duration(60, time_scale),
                    "repeat_interval": _duration(WATCHDOG_REPEAT_SECONDS, time_scale),
                }
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['severity="critical"'],
                "target_matchers": ['severity="warning"'],
                "equal": ["alertname", "instance", "service"],
            }
        ],
        "receivers": [
            {"name": "local", "webhook_configs": [{"url": f"{base}/alerts", "send_resolved": True}]},
            {"name": "watchdog", "webhook_configs": [{"url": f"{base}/watchdog", "send_resolved": True}]},
        ],
    }


def targets(components: Iterable[Component]) -> dict[str, list[dict[str, Any]]]:
    """Job → file discovery's target groups; ``instance`` is the component's name, so that an alert says what to start.

    Every declared component stays in it, running or not: what died must be missed.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for component in components:
        if component.job and component.metrics_port:
            group = {"targets": [f"{HOST}:{component.metrics_port}"], "labels": {"instance": component.name}}
            found.setdefault(component.job, []).append(group)
    return found


def _write_rules(settings: StackSettings) -> None:
    folder = settings.layout.prometheus / "rules"
    rules = render_rules(lang=settings.lang, time_scale=settings.time_scale)
    for stale in folder.glob("*.yml"):
        if stale.name not in rules:
            stale.unlink()
    for name, text in rules.items():
        write_atomically(folder / name, text)


def _duration(seconds: float, time_scale: float) -> str:
    """Prometheus's and Alertmanager's form, in whole milliseconds."""
    milliseconds = max(100, round(1000 * seconds / time_scale))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _write_yaml(path: Path, document: dict[str, Any]) -> None:
    write_atomically(path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never a part."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text)
    draft.replace(path)
