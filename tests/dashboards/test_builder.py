"""From declarations to Grafana's JSON: thresholds, links, variables, languages, names."""

from typing import Any

import pytest

from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.settings import Language, Settings
from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards.builder import build
from photo_monitoring.dashboards.files import render_dashboards


def board(uid: str, settings: Settings | None = None, lang: Language = "en") -> dict[str, Any]:
    """A board by the end of its address."""
    found = next(one for one in BOARDS if one.uid == f"photo-api-{uid}")
    return build(found, settings or Settings(), lang)


def panel(document: dict[str, Any], number: int) -> dict[str, Any]:
    """A panel by its number."""
    found: dict[str, Any] = next(one for one in document["panels"] if one["id"] == number)
    return found


def steps(document: dict[str, Any], number: int) -> list[tuple[float | None, str]]:
    """A panel's thresholds."""
    found = panel(document, number)["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [(step["value"], step["color"]) for step in found]


def test_a_threshold_stands_where_its_rule_stands() -> None:
    assert steps(board("overview"), 14) == [(None, "green"), (0.01, "orange"), (0.05, "red")]


def test_a_threshold_follows_the_override_file() -> None:
    settings = parse("[alerts.HighErrorRate.request-errors.warning]\nthreshold = 0.02\n")
    assert steps(board("overview", settings), 14) == [(None, "green"), (0.02, "orange"), (0.05, "red")]


def test_an_alert_that_is_switched_off_draws_no_threshold() -> None:
    settings = parse('[alerts.HighErrorRate.request-errors]\nenabled = false\nreason = "not now"\n')
    assert steps(board("overview", settings), 14) == [(None, "green")]


def test_an_alert_that_fires_below_its_threshold_colours_what_lies_below() -> None:
    assert steps(board("detail"), 811) == [(None, "red"), (0.6, "orange"), (0.8, "green")]


def test_the_line_of_an_objective_follows_the_override_file() -> None:
    assert steps(board("slo"), 11) == [(None, "red"), (0.999, "green")]
    settings = parse("[slos.requests-availability]\nobjective = 0.995\n")
    assert steps(board("slo", settings), 11) == [(None, "red"), (0.995, "green")]


def test_where_two_alerts_meet_the_graver_colour_counts() -> None:
    settings = parse("[alerts.SlowResponseTime.response-time-p99.critical]\nthreshold = 1\n")
    assert steps(board("overview", settings), 21) == [(None, "green"), (1, "red"), (3, "red")]


def test_a_panel_leads_to_the_runbooks_of_its_alerts() -> None:
    links = panel(board("overview", lang="ko"), 14)["links"]
    assert [(link["title"], link["url"]) for link in links] == [
        ("런북: HighErrorRate", "http://localhost:8080/runbooks/HighErrorRate")
    ]


def test_the_other_languages_board_asks_the_console_for_that_language() -> None:
    assert panel(board("overview", lang="en"), 14)["links"][0]["url"].endswith("/runbooks/HighErrorRate?lang=en")


def test_runbooks_kept_elsewhere_get_their_address_unchanged() -> None:
    settings = parse('[urls]\nrunbooks = "https://wiki.example.com/runbooks"\n')
    link = panel(board("overview", settings, "en"), 14)["links"][0]
    assert link["url"] == "https://wiki.example.com/runbooks/HighErrorRate"


def test_a_renamed_label_is_renamed_in_queries_legends_variables_and_columns_but_not_in_the_variables_name() -> None:
    settings = parse('[labels]\ninstance = "pod"\n')
    fleet = board("fleet", settings)
    requests, versions = panel(fleet, 15), panel(fleet, 12)
    assert requests["targets"][0]["expr"].startswith("sum by (pod) ")
    assert 'pod=~"$instance"' in requests["targets"][0]["expr"]
    assert requests["targets"][0]["legendFormat"] == "{{pod}}"
    assert versions["transformations"][0]["options"]["include"]["names"][0] == "pod"
    variable = next(one for one in fleet["templating"]["list"] if one["name"] == "instance")
    assert variable["query"]["query"].endswith(", pod)")


def test_jobs_that_have_other_names_are_asked_by_those() -> None:
    settings = parse('[jobs]\napi = "photos"\n')
    assert 'job="photos"' in panel(board("overview", settings), 13)["targets"][0]["expr"]


def test_all_instances_of_the_detail_board_are_those_that_its_other_variables_leave() -> None:
    found = {one["name"]: one for one in board("detail")["templating"]["list"]}
    assert "allValue" not in found["instance"]
    for name in ("node", "version", "environment"):
        assert f'{name}=~"${name}"' in found["instance"]["query"]["query"]


def test_elsewhere_all_instances_are_also_those_that_come_later() -> None:
    found = {one["name"]: one for one in board("overview")["templating"]["list"]}
    assert found["instance"]["allValue"] == ".+"


def test_deployments_and_firing_alerts_are_marked_on_every_board() -> None:
    for one in BOARDS:
        first, second = build(one, Settings(), "ko")["annotations"]["list"]
        assert (first["name"], second["name"]) == ("배포", "울리는 알림")
        assert "photo_api_app_info" in first["expr"]
        assert 'alertstate="firing"' in second["expr"]


def test_a_series_has_the_same_colour_on_every_board() -> None:
    colours: dict[str, set[str]] = {}
    for one in BOARDS:
        for drawn in [*build(one, Settings(), "en")["panels"], *build(one, Settings(), "ko")["panels"]]:
            for override in drawn.get("fieldConfig", {}).get("overrides", []):
                if override["matcher"]["id"] == "byName" and override["properties"][0]["id"] == "color":
                    colour = override["properties"][0]["value"]["fixedColor"]
                    colours.setdefault(override["matcher"]["options"], set()).add(colour)
    assert {name: found for name, found in colours.items() if len(found) > 1} == {}
    assert colours["object_storage"] == {"blue"}


def test_a_series_of_another_unit_has_an_axis_of_its_own() -> None:
    overrides = panel(board("detail"), 702)["fieldConfig"]["overrides"]
    [own] = [one for one in overrides if one["matcher"] == {"id": "byFrameRefID", "options": "B"}]
    assert {prop["id"]: prop["value"] for prop in own["properties"]} == {
        "unit": "s",
        "custom.axisPlacement": "right",
        "custom.thresholdsStyle": {"mode": "off"},
    }


def test_what_is_not_known_is_blank_and_gaps_stay_gaps() -> None:
    drawn = panel(board("overview"), 21)["fieldConfig"]["defaults"]
    assert drawn["noValue"] == "–"
    assert drawn["custom"]["spanNulls"] is False


def test_both_languages_have_the_same_boards() -> None:
    files = [path for path in render_dashboards(Settings()) if path.suffix == ".json"]
    korean, english = ({path.name for path in files if path.parent.name == lang} for lang in ("ko", "en"))
    assert korean == english
    assert len(files) == 2 * len(BOARDS)


@pytest.mark.parametrize("uid", [one.uid.removeprefix("photo-api-") for one in BOARDS])
def test_both_languages_have_the_same_panels_with_the_same_queries(uid: str) -> None:
    def asked(lang: Language) -> list[tuple[int, list[str]]]:
        panels = board(uid, lang=lang)["panels"]
        return [(drawn["id"], [target["expr"] for target in drawn.get("targets", [])]) for drawn in panels]

    assert asked("ko") == asked("en")
    assert board(uid, lang="ko")["title"] != board(uid, lang="en")["title"]


def test_drills_divide_the_windows_of_panels_too() -> None:
    drawn = panel(board("pipeline", Settings(time_scale=10)), 33)
    assert "[30s]" in drawn["targets"][0]["expr"]
    assert drawn["interval"] == "3s"
