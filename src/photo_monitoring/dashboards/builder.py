"""From a board's declaration to Grafana's JSON, through the types of Grafana's own SDK (schema version 41)."""

import json
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as grafana

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panel_builder import SOURCE, panel_of
from photo_monitoring.dashboards.panels import GRID_COLUMNS, Board, Variable
from photo_monitoring.dashboards.queries import query

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Language, Settings

REFRESH: Final = "30s"
TAG: Final = "photo-api"

_REFRESHES: Final = ("10s", "30s", "1m", "5m", "15m", "1h")
_RANGES: Final = {
    "1h": Text("최근 1시간", "Last hour"),
    "6h": Text("최근 6시간", "Last 6 hours"),
    "24h": Text("최근 24시간", "Last 24 hours"),
    "7d": Text("최근 7일", "Last 7 days"),
    "30d": Text("최근 30일", "Last 30 days"),
}
_HEADING_HEIGHT: Final = 1
# The SDK gives every variable what only one of intervals has.
_NO_INTERVAL: Final[dict[str, None]] = {"auto": None, "auto_min": None, "auto_count": None}

# A version that was not there two minutes ago, in a fleet that was: the start of Prometheus is no deployment.
_DEPLOYED: Final = """
(
  sum by (version) (photo_api_app_info{$api})
  unless
  sum by (version) (photo_api_app_info{$api} offset ${2m})
)
and on ()
count(photo_api_app_info{$api} offset ${2m}) > 0
"""
_FIRING: Final = 'max by (alertname, severity) (ALERTS{alertstate="firing", system="photo-api", severity!="none"})'

# Name, colour, query, and what the SDK's model of an annotation leaves out: its step and what a mark says.
_MARKS: Final = (
    (
        Text("배포", "Deployments"),
        "blue",
        _DEPLOYED,
        {"step": "60s", "titleFormat": "{{version}}", "textFormat": "", "tagKeys": "version"},
    ),
    (
        Text("울리는 알림", "Firing alerts"),
        "red",
        _FIRING,
        {"step": "60s", "titleFormat": "{{alertname}}", "textFormat": "{{severity}}", "tagKeys": "severity"},
    ),
)


def _annotations(settings: "Settings", lang: "Language") -> grafana.AnnotationContainer:
    return grafana.AnnotationContainer(
        [
            grafana.AnnotationQuery(
                name=name.in_language(lang), datasource=SOURCE, icon_color=colour, expr=query(expr, settings)
            )
            for name, colour, expr, _ in _MARKS
        ]
    )


def _source_variable(lang: "Language") -> grafana.VariableModel:
    return grafana.VariableModel(
        type_val=grafana.VariableType.DATASOURCE,
        name="datasource",
        label=Text("데이터 소스", "Data source").in_language(lang),
        query="prometheus",
        refresh=grafana.VariableRefresh.ON_DASHBOARD_LOAD,
        **_NO_INTERVAL,
    )


def _variable(variable: Variable, settings: "Settings", lang: "Language") -> grafana.VariableModel:
    series = query(variable.series, settings)
    return grafana.VariableModel(
        type_val=grafana.VariableType.QUERY,
        name=variable.name,
        label=variable.title.in_language(lang),
        datasource=SOURCE,
        query={
            "qryType": 1,
            "query": f"label_values({series}, {settings.label(variable.label)})",
            "refId": f"variable-{variable.name}",
        },
        multi=True,
        include_all=True,
        all_value=variable.everything,
        allow_custom_value=False,
        current=grafana.VariableOption(selected=True, text=["All"], value=["$__all"]),
        # Instances that died within the time range are still to be chosen.
        refresh=grafana.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=grafana.VariableSort.NATURAL_ASC,
        **_NO_INTERVAL,
    )


def _panels(board: Board, settings: "Settings", lang: "Language") -> list[grafana.Panel | grafana.RowPanel]:
    """Return the rows' headings and panels, placed from left to right and from top to bottom."""
    placed: list[grafana.Panel | grafana.RowPanel] = []
    line = 0
    for row in board.rows:
        heading = grafana.GridPos(h=_HEADING_HEIGHT, w=GRID_COLUMNS, x=0, y=line)
        placed.append(grafana.RowPanel(title=row.title.in_language(lang), id_val=row.id, grid_pos=heading, panels=[]))
        left, line, tallest = 0, line + _HEADING_HEIGHT, 0
        for panel in row.panels:
            if left + panel.width > GRID_COLUMNS:
                left, line, tallest = 0, line + tallest, 0
            place = grafana.GridPos(h=panel.height, w=panel.width, x=left, y=line)
            placed.append(panel_of(panel, settings, lang, place))
            left, tallest = left + panel.width, max(tallest, panel.height)
        line += tallest
    return placed


def build(board: Board, settings: "Settings", lang: "Language") -> dict[str, Any]:
    """Return a board as Grafana's JSON."""
    dashboard = grafana.Dashboard(
        uid=board.uid,
        title=board.title.in_language(lang),
        description=board.about.in_language(lang),
        tags=[TAG],
        timezone="Asia/Seoul",
        editable=False,
        graph_tooltip=grafana.DashboardCursorSync.CROSSHAIR,
        time=grafana.DashboardDashboardTime(board.since, "now"),
        timepicker=grafana.TimePickerConfig(
            refresh_intervals=list(_REFRESHES),
            quick_ranges=[
                grafana.TimeOption(_RANGES[span].in_language(lang), f"now-{span}", "now") for span in board.ranges
            ],
        ),
        refresh=REFRESH,
        panels=[*_panels(board, settings, lang)],
        templating=grafana.DashboardDashboardTemplating(
            [_source_variable(lang), *(_variable(variable, settings, lang) for variable in board.variables)]
        ),
        annotations=_annotations(settings, lang),
        links=[
            grafana.DashboardLink(
                title=Text("다른 보드", "Other boards").in_language(lang),
                type_val=grafana.DashboardLinkType.DASHBOARDS,
                tags=[TAG],
                as_dropdown=True,
                include_vars=True,
                keep_time=True,
            )
        ],
    )
    document: dict[str, Any] = json.loads(JSONEncoder().encode(dashboard))
    for annotation, (*_, shown) in zip(document["annotations"]["list"], _MARKS, strict=True):
        annotation.update(shown)
    return document


def to_json(document: dict[str, Any]) -> str:
    """Write a board as the committed file has it."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
