"""Configuration files of Prometheus, Alertmanager and the exporter, targets and rules; written at every start."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from photo_monitoring.dashboards.files import render_dashboards
from photo_monitoring.render import render_rules
from photo_monitoring.routing.alertmanager import write_alertmanager
from photo_monitoring.routing.routes import LocalWebhook
from photo_monitoring.scraping import ROLES, Scraping, blackbox_config, prometheus_config
from photo_monitoring.yaml_text import to_yaml
from photo_stack.components import Component
from photo_stack.haproxy import render_config
from photo_stack.layout import HOST, SCRAPE_SECONDS, Ports, StackSettings, server_name


def write_configuration(settings: StackSettings, components: Iterable[Component]) -> list[str]:
    """Write every file that the components read; return one line for each channel's secret that cannot be had."""
    layout, ports = settings.layout, settings.ports
    write_atomically(layout.haproxy_config, render_config(settings))
    _write_yaml(layout.blackbox_config, blackbox_config())
    for index in range(len(ports.prometheus)):
        name = server_name("prometheus", index)
        _write_yaml(layout.prometheus / f"{name}.yml", prometheus_config(settings.monitoring, scraping(settings, name)))
    _write_rules(settings)
    if ports.grafana is not None:
        _write_boards(settings)
    by_role = targets(settings, components)
    for role in ROLES:
        write_atomically(layout.prometheus / "targets" / f"{role}.json", json.dumps(by_role.get(role, []), indent=2))
    return write_alertmanager(layout.alertmanager, settings.monitoring, local=[receiver(ports)])


def receiver(ports: Ports) -> LocalWebhook:
    """The local receiver gets everything, beside the channels that are set; the Watchdog on a page of its own."""
    base = f"http://{HOST}:{ports.receiver}"
    return LocalWebhook(name="local", url=f"{base}/alerts", watchdog_url=f"{base}/watchdog")


def scraping(settings: StackSettings, name: str) -> Scraping:
    """How the Prometheus called ``name`` scrapes: as in production, but more often, for people do not like to wait."""
    return Scraping(interval_seconds=SCRAPE_SECONDS, replica=name, blackbox=f"{HOST}:{settings.ports.blackbox}")


def targets(settings: StackSettings, components: Iterable[Component]) -> dict[str, list[dict[str, Any]]]:
    """Role → file discovery's target groups; the instance is the component's name, so that an alert says what to start.

    Every declared component stays in it, running or not: what died must be missed.
    """
    found: dict[str, list[dict[str, Any]]] = {
        "probe": [{"targets": [f"http://{HOST}:{settings.ports.load_balancer}/health"]}]
    }
    for component in components:
        if component.job and component.metrics_port:
            labels = {settings.monitoring.instance_label: component.name}
            group = {"targets": [f"{HOST}:{component.metrics_port}"], "labels": labels}
            found.setdefault(component.job, []).append(group)
    return found


def _write_rules(settings: StackSettings) -> None:
    folder = settings.layout.prometheus / "rules"
    rules = render_rules(settings=settings.monitoring)
    for stale in folder.glob("*.yml"):
        if stale.name not in rules:
            stale.unlink()
    for name, text in rules.items():
        write_atomically(folder / name, text)


def _write_boards(settings: StackSettings) -> None:
    """Grafana's files: boards and provisioning."""
    for path, text in render_dashboards(settings.monitoring).items():
        target = settings.layout.data / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, text)


def _write_yaml(path: Path, document: dict[str, Any]) -> None:
    write_atomically(path, to_yaml(document))


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never a part."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text)
    draft.replace(path)
