"""What makes a Grafana show everything without a click: its data sources, and where the boards are.

Grafana fills in `${...}` from its environment: `PROMETHEUS_URL` and `ALERTMANAGER_URL` where it finds those two,
`DASHBOARDS_PATH` the folder with the boards in the language wanted.
"""

from pathlib import Path
from typing import Any, Final

from photo_monitoring.dashboards.builder import TAG
from photo_monitoring.scraping import Scraping
from photo_monitoring.yaml_text import HEADER, to_yaml

PROVISIONING: Final = Path("grafana/provisioning")

_NOTES: Final = """\
# Grafana's environment names PROMETHEUS_URL, ALERTMANAGER_URL and DASHBOARDS_PATH (the boards' folder, ko or en).
"""


def data_sources() -> dict[str, Any]:
    """Return the data sources: Prometheus, which all boards ask unless told otherwise, and Alertmanager."""
    scrape = f"{Scraping().interval_seconds:g}s"
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": "prometheus",
                "type": "prometheus",
                "access": "proxy",
                "url": "${PROMETHEUS_URL}",
                "isDefault": True,
                "editable": False,
                # POST: some queries are longer than an address may be.
                "jsonData": {"httpMethod": "POST", "timeInterval": scrape, "prometheusType": "Prometheus"},
            },
            {
                "name": "Alertmanager",
                "uid": "alertmanager",
                "type": "alertmanager",
                "access": "proxy",
                "url": "${ALERTMANAGER_URL}",
                "editable": False,
                "jsonData": {"implementation": "prometheus"},
            },
        ],
    }


def providers() -> dict[str, Any]:
    """Return where Grafana finds the boards; changes made in Grafana are not kept, the files are."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": TAG,
                "folder": "Photo API",
                "folderUid": TAG,
                "type": "file",
                "disableDeletion": True,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": "${DASHBOARDS_PATH}"},
            }
        ],
    }


def render_provisioning() -> dict[Path, str]:
    """Return path below `deploy/monitoring` → text of Grafana's provisioning files."""
    return {
        PROVISIONING / "datasources" / f"{TAG}.yaml": HEADER + _NOTES + to_yaml(data_sources()),
        PROVISIONING / "dashboards" / f"{TAG}.yaml": HEADER + _NOTES + to_yaml(providers()),
    }
