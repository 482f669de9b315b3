"""Every board that people look at (guide 7 and 8), declared once and rendered for Grafana and the console."""

from typing import Final

from photo_monitoring.dashboards.detail import DETAIL
from photo_monitoring.dashboards.fleet import FLEET
from photo_monitoring.dashboards.growth import GROWTH
from photo_monitoring.dashboards.overview import OVERVIEW
from photo_monitoring.dashboards.panels import Board
from photo_monitoring.dashboards.pipeline import PIPELINE
from photo_monitoring.dashboards.slo import SLO

BOARDS: Final[tuple[Board, ...]] = (OVERVIEW, SLO, FLEET, GROWTH, PIPELINE, DETAIL)
