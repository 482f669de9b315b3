"""The files that Grafana loads, below `deploy/monitoring`: every board in both languages, and where all is found."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from photo_monitoring.configuration.settings import LANGUAGES
from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards.builder import build, to_json
from photo_monitoring.dashboards.provisioning import render_provisioning

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

DASHBOARDS: Final = Path("grafana/dashboards")


def render_dashboards(settings: "Settings") -> dict[Path, str]:
    """Return path below `deploy/monitoring` → text of every file of Grafana's."""
    boards = {
        DASHBOARDS / lang / f"{board.uid}.json": to_json(build(board, settings, lang))
        for lang in LANGUAGES
        for board in BOARDS
    }
    return boards | render_provisioning()
