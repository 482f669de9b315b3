"""The boards against Grafana's own types, and that those would find a fault."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from scripts.check_dashboards import faults

from photo_monitoring.configuration.settings import Language, Settings
from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards.builder import build, to_json

OVERVIEW = BOARDS[0]
LANGS: tuple[Language, ...] = ("ko", "en")
Change = Callable[[dict[str, Any]], Any]


def panel(board: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first panel of a kind."""
    found: dict[str, Any] = next(panel for panel in board["panels"] if panel["type"] == kind)
    return found


# Name → what is done to a right board, and a word that the compiler must say about it.
SEEDED: dict[str, tuple[Change, str]] = {
    "unknown_kind": (lambda board: panel(board, "stat").update(type="stats"), '"stats"'),
    "number_as_text": (lambda board: panel(board, "stat")["gridPos"].update(w="6"), "number"),
    "unknown_option": (lambda board: panel(board, "timeseries")["options"].update(legends={}), "legends"),
    "wrong_choice": (lambda board: panel(board, "stat")["options"].update(colorMode="bright"), '"bright"'),
    "wrong_drawing": (
        lambda board: panel(board, "timeseries")["fieldConfig"]["defaults"]["custom"].update(drawStyle="curve"),
        '"curve"',
    ),
    "no_expression": (lambda board: panel(board, "gauge")["targets"][0].pop("expr"), "expr"),
    "wrong_threshold": (
        lambda board: panel(board, "gauge")["fieldConfig"]["defaults"]["thresholds"].update(mode="relative"),
        '"relative"',
    ),
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """Board → what the compiler says; all of them in one run, which is what takes the time."""
    right = build(OVERVIEW, Settings(), "ko")
    boards = {
        f"right_{board.uid}_{lang}": to_json(build(board, Settings(), lang)) for board in BOARDS for lang in LANGS
    }
    for name, (change, _) in SEEDED.items():
        wrong = json.loads(json.dumps(right))
        change(wrong)
        boards[name] = to_json(wrong)
    said: dict[str, list[str]] = {name: [] for name in boards}
    for fault in faults(boards):
        name, _, what = fault.partition(": ")
        said[name].append(what)
    return said


def test_every_board_is_what_grafanas_types_say(found: dict[str, list[str]]) -> None:
    assert {name: said for name, said in found.items() if name.startswith("right_") and said} == {}


@pytest.mark.parametrize("name", SEEDED)
def test_a_fault_in_a_board_is_found_by_its_types(found: dict[str, list[str]], name: str) -> None:
    assert any(SEEDED[name][1] in said for said in found[name]), found[name]
