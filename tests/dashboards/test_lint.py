"""The lint of the boards: silent on ours, and told of each fault."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Text
from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards.builder import build
from photo_monitoring.dashboards.lint import lint_boards, lint_declarations, lint_document, lint_panel, query_rules
from photo_monitoring.dashboards.panels import Board, Kind, Panel, Query, Variable, per_minute
from photo_monitoring.dashboards.patterns import lines
from photo_monitoring.dashboards.queries import filled_in
from photo_monitoring.proofs import promtool
from photo_monitoring.yaml_text import to_yaml

CONTRIBUTING = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
RIGHT = BOARDS[0].panels[2]


def test_our_boards_have_no_fault() -> None:
    assert lint_boards(Settings()) == []


def test_promtool_parses_every_query() -> None:
    assert promtool.check_rules({"dashboards.yml": to_yaml(query_rules(Settings()))}) is None


@pytest.mark.parametrize("board", BOARDS, ids=lambda one: one.uid)
def test_promtool_gets_the_marks_and_what_variables_are_chosen_from(board: Board) -> None:
    asked = {rule["expr"] for rule in query_rules(Settings())["groups"][0]["rules"]}
    document = build(board, Settings(), "ko")
    marks = [one["expr"] for one in document["annotations"]["list"]]
    chosen = [one["query"]["query"] for one in document["templating"]["list"] if one["type"] == "query"]
    series = [text.removeprefix("label_values(").rpartition(", ")[0] for text in chosen]
    assert len(marks) == 2
    assert {filled_in(text) for text in (*marks, *series)} <= asked


def test_a_placeholder_that_is_none_is_told_with_the_other_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    first = min(BOARDS, key=lambda one: len(one.panels))
    panel = replace(asking("sum(rate(http_requests_total{$pickd}[$rate]))"), id=999, home_of=())
    variable = Variable(name="region", title=Text("지역", "Region"), series="up{$regon}", label="region")
    rows = (replace(first.rows[0], panels=(*first.rows[0].panels, panel)), *first.rows[1:])
    wrong = replace(first, rows=rows, variables=(*first.variables, variable))
    monkeypatch.setattr("photo_monitoring.dashboards.lint.BOARDS", (wrong,))
    problems = lint_declarations()
    assert [problem for problem in problems if "pickd" in problem]
    assert [problem for problem in problems if "the variable region: " in problem and "regon" in problem]


def asking(expr: str) -> Panel:
    """A right panel but for its query."""
    return replace(RIGHT, queries=(Query(expr, "series"),))


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        (asking("sum(rate(http_requests_totl{$picked}[$rate]))"), "no metric and no recording"),
        (asking('sum(rate(http_requests_total{$picked, code="200"}[$rate]))'), "has no label code"),
        (asking('sum(photo_api_users_total{$api, status="gone"})'), "label status never is 'gone'"),
        (asking("sum(http_requests_total{$picked})"), "the counter http_requests_total"),
        (asking("rate(photo_api_users_total{$picked}[$rate])"), "over the gauge photo_api_users_total"),
        (asking("sum(rate(http_requests_total[$rate]))"), "is read without a job"),
        (asking("sum(rate(http_requests_total{$picked}[${5s}]))"), "may hold fewer than two scrapes"),
        (asking("sum(rate(http_requests_total{$pickd}[$rate]))"), "pickd"),
        (replace(RIGHT, queries=(Query("up{$api}", " "),)), "a query has no legend"),
        (replace(RIGHT, queries=()), "has 0 queries"),
        (replace(RIGHT, unit=""), "has no unit"),
        (replace(RIGHT, about=Text("요청입니다.", "")), "has no description in both languages"),
        (replace(RIGHT, about=Text("requests.", "requests.")), "has no Korean in it"),
        (replace(RIGHT, width=30), "does not fit the grid"),
        (replace(RIGHT, kind=Kind.TABLE), "columns are for tables"),
        (replace(RIGHT, home_of=("no-such-subject",)), "no alert has the subject no-such-subject"),
    ],
)
def test_a_fault_in_a_declaration_is_told(panel: Panel, told: str) -> None:
    assert any(told in problem for problem in lint_panel(panel)), lint_panel(panel)


Change = Callable[[dict[str, Any]], Any]
_FIXED = {"type": "prometheus", "uid": "prometheus"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda board: board["panels"][1].update(datasource=_FIXED),
            "panel 11 (Service availability) has a fixed data",
        ),
        (lambda board: board["panels"][1]["targets"][0].update(datasource=_FIXED), "query A has a fixed data source"),
        (lambda board: board["panels"][1]["targets"][0].update(legendFormat=""), "query A has no legend"),
        (lambda board: board["panels"][1]["targets"][0].pop("interval"), "query A has no minimum step"),
        (lambda board: board["panels"][1].update(targets=[]), "is empty"),
        (lambda board: board["panels"][1].update(description=""), "has no description"),
        (lambda board: board["panels"][1].pop("interval"), "has no interval"),
        (lambda board: board["panels"][1]["fieldConfig"]["defaults"].pop("unit"), "has no unit"),
        (lambda board: board["panels"][2]["gridPos"].update(x=0), "panels 11 and 12 overlap"),
        (lambda board: board["templating"]["list"][1].update(datasource=_FIXED), "instance has a fixed data source"),
        (lambda board: board.update(refresh="5s"), "does not refresh every 30 s"),
    ],
)
def test_a_fault_in_a_boards_json_is_told(change: Change, told: str) -> None:
    board = build(BOARDS[0], Settings(), "en")
    assert lint_document(board) == []
    change(board)
    assert any(told in problem for problem in lint_document(board)), lint_document(board)


def test_the_panel_that_contributing_shows_is_right() -> None:
    [section] = [part for part in CONTRIBUTING.split("\n## ") if part.startswith("Add a panel")]
    [block] = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    names = {"lines": lines, "Text": Text, "Query": Query, "per_minute": per_minute}
    shown = eval(block, names)  # noqa: S307 - our own page
    assert lint_panel(shown) == []
    assert shown.id not in {panel.id for board in BOARDS for panel in board.panels if board.uid == "photo-api-detail"}
