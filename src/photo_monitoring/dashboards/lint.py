"""What is wrong with the boards: their declarations, their queries, and the JSON that Grafana gets."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import LANGUAGES, Settings
from photo_monitoring.dashboards import BOARDS, coverage
from photo_monitoring.dashboards.builder import build
from photo_monitoring.dashboards.homes import homes
from photo_monitoring.dashboards.panel_builder import SOURCE
from photo_monitoring.dashboards.panels import GRID_COLUMNS, Board, Kind, Panel
from photo_monitoring.dashboards.queries import filled_in, query, used_variables
from photo_monitoring.expressions import UnknownPlaceholderError
from photo_monitoring.lints import lint_expression, recordings_by_name

if TYPE_CHECKING:
    from photo_monitoring.criteria import Text

_HANGUL: Final = re.compile(r"[가-힣]")
_MOST_QUERIES: Final = 26
# Prometheus' own series of alerts has no job of its own.
_JOBLESS: Final = "ALERTS is read without a job: another system's series would mix in"


def where(board: Board, panel: Panel) -> str:
    """Return a panel's place for a message."""
    return f"{board.uid} panel {panel.id} ({panel.title.en})"


def _twice(what: str, values: "list[Any]") -> list[str]:
    return [f"{what} {value} is there twice" for value, count in Counter(values).items() if count > 1]


def _texts(panel: Panel) -> Iterator[str]:
    texts: list[tuple[str, Text]] = [("title", panel.title), ("description", panel.about)]
    for name, text in texts:
        if not text.ko or not text.en:
            yield f"has no {name} in both languages"
    if not _HANGUL.search(panel.about.ko):
        yield "its Korean description has no Korean in it"
    if panel.about.ko[-1:] != "." or panel.about.en[-1:] != ".":
        yield "its description is no sentence"


def _shape(panel: Panel) -> Iterator[str]:
    if not panel.queries or len(panel.queries) > _MOST_QUERIES:
        yield f"has {len(panel.queries)} queries"
    if not panel.unit:
        yield "has no unit"
    if not 0 < panel.width <= GRID_COLUMNS or panel.height < 1:
        yield "does not fit the grid"
    if (panel.kind in {Kind.TABLE, Kind.BARS}) != bool(panel.columns):
        yield "columns are for tables and bars, and only for them"
    if panel.kind is Kind.STATES and not panel.names:
        yield "shows states that have no names"
    for one in panel.queries:
        for lang in LANGUAGES:
            if not one.legend_in(lang).strip():
                yield f"a query has no legend ({lang})"


def lint_panel(panel: Panel) -> list[str]:
    """Return what is wrong with one panel's declaration."""
    recordings = recordings_by_name(ALERTS)
    problems = [*_texts(panel), *_shape(panel)]
    subjects = {alert.subject for alert in ALERTS}
    problems += [f"no alert has the subject {name}" for name in {*panel.home_of, *panel.drawn} - subjects]
    for one in panel.queries:
        try:
            text = query(one.expr, Settings())
            problems += [problem for problem in lint_expression(filled_in(text), recordings) if problem != _JOBLESS]
        except (UnknownPlaceholderError, ValueError) as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))


def _variables(board: Board) -> Iterator[str]:
    declared = {variable.name for variable in board.variables}
    used: set[str] = set()
    for panel in board.panels:
        for one in panel.queries:
            # What cannot be filled in, the panel's own lint tells.
            with suppress(UnknownPlaceholderError, ValueError):
                used |= used_variables(query(one.expr, Settings()))
    for variable in board.variables:
        try:
            used |= used_variables(query(variable.series, Settings()))
        except (UnknownPlaceholderError, ValueError) as error:
            yield f"{board.uid}: the variable {variable.name}: {error}"
    yield from (f"{board.uid} uses the variable {name}, which it does not have" for name in sorted(used - declared))
    yield from (f"{board.uid} has the variable {name}, which nothing uses" for name in sorted(declared - used))


def lint_declarations() -> list[str]:
    """Return what is wrong with the declarations of all boards."""
    problems = _twice("board", [board.uid for board in BOARDS])
    for board in BOARDS:
        numbers = [row.id for row in board.rows] + [panel.id for panel in board.panels]
        problems += _twice(f"{board.uid}: number", numbers)
        for panel in board.panels:
            problems += [f"{where(board, panel)}: {problem}" for problem in lint_panel(panel)]
        problems += _variables(board)
    homed = [subject for board in BOARDS for panel in board.panels for subject in panel.home_of]
    problems += _twice("home of", homed)
    problems += [
        f"{alert.name} ({alert.subject}) has no panel: name it in a panel's home_of"
        for alert in ALERTS
        if alert.subject not in homes()
    ]
    return problems + coverage.unanswered()


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def _targets(panel: dict[str, Any]) -> Iterator[str]:
    for target in panel["targets"]:
        if target["datasource"] != SOURCE.to_json():
            yield f"query {target['refId']} has a fixed data source"
        if not target.get("legendFormat"):
            yield f"query {target['refId']} has no legend"
        if not target.get("interval"):
            yield f"query {target['refId']} has no minimum step"


def _panel(panel: dict[str, Any]) -> Iterator[str]:
    if panel["datasource"] != SOURCE.to_json():
        yield "has a fixed data source"
    if not panel.get("targets"):
        yield "is empty"
        return
    yield from _targets(panel)
    for part in ("title", "description", "interval"):
        if not panel.get(part):
            yield f"has no {part}"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "has no unit"
    options = panel["options"]
    if panel["type"] == Kind.TIME_SERIES and not options["legend"]["showLegend"]:
        yield "hides its legend"


def lint_document(document: dict[str, Any]) -> list[str]:
    """Return what is wrong with a board's JSON."""
    problems = []
    panels = [panel for panel in document["panels"] if panel["type"] != "row"]
    for panel in panels:
        problems += [f"panel {panel['id']} ({panel['title']}) {problem}" for problem in _panel(panel)]
    for one, other in combinations(document["panels"], 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            problems.append(f"panels {one['id']} and {other['id']} overlap")
    asking = [*document["annotations"]["list"]]
    asking += [variable for variable in document["templating"]["list"] if variable["type"] == "query"]
    problems += [f"{one['name']} has a fixed data source" for one in asking if one["datasource"] != SOURCE.to_json()]
    if document.get("refresh") != "30s":
        problems.append("does not refresh every 30 s")
    return [f"{document['uid']}: {problem}" for problem in problems]


def lint_boards(settings: Settings) -> list[str]:
    """Return everything that is wrong with the boards."""
    problems = lint_declarations()
    for lang in LANGUAGES:
        for board in BOARDS:
            problems += lint_document(build(board, settings, lang))
    return list(dict.fromkeys(problems))


def query_rules(settings: Settings) -> dict[str, Any]:
    """Return every query as a recording rule, for promtool to parse; the name says where it stands."""
    rules = [
        {"record": f"{board.uid.replace('-', '_')}:{place}", "expr": filled_in(text)}
        for board in BOARDS
        for place, text in _queries(board, settings)
    ]
    return {"groups": [{"name": "dashboards", "rules": rules}]}


def _queries(board: Board, settings: Settings) -> Iterator[tuple[str, str]]:
    """Return everything that a board asks, with its place: panels, marks, and what its variables are chosen from."""
    for panel in board.panels:
        for index, one in enumerate(panel.queries):
            yield f"panel_{panel.id}:query_{index}", query(one.expr, settings)
    for variable in board.variables:
        yield f"variable_{variable.name}", query(variable.series, settings)
    # The language changes none of them.
    for index, mark in enumerate(build(board, settings, "en")["annotations"]["list"]):
        yield f"mark_{index}", mark["expr"]
