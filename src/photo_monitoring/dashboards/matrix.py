"""The matrix's part on boards: what the guide demands → the panel that shows it."""

from collections.abc import Iterator
from functools import cache

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert
from photo_monitoring.dashboards import BOARDS, coverage
from photo_monitoring.dashboards.homes import homes
from photo_monitoring.dashboards.panels import Panel
from photo_monitoring.dashboards.queries import filled_in, query
from photo_monitoring.guide import load_guide
from photo_monitoring.lints import metrics_read, recordings_by_name


@cache
def panel_metrics(panel: Panel) -> frozenset[str]:
    """Return the metrics that a panel shows, looking through what is recorded."""
    texts = [filled_in(query(one.expr, Settings())) for one in panel.queries]
    return metrics_read(texts, recordings_by_name(ALERTS))


def panel_of(alert: Alert, missing: str) -> str:
    """Return the panel that an alert leads to, as the matrix names it."""
    home = homes().get(alert.subject)
    return missing if home is None else f"`{home[0].removeprefix('photo-api-')}` {home[1]}"


def panels_of(metric: str, missing: str) -> str:
    """Return the panels that show a metric: board and numbers."""
    found = []
    for board in BOARDS:
        numbers = [str(panel.id) for panel in board.panels if metric in panel_metrics(panel)]
        if numbers:
            found.append(f"`{board.uid.removeprefix('photo-api-')}` {', '.join(numbers)}")
    return "; ".join(found) or missing


def guide_panel_rows() -> Iterator[tuple[object, ...]]:
    """Yield the guide's panels of section 8: number, title, kind, our panel."""
    for asked in load_guide().panels:
        place = coverage.place_of_guide_panel(asked.row, asked.number)
        yield f"{asked.row}.{asked.number}", asked.title, asked.kind, coverage.words(place)


def usage_rows(missing: str) -> Iterator[tuple[object, ...]]:
    """Yield section 7's ways of showing a metric: metric, way, what, our panel."""
    for usage in load_guide().usages:
        place = coverage.place_of_usage(usage)
        yield f"`{usage.metric}`", usage.kind, usage.shows, coverage.words(place) if place else missing


def point_rows(missing: str) -> Iterator[tuple[object, ...]]:
    """Yield the points to watch of sections 1–7: section, metric or route, point, our panel."""
    for point in load_guide().points:
        place = coverage.place_of_point(point)
        yield (
            point.section,
            f"`{point.handler or point.metric}`",
            point.about,
            coverage.words(place) if place else missing,
        )
