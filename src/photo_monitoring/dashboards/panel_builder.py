"""From a panel's declaration to Grafana's: how each kind of panel is drawn."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.models import barchart, gauge, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as viz
from grafana_foundation_sdk.models import dashboard as grafana
from grafana_foundation_sdk.models.prometheus import Dataquery, PromQueryFormat, QueryEditorMode

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards import limits
from photo_monitoring.dashboards.colours import colours
from photo_monitoring.dashboards.panels import Kind, Panel
from photo_monitoring.dashboards.queries import query
from photo_monitoring.durations import scaled

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Language, Settings

SOURCE: Final = grafana.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""Every query asks the data source that the board's reader chose."""

NOTHING: Final = "–"
"""What a panel shows where nothing is known; a zero is shown as 0."""

_INSTANT: Final = {Kind.TABLE, Kind.BARS}
_LAST: Final = ("lastNotNull",)
_RUNBOOK: Final = Text("런북: {alert}", "Runbook: {alert}")


def _targets(panel: Panel, settings: "Settings", lang: "Language") -> list[Dataquery]:
    instant = panel.kind in _INSTANT
    table_like = PromQueryFormat.TABLE if instant else PromQueryFormat.TIME_SERIES
    return [
        Dataquery(
            ref_id=chr(ord("A") + index),
            datasource=SOURCE,
            expr=query(one.expr, settings),
            legend_format=one.legend_in(lang).replace("{{instance}}", f"{{{{{settings.instance_label}}}}}"),
            format_val=table_like,
            instant=instant,
            range_val=not instant,
            interval=scaled(settings.interval, settings.time_scale),
            editor_mode=QueryEditorMode.CODE,
            exemplar=False,
        )
        for index, one in enumerate(panel.queries)
    ]


def _legend(*calcs: str) -> viz.VizLegendOptions:
    return viz.VizLegendOptions(
        display_mode=viz.LegendDisplayMode.TABLE if calcs else viz.LegendDisplayMode.LIST,
        placement=viz.LegendPlacement.BOTTOM,
        show_legend=True,
        calcs=list(calcs),
    )


def _tooltip() -> viz.VizTooltipOptions:
    return viz.VizTooltipOptions(mode=viz.TooltipDisplayMode.MULTI, sort=viz.SortOrder.DESCENDING)


def _reduce() -> viz.ReduceDataOptions:
    return viz.ReduceDataOptions(values=False, calcs=list(_LAST), fields="")


def _time_series(panel: Panel, _: str) -> tuple[object, object]:
    lines = viz.GraphThresholdsStyleMode.DASHED if panel.drawn or panel.steps else viz.GraphThresholdsStyleMode.OFF
    stacking = viz.StackingMode.NORMAL if panel.stacked else viz.StackingMode.NONE
    custom = viz.GraphFieldConfig(
        draw_style=viz.GraphDrawStyle.LINE,
        line_interpolation=viz.LineInterpolation.LINEAR,
        line_width=1,
        fill_opacity=40 if panel.stacked else 8,
        gradient_mode=viz.GraphGradientMode.NONE,
        show_points=viz.VisibilityMode.AUTO,
        point_size=4,
        # A gap is a gap: what was not measured is not drawn.
        span_nulls=False,
        stacking=viz.StackingConfig(mode=stacking, group="A"),
        thresholds_style=viz.GraphThresholdsStyleConfig(mode=lines),
    )
    return timeseries.Options(legend=_legend("lastNotNull", "max"), tooltip=_tooltip()), custom


def _stat(panel: Panel, _: str) -> tuple[object, object]:
    options = stat.Options(
        reduce_options=_reduce(),
        graph_mode=viz.BigValueGraphMode.AREA,
        color_mode=viz.BigValueColorMode.VALUE,
        justify_mode=viz.BigValueJustifyMode.AUTO,
        text_mode=viz.BigValueTextMode.AUTO if len(panel.queries) > 1 else viz.BigValueTextMode.VALUE,
        orientation=viz.VizOrientation.AUTO,
    )
    return options, {}


def _gauge(_: Panel, __: str) -> tuple[object, object]:
    return gauge.Options(reduce_options=_reduce(), orientation=viz.VizOrientation.AUTO), {}


def _table(panel: Panel, lang: str) -> tuple[object, object]:
    options = table.Options(cell_height=viz.TableCellHeight.SM)
    values = [column for column in panel.columns if column.field.startswith("Value")]
    if values:
        options.sort_by = [viz.TableSortByFieldState(display_name=values[0].title.in_language(lang), desc=True)]
    # Grafana 13 knows no footer of this shape any more.
    options.footer = None
    cell = viz.TableAutoCellOptions()
    return options, viz.TableFieldOptions(align=viz.FieldTextAlignment.AUTO, cell_options=cell, inspect=False)


def _bars(panel: Panel, lang: str) -> tuple[object, object]:
    options = barchart.Options(
        x_field=panel.columns[0].title.in_language(lang),
        orientation=viz.VizOrientation.HORIZONTAL,
        show_value=viz.VisibilityMode.AUTO,
        stacking=viz.StackingMode.NONE,
        legend=_legend(),
        tooltip=_tooltip(),
        x_tick_label_max_length=13,
    )
    return options, barchart.FieldConfig(fill_opacity=70, gradient_mode=viz.GraphGradientMode.NONE)


def _heat_map(panel: Panel, _: str) -> tuple[object, object]:
    options = heatmap.Options(
        calculate=False,
        color=heatmap.HeatmapColorOptions(
            mode=heatmap.HeatmapColorMode.SCHEME,
            scheme="Oranges",
            fill="dark-orange",
            scale=heatmap.HeatmapColorScale.EXPONENTIAL,
            exponent=0.5,
            steps=64,
            reverse=False,
        ),
        cell_gap=1,
        cell_values=heatmap.CellValues(unit=panel.unit),
        filter_values=heatmap.FilterValueRange(le=1e-9),
        legend=heatmap.HeatmapLegend(show=True),
        rows_frame=heatmap.RowsHeatmapOptions(layout=viz.HeatmapCellLayout.AUTO),
        show_value=viz.VisibilityMode.NEVER,
        tooltip=heatmap.HeatmapTooltip(mode=viz.TooltipDisplayMode.SINGLE, y_histogram=False),
        y_axis=heatmap.YAxisConfig(axis_placement=viz.AxisPlacement.LEFT, reverse=False),
    )
    return options, heatmap.FieldConfig()


def _states(_: Panel, __: str) -> tuple[object, object]:
    options = statetimeline.Options(
        show_value=viz.VisibilityMode.AUTO,
        row_height=0.9,
        merge_values=True,
        align_value=viz.TimelineValueAlignment.LEFT,
        legend=_legend(),
        tooltip=_tooltip(),
    )
    return options, statetimeline.FieldConfig(line_width=0, fill_opacity=80)


_DRAWN: Final[dict[Kind, Callable[[Panel, str], tuple[object, object]]]] = {
    Kind.TIME_SERIES: _time_series,
    Kind.STAT: _stat,
    Kind.GAUGE: _gauge,
    Kind.TABLE: _table,
    Kind.BARS: _bars,
    Kind.HEAT_MAP: _heat_map,
    Kind.STATES: _states,
}


def _links(panel: Panel, settings: "Settings", lang: "Language") -> list[grafana.DashboardLink]:
    # The console shows runbooks in its own language unless told; another place knows nothing of that.
    tail = f"?lang={lang}" if settings.runbooks_url is None and lang != settings.lang else ""
    return [
        grafana.DashboardLink(
            title=_RUNBOOK.in_language(lang).format(alert=alert),
            type_val=grafana.DashboardLinkType.LINK,
            url=f"{settings.runbooks}/{alert}{tail}",
            target_blank=True,
        )
        for alert in limits.runbooks(panel)
    ]


def _colour_mode(panel: Panel) -> grafana.FieldColorModeId:
    if panel.kind in {Kind.TIME_SERIES, Kind.BARS}:
        return grafana.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    return grafana.FieldColorModeId.THRESHOLDS


def _overrides(
    panel: Panel, settings: "Settings", lang: "Language"
) -> list[grafana.DashboardFieldConfigSourceOverrides]:
    found = []
    if panel.kind is Kind.TIME_SERIES:
        for target, one in zip(_targets(panel, settings, lang), panel.queries, strict=True):
            for matcher, matched, colour in colours(one, target.ref_id, target.legend_format or ""):
                fixed = grafana.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})
                found.append(
                    grafana.DashboardFieldConfigSourceOverrides(grafana.MatcherConfig(matcher, matched), [fixed])
                )
            if one.unit is not None:
                own_axis = [
                    grafana.DynamicConfigValue("unit", one.unit),
                    grafana.DynamicConfigValue("custom.axisPlacement", "right"),
                    # Its thresholds would be read against the wrong axis.
                    grafana.DynamicConfigValue("custom.thresholdsStyle", {"mode": "off"}),
                ]
                matched_ref = grafana.MatcherConfig("byFrameRefID", target.ref_id)
                found.append(grafana.DashboardFieldConfigSourceOverrides(matched_ref, own_axis))
    for column in panel.columns:
        if column.unit is not None:
            named = grafana.MatcherConfig("byName", column.title.in_language(lang))
            unit = grafana.DynamicConfigValue("unit", column.unit)
            found.append(grafana.DashboardFieldConfigSourceOverrides(named, [unit]))
    return found


def _transformations(panel: Panel, settings: "Settings", lang: "Language") -> list[grafana.DataTransformerConfig]:
    """Return what turns the answers of instant queries into the declared columns."""
    if not panel.columns:
        return []
    fields = [settings.label(column.field) for column in panel.columns]
    kept = {"include": {"names": fields}}
    renamed = {
        "renameByName": {
            field: column.title.in_language(lang) for field, column in zip(fields, panel.columns, strict=True)
        },
        "indexByName": {field: index for index, field in enumerate(fields)},
        "excludeByName": {},
    }
    merged = [grafana.DataTransformerConfig("merge", options={})] if len(panel.queries) > 1 else []
    return [
        *merged,
        grafana.DataTransformerConfig("filterFieldsByName", options=kept),
        grafana.DataTransformerConfig("organize", options=renamed),
    ]


def _mappings(panel: Panel, lang: "Language") -> list[grafana.ValueMap]:
    if not panel.names:
        return []
    results = {
        str(name.value): grafana.ValueMappingResult(text=name.text.in_language(lang), color=name.colour, index=index)
        for index, name in enumerate(panel.names)
    }
    return [grafana.ValueMap(options=results)]


def panel_of(panel: Panel, settings: "Settings", lang: "Language", place: grafana.GridPos) -> grafana.Panel:
    """Return a panel as Grafana has it, at its place on the grid."""
    options, custom = _DRAWN[panel.kind](panel, lang)
    links = _links(panel, settings, lang)
    thresholds = [grafana.Threshold(step.value, step.colour) for step in limits.steps(panel, settings)]
    return grafana.Panel(
        type_val=panel.kind.value,
        id_val=panel.id,
        title=panel.title.in_language(lang),
        description=panel.about.in_language(lang),
        datasource=SOURCE,
        grid_pos=place,
        interval=scaled(settings.interval, settings.time_scale),
        targets=[*_targets(panel, settings, lang)],
        links=links,
        transformations=_transformations(panel, settings, lang),
        options=options,
        field_config=grafana.FieldConfigSource(
            defaults=grafana.FieldConfig(
                unit=panel.unit,
                decimals=panel.decimals,
                min_val=panel.minimum,
                max_val=panel.maximum,
                no_value=NOTHING,
                mappings=[*_mappings(panel, lang)],
                thresholds=grafana.ThresholdsConfig(grafana.ThresholdsMode.ABSOLUTE, thresholds),
                color=grafana.FieldColor(_colour_mode(panel)),
                links=links,
                custom=custom,
            ),
            overrides=_overrides(panel, settings, lang),
        ),
    )
