"""Which panel shows what an alert is about: its home, to which the alert links."""

from functools import cache

from photo_monitoring.criteria import Alert
from photo_monitoring.dashboards import BOARDS


@cache
def homes() -> dict[str, tuple[str, int]]:
    """Return the subject of an alert → the address of a board and the number of a panel on it."""
    return {subject: (board.uid, panel.id) for board in BOARDS for panel in board.panels for subject in panel.home_of}


def path_of(alert: Alert) -> str:
    """Return the path of an alert's panel below the dashboards' base URL; of the first board while it has no panel."""
    home = homes().get(alert.subject)
    return BOARDS[0].uid if home is None else f"{home[0]}?viewPanel={home[1]}"
