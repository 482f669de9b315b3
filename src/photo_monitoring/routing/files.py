"""What `photo-monitoring render` writes for Alertmanager, below `deploy/monitoring`."""

from pathlib import Path
from typing import Final

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.routing.alertmanager import render_alertmanager
from photo_monitoring.routing.example import EXAMPLE, or_example, render_settings_example

FOLDER: Final = Path("alertmanager")


def render_routing(settings: Settings) -> dict[Path, str]:
    """Return path below `deploy/monitoring` → text of every file but the secrets."""
    rendered = render_alertmanager(or_example(settings))
    return {EXAMPLE: render_settings_example()} | {FOLDER / path: text for path, text in rendered.items()}
