"""Dashboards whose values are known: each kind of panel on expressions that always give the same."""

import json
from pathlib import Path
from typing import Any

UID = "sample"
BROKEN_UID = "broken"
OWN_COLOUR = "#00e5b0"
HOSTILE = '<img src=x onerror="document.title=1">'

Json = dict[str, Any]

_STEPS = [{"value": None, "color": "green"}, {"value": 1, "color": "orange"}, {"value": 3, "color": "red"}]


def _series(name: str, value: str) -> str:
    return f'label_replace({value}, "name", "{name}", "", "")'


def _panel(number: int, kind: str, targets: list[Json | str], **more: Any) -> Json:
    written = [{"expr": one} if isinstance(one, str) else one for one in targets]
    defaults = {"unit": "s", "min": 0, "noValue": "–", "thresholds": {"mode": "absolute", "steps": _STEPS}}
    custom = {"thresholdsStyle": {"mode": "dashed"}, "fillOpacity": 10}
    return {
        "id": number,
        "type": kind,
        "title": f"panel {number}",
        "description": f"what panel {number} means",
        "gridPos": {"h": 8, "w": 8, "x": (number - 1) % 3 * 8, "y": (number - 1) // 3 * 8},
        "interval": "15s",
        "targets": [
            {"refId": chr(65 + place), "legendFormat": "{{name}}", "range": True, "instant": False} | one
            for place, one in enumerate(written)
        ],
        "fieldConfig": {
            "defaults": defaults | {"custom": custom, "mappings": more.pop("mappings", [])} | more.pop("defaults", {}),
            "overrides": more.pop("overrides", []),
        },
        "options": {"legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "showLegend": True}},
        "links": [{"title": "Runbook: SlowLogin", "url": "http://grafana.example.com/runbooks/SlowLogin?lang=ko"}],
    } | more


_TABLE = [
    {"expr": f"{_series('b', 'vector(2)')} or {_series('a', 'vector(5)')} or {_series('c', 'vector(0.5)')}"},
    {"expr": f"{_series('a', 'vector(50)')} or {_series('b', 'vector(20)')}"},
]
_INSTANT = {"instant": True, "range": False, "format": "table"}
_NAMED = {"renameByName": {"name": "Who", "Value #A": "Time", "Value #B": "Count"}}
_COLUMNS = [
    {"id": "merge", "options": {}},
    {"id": "filterFieldsByName", "options": {"include": {"names": ["name", "Value #A", "Value #B"]}}},
    {"id": "organize", "options": {**_NAMED, "indexByName": {"Value #A": 2, "Value #B": 1, "name": 0}}},
]
_ONE_COLUMN = [
    {"id": "filterFieldsByName", "options": {"include": {"names": ["name", "Value"]}}},
    {"id": "organize", "options": {"renameByName": {"name": "Who", "Value": "Much"}}},
]
_UP_DOWN = [
    {"type": "value", "options": {"1": {"text": "well", "color": "green"}, "0": {"text": "ill", "color": "red"}}}
]

PANELS: list[Json] = [
    _panel(1, "timeseries", [_series("two", "vector(2)"), _series("half", "vector(0.5)")], overrides=[
        {"matcher": {"id": "byName", "options": "half"}, "properties": [
            {"id": "color", "value": {"mode": "fixed", "fixedColor": OWN_COLOUR}},
        ]},
    ]),
    _panel(2, "timeseries", [_series("one", "vector(1)"), _series("three", "vector(3)")], defaults={
        "unit": "suffix: things/min", "custom": {"stacking": {"mode": "normal"}, "thresholdsStyle": {"mode": "off"}},
    }),
    _panel(3, "stat", ["vector(0.0421)"], defaults={"unit": "percentunit"}),
    _panel(4, "gauge", [_series("g", "vector(0)")], mappings=_UP_DOWN, defaults={"max": 1}),
    _panel(5, "table", [one | _INSTANT for one in _TABLE], transformations=_COLUMNS, overrides=[
        {"matcher": {"id": "byName", "options": "Count"}, "properties": [{"id": "unit", "value": "none"}]},
    ]),
    _panel(6, "barchart", [_TABLE[0] | _INSTANT], transformations=_ONE_COLUMN, defaults={"unit": "decbytes"}),
    _panel(7, "bargauge", [_series("x", "vector(4)")], defaults={"max": 8}),
    _panel(8, "heatmap", [
        {"expr": f"{_series('low', 'vector(1)')} or {_series('high', 'vector(100)')}"},
    ]),
    _panel(9, "state-timeline", [_series("s", "vector(1)")], mappings=_UP_DOWN),
    _panel(10, "timeseries", ["vector(1) > 2"]),
    _panel(11, "timeseries", ["sum("]),
    _panel(12, "timeseries", [_series(HOSTILE.replace('"', '\\"'), "vector(1)")]),
    _panel(13, "piechart3d", ["vector(1)"]),
    _panel(14, "timeseries", [_series("left", "vector(7)"), _series("right", "vector(0.25)")], overrides=[
        {"matcher": {"id": "byFrameRefID", "options": "B"}, "properties": [
            {"id": "unit", "value": "percentunit"}, {"id": "custom.axisPlacement", "value": "right"},
        ]},
    ]),
]  # fmt: skip

# Nothing draws this legend.
_BROKEN = _panel(1, "timeseries", ["vector(1)"]) | {"options": {"legend": {"calcs": 5}}}
# The first half of every ten minutes.
_MARK = {
    "name": "Mark",
    "enable": True,
    "expr": _series("often", "vector(time())") + " % 600 < 300",
    "step": "15s",
    "iconColor": "pink",
    "titleFormat": "{{name}}",
    "textFormat": "",
}


def _board(uid: str, panels: list[Json]) -> Json:
    """A dashboard, as Grafana would load it."""
    return {
        "uid": uid,
        "title": uid.capitalize(),
        "description": "known values",
        "time": {"from": "now-15m", "to": "now"},
        "refresh": "",
        "panels": [
            {"id": 100, "type": "row", "title": "open", "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0}, "panels": []},
            *panels,
            {"id": 101, "type": "row", "title": "closed", "collapsed": True, "panels": [
                _panel(20, "stat", ["vector(1)"]),
            ]},
        ],
        "templating": {"list": []},
        "annotations": {"list": [_MARK]},
    }  # fmt: skip


def write_boards(folder: Path) -> Path:
    """Write the boards in both languages below a folder; return the folder."""
    boards = {UID: PANELS, BROKEN_UID: [_BROKEN, _panel(2, "stat", ["vector(0.5)"])]}
    for lang in ("ko", "en"):
        (folder / lang).mkdir()
        for uid, panels in boards.items():
            (folder / lang / f"{uid}.json").write_text(json.dumps(_board(uid, panels)))
    return folder
