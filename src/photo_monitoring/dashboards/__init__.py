"""Every board that people look at (guide 7 and 8), declared once and rendered for Grafana and the console."""

from typing import Final

from photo_monitoring.dashboards.overview import OVERVIEW
from photo_monitoring.dashboards.panels import Board

BOARDS: Final[tuple[Board, ...]] = (OVERVIEW,)
