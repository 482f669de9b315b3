"""The tables `[slos.<name>]` of the override file: how much must be good, and at which pace a burning budget alerts."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from photo_monitoring.alerts.slo import OBJECTIVES
from photo_monitoring.configuration.hints import likely
from photo_monitoring.configuration.overrides import objective_in_force, objective_numbers
from photo_monitoring.configuration.settings import ObjectiveChange, Settings
from photo_monitoring.expressions import number
from photo_monitoring.slos import Objective

TABLE: Final = "slos"
_SHARE: Final = "objective"

Path = tuple[str, ...]
Complain = Callable[[Path, str], None]


def read_objectives(table: Mapping[str, Any], wrong: Complain) -> tuple[ObjectiveChange, ...]:
    """Return what the tables change; every mistake is told to `wrong` with the path of its key."""
    known = {objective.slo: objective for objective in OBJECTIVES}
    changes = []
    for name, value in table.items():
        path = (TABLE, name)
        if name not in known:
            wrong(path, f"no objective is called {name}{likely(name, known)}")
        elif not isinstance(value, dict):
            wrong(path, "must be a table")
        else:
            change = _objective(known[name], path, value, wrong)
            if change is not None:
                changes.append(change)
    return tuple(changes)


def _objective(objective: Objective, path: Path, table: Mapping[str, Any], wrong: Complain) -> ObjectiveChange | None:
    numbers = objective_numbers(objective)
    problems = [(key, problem) for key, value in table.items() if (problem := _problem(key, value, numbers))]
    for key, problem in problems:
        wrong((*path, key), problem)
    if problems:
        return None
    windows = {burn.key: burn.long for burn in objective.burns}
    change = ObjectiveChange(
        slo=objective.slo,
        objective=table.get(_SHARE),
        burns=tuple((window, float(table[key])) for key, window in windows.items() if key in table),
    )
    try:
        objective_in_force(objective, replace(Settings(), objective_changes=(change,)))
    except ValueError as error:
        wrong(path, str(error))
        return None
    return change


def _problem(key: str, value: object, known: Mapping[str, float]) -> str | None:
    if key not in known:
        return f"unknown key{likely(key, known)}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "must be a number"
    if value <= 0:
        return "must be above 0"
    if key == _SHARE and value >= 1:
        return "is a share and must be below 1 (0.999 is 99.9 %): without a budget no failure is allowed"
    return None


def example_tables() -> Iterator[str]:
    """Yield the lines of the example file, with the declared numbers."""
    yield "\n# Objectives over 30 days. A budget that burns so many times too fast, over both windows, alerts."
    for objective in OBJECTIVES:
        yield f"\n# {objective.promise.en[0].upper()}{objective.promise.en[1:]}.\n[{TABLE}.{objective.slo}]"
        paces = {burn.key: f"{burn.severity}, over {burn.long} and {burn.short}" for burn in objective.burns}
        for key, value in objective_numbers(objective).items():
            yield f"{key} = {number(value)}  # {paces.get(key, 'the share of good events')}"
