"""What the guide demands of boards, and which panel answers it."""

from functools import cache

from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards.panels import Board, Panel
from photo_monitoring.guide import GuidePoint, GuideUsage, load_guide

Place = tuple[Board, Panel]


def point_key(point: GuidePoint) -> str:
    """Return how a panel names a bullet of the guide."""
    return f"{point.handler or point.metric}: {point.about}"


def usage_key(usage: GuideUsage) -> str:
    """Return how a panel names one of section 7's ways of showing a metric."""
    return f"{usage.metric}: {usage.shows}"


@cache
def answers() -> dict[str, Place]:
    """Return bullet or usage → the panel that answers it."""
    return {f"point {key}": (board, panel) for board in BOARDS for panel in board.panels for key in panel.points} | {
        f"usage {key}": (board, panel) for board in BOARDS for panel in board.panels for key in panel.usages
    }


def place_of_point(point: GuidePoint) -> Place | None:
    """Return the panel that answers a bullet of the guide; None when there is none."""
    return answers().get(f"point {point_key(point)}")


def place_of_usage(usage: GuideUsage) -> Place | None:
    """Return the panel that shows a metric of section 7 as the guide wants; None when there is none."""
    return answers().get(f"usage {usage_key(usage)}")


def place_of_guide_panel(row: int, number: int) -> Place:
    """Return the panel that is the guide's own: row and number in its section 8."""
    board = BOARDS[0]
    return board, board.rows[row - 1].panels[number - 1]


def words(place: Place) -> str:
    """Return a panel as the matrix names it: its board, its number, its title."""
    board, panel = place
    return f"`{board.uid.removeprefix('photo-api-')}` {panel.id} {panel.title.en}"


def unanswered() -> list[str]:
    """Return one line for each demand of the guide without a panel, and for each answer to what nobody asked."""
    guide = load_guide()
    demanded = {f"point {point_key(point)}" for point in guide.points} | {
        f"usage {usage_key(usage)}" for usage in guide.usages
    }
    lines = [f"no panel answers the guide's {demand}" for demand in sorted(demanded - answers().keys())]
    return lines + [
        f"{words(answers()[key])} answers what the guide does not have: {key}"
        for key in sorted(answers().keys() - demanded)
    ]
