"""The boards against the guide's index: its own board to the letter, and a panel for everything it wants seen."""

import pytest

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert
from photo_monitoring.dashboards import BOARDS, builder, coverage
from photo_monitoring.dashboards.homes import homes, path_of
from photo_monitoring.dashboards.limits import steps
from photo_monitoring.dashboards.matrix import panel_metrics
from photo_monitoring.dashboards.overview import OVERVIEW
from photo_monitoring.guide import GuidePanel, load_guide

GUIDE = load_guide()
KINDS = {"gauge": "gauge", "stat": "stat", "time series": "timeseries", "table": "table"}
# The guide's words for a unit → Grafana's names; ratios are shown as per cent.
UNITS = {"%": "percentunit", "req/min": "reqpm", "Mbps": "Mbits", "": None}
WAYS = {
    "time series": "timeseries",
    "stat": "stat",
    "growth": "timeseries",
    "ratio": "timeseries",
    "table": "table",
    "bar chart": "barchart",
    "heat map": "heatmap",
}
WITH_THRESHOLDS = [panel for panel in GUIDE.panels if panel.thresholds]
EACH = [pytest.param(panel, id=f"{panel.row}.{panel.number}") for panel in GUIDE.panels]


def test_the_first_board_has_the_guides_six_rows_of_four_panels_in_its_order() -> None:
    titles = [[panel.title.ko for panel in row.panels] for row in OVERVIEW.rows]
    assert titles == [[panel.title for panel in GUIDE.panels if panel.row == row] for row in range(1, 7)]


def test_its_rows_have_the_guides_titles() -> None:
    assert [row.title.en for row in OVERVIEW.rows] == list(dict.fromkeys(panel.row_title for panel in GUIDE.panels))


@pytest.mark.parametrize("asked", EACH)
def test_a_panel_of_the_guide_is_of_its_kind_and_unit(asked: GuidePanel) -> None:
    _, panel = coverage.place_of_guide_panel(asked.row, asked.number)
    assert panel.kind == KINDS[asked.kind]
    wanted = UNITS.get(asked.unit, asked.unit if asked.unit == "s" else f"suffix: {asked.unit}")
    assert wanted is None or panel.unit == wanted


@pytest.mark.parametrize("asked", EACH)
def test_a_panel_of_the_guide_reads_its_metrics_by_its_labels(asked: GuidePanel) -> None:
    _, panel = coverage.place_of_guide_panel(asked.row, asked.number)
    assert set(asked.metrics) <= panel_metrics(panel)
    text = " ".join(one.expr + one.legend_in("en") for one in panel.queries)
    assert [label for label in asked.by if f"{{{{{label}}}}}" not in text] == []
    assert [series for series in asked.series if series not in text] == []


@pytest.mark.parametrize("asked", WITH_THRESHOLDS)
def test_a_panel_has_the_guides_thresholds(asked: GuidePanel) -> None:
    _, panel = coverage.place_of_guide_panel(asked.row, asked.number)
    drawn = {step.value for step in steps(panel, Settings())}
    wanted = {value / 100 for value in asked.thresholds} if asked.unit == "%" else {0.5}
    assert wanted <= drawn


def test_the_guides_board_refreshes_and_ranges_as_the_guide_says() -> None:
    board = builder.build(OVERVIEW, Settings(), "ko")
    assert board["refresh"] == GUIDE.refresh
    assert [span["from"] for span in board["timepicker"]["quick_ranges"]] == [f"now-{span}" for span in GUIDE.ranges]
    assert board["time"] == {"from": f"now-{GUIDE.ranges[0]}", "to": "now"}


def test_the_guides_board_has_its_variables_and_a_data_source_to_choose() -> None:
    names = {variable["name"] for variable in builder.build(OVERVIEW, Settings(), "ko")["templating"]["list"]}
    assert {"datasource", *GUIDE.variables} <= names


def test_every_metric_of_the_guide_is_on_a_panel() -> None:
    shown = frozenset[str]().union(*(panel_metrics(panel) for board in BOARDS for panel in board.panels))
    assert [metric.name for metric in GUIDE.metrics if metric.name not in shown] == []


def test_every_point_to_watch_has_a_panel_that_reads_its_metric() -> None:
    found = {point: coverage.place_of_point(point) for point in GUIDE.points}
    assert [coverage.point_key(point) for point, place in found.items() if place is None] == []
    # A point on one metric may be answered beside it: image access by the CDN's or the storage's own durations.
    beside = {
        "photo_api_image_access_duration_seconds: what the CDN brings",
        "photo_api_image_access_duration_seconds: downloads from object storage",
        "photo_api_external_request_duration_seconds: object storage, up and down",
        "photo_api_external_request_duration_seconds: making CDN tokens",
        "photo_api_external_request_duration_seconds: sending logs",
        "photo_api_users_total: trend of registrations",
        "photo_api_object_storage_usage_by_user_bytes: users who behave oddly",
        "node_network_receive_bytes_total: image traffic",
        "photo_api_share_links_total: how much sharing is used",
    }
    strangers = {
        coverage.point_key(point)
        for point, place in found.items()
        if place and point.metric not in panel_metrics(place[1])
    }
    assert strangers == beside


def test_every_way_of_showing_a_growth_metric_has_a_panel_of_that_kind() -> None:
    for usage in GUIDE.usages:
        place = coverage.place_of_usage(usage)
        assert place is not None, coverage.usage_key(usage)
        assert place[1].kind == WAYS[usage.kind]
        assert usage.metric in panel_metrics(place[1])


def test_nothing_answers_what_the_guide_does_not_ask() -> None:
    assert coverage.unanswered() == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.subject)
def test_every_alert_leads_to_a_panel(alert: Alert) -> None:
    assert alert.subject in homes()


def test_an_alerts_path_names_its_board_and_panel() -> None:
    paths = {alert.subject: path_of(alert) for alert in ALERTS}
    assert paths["request-errors"] == "photo-api-overview?viewPanel=14"
    assert paths["slo-requests-availability"] == "photo-api-slo?viewPanel=31"
