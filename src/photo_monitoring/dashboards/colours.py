"""Which colour a series has: the same one on every board, in Grafana's own palette."""

import re
from collections.abc import Iterator
from typing import Final

from photo_monitoring.dashboards.panels import Colour, Query

_NAMES: Final[dict[str, Colour]] = {"P50": "blue", "P95": "orange", "P99": "red"}
_VALUES: Final[dict[str, dict[str, Colour]]] = {
    "service": {"object_storage": "blue", "cdn": "purple", "log_service": "orange"},
    "result": {"success": "green", "failure": "red", "denied": "red"},
    "access_type": {"authenticated": "blue", "shared": "purple"},
    "status": {"allowed": "green", "blocked": "red"},
    "class": {"2xx": "green", "3xx": "blue", "4xx": "yellow", "5xx": "red"},
    "code": {"2xx": "green", "3xx": "blue", "4xx": "yellow", "5xx": "red"},
    "method": {"GET": "green", "HEAD": "text", "POST": "blue", "PUT": "purple", "PATCH": "orange", "DELETE": "red"},
    "token_status": {"valid": "green", "expired": "yellow", "invalid": "red"},
    "token_status result": {
        "valid success": "green",
        "valid denied": "orange",
        "expired denied": "yellow",
        "invalid denied": "red",
    },
    "access_type result": {
        "authenticated success": "blue",
        "authenticated denied": "orange",
        "shared success": "purple",
        "shared denied": "red",
    },
    "photo_in_album": {"yes": "green", "no": "red"},
    "severity": {"critical": "red", "warning": "orange"},
}
"""The labels that a legend names → the names of its series → their colours."""

_LABEL: Final = re.compile(r"\{\{(\w+)\}\}")


def colours(query: Query, ref: str, legend: str) -> Iterator[tuple[str, str, Colour]]:
    """Yield (Grafana's matcher, what it matches, colour) for the series of a query.

    What is not decided here gets a colour by its name, again the same on every board.
    """
    labels = " ".join(_LABEL.findall(legend))
    if query.colour is not None:
        yield ("byFrameRefID", ref, query.colour) if labels else ("byName", legend, query.colour)
    elif legend in _NAMES:
        yield "byName", legend, _NAMES[legend]
    elif legend == " ".join(f"{{{{{label}}}}}" for label in labels.split()):
        for name, colour in _VALUES.get(labels, {}).items():
            yield "byName", name, colour
