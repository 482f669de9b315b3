"""The types in which boards are declared: rows of panels, each with its meaning, its queries and the alerts it shows.

A panel's thresholds are those of the alerts it names, so that a line stands where its rule stands. Queries are PromQL
with the rules' placeholders and a few more (see `queries`).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from photo_monitoring.criteria import Text

Colour = Literal["green", "yellow", "orange", "red", "blue", "purple", "text"]

GRID_COLUMNS: Final = 24


class Kind(StrEnum):
    """How a panel draws; the values are the types of Grafana's panels."""

    TIME_SERIES = "timeseries"
    STAT = "stat"
    GAUGE = "gauge"
    TABLE = "table"
    BARS = "barchart"
    HEAT_MAP = "heatmap"
    STATES = "state-timeline"


# Grafana's names of units.
RATIO: Final = "percentunit"
SECONDS: Final = "s"
BYTES: Final = "decbytes"
BYTES_PER_SECOND: Final = "Bps"
MEGABITS: Final = "Mbits"
COUNT: Final = "short"
PER_SECOND: Final = "reqps"
REQUESTS_PER_MINUTE: Final = "reqpm"
TIMES: Final = "suffix: ×"
DAYS: Final = "suffix: d"
STATE: Final = "none"


def per_minute(what: str) -> str:
    """Return the unit of a count by the minute, named as the guide names it."""
    return f"suffix: {what}/min"


def per_hour(what: str) -> str:
    """Return the unit of a count by the hour."""
    return f"suffix: {what}/h"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel: PromQL, and the name of its series (`{{label}}` stands for a label's value).

    `colour` where the name of the series alone does not decide it. `unit`, where it is not the panel's, puts the series
    on an axis of its own to the right. `absent` says why a healthy system may have no such series, and excuses the
    query from returning data.
    """

    expr: str
    legend: Text | str
    colour: Colour | None = None
    unit: str | None = None
    absent: str | None = None

    def legend_in(self, lang: str) -> str:
        """Return the name of its series in a language."""
        return self.legend if isinstance(self.legend, str) else self.legend.in_language(lang)


@dataclass(frozen=True, slots=True)
class Step:
    """A threshold that no alert has: from this value up, this colour; None is the lowest."""

    value: float | None
    colour: Colour


@dataclass(frozen=True, slots=True)
class Named:
    """The text and colour that stand for a value."""

    value: int
    text: Text
    colour: Colour


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the label (`Value` for the query's own, `Value #B` for one of several) and its heading."""

    field: str
    title: Text
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `id` is its number on the board and never changes: alerts link to it.

    `home_of` are the subjects of alerts that lead here; `limits` those whose thresholds are drawn (without it, those of
    `home_of`; an empty tuple draws none). `points` are the bullets of the guide that it answers (`metric: what`, in
    section 6 `handler: what`), `usages` section 7's ways of showing a metric (`metric: what`). `columns` are a table's.
    `promise` names the objective whose percentage is drawn: below it red, from it on green.
    """

    id: int
    title: Text
    about: Text
    kind: Kind
    unit: str
    queries: tuple[Query, ...]
    home_of: tuple[str, ...] = ()
    limits: tuple[str, ...] | None = None
    points: tuple[str, ...] = ()
    usages: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    promise: str | None = None
    names: tuple[Named, ...] = ()
    columns: tuple[Column, ...] = ()
    minimum: float | None = 0
    maximum: float | None = None
    decimals: int | None = None
    stacked: bool = False
    width: int = 6
    height: int = 8

    @property
    def drawn(self) -> tuple[str, ...]:
        """The subjects of the alerts whose thresholds are drawn."""
        return self.home_of if self.limits is None else self.limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of panels under a heading; `id` is its own number among the panels'."""

    id: int
    title: Text
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice at the head of a board: values of `label` of the series that `series` selects.

    With `everything`, All is that regular expression, which also matches what is not listed (yet); without, All is the
    list itself, so that what other variables leave out stays out.
    """

    name: str
    title: Text
    series: str
    label: str
    everything: str | None = ".+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard: its address, its variables and its rows. `since` is the default time range, as Grafana writes it."""

    uid: str
    title: Text
    about: Text
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    since: str = "now-1h"
    ranges: tuple[str, ...] = ("1h", "6h", "24h")

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)
