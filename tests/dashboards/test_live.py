"""The boards on a live stack under load: every query shows something, and what it shows is true."""

import shutil
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from tests.dashboards.live import (
    RATE,
    SETTINGS,
    Seen,
    cpu_seconds,
    every_query,
    finite,
    instances,
    watch,
)
from tests.stack.running import Stack

from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards.builder import build
from photo_monitoring.dashboards.panels import Variable
from photo_monitoring.dashboards.queries import filled_in, query
from photo_monitoring.dashboards.variables import ENVIRONMENT, HOST, IDENTIFIED_INSTANCE, NODE, SLO, VERSION


def about(count: float, born: float = 0) -> Any:
    """A count that the load gives: when stopped it leaves some under way, and a rate is stretched to its window.

    Of series that were born meanwhile, a rate knows nothing before their first sample.
    """
    return pytest.approx(count, rel=0.03, abs=6 + born)


# Until every panel has had data; on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def seen(shared_stack: Stack) -> Iterator[Seen]:
    shared_stack.wait_until_all_run()
    with httpx.Client(timeout=10) as client:
        yield watch(shared_stack, client)


def test_every_query_that_has_no_excuse_shows_data(seen: Seen) -> None:
    assert seen.without_data == []


def test_every_query_is_one_that_prometheus_takes(seen: Seen) -> None:
    for board, panel, one in every_query():
        if one.absent is not None:
            seen.show(board.uid.removeprefix("photo-api-"), panel.id, panel.queries.index(one))


def test_the_instances_shown_ready_are_those_that_run(seen: Seen) -> None:
    [active] = finite(seen.show("overview", 12))
    shown = {sample["metric"]["instance"] for sample in seen.show("overview", 11) if sample["value"][1] == "1"}
    assert shown == set(instances(seen.stack))
    assert active == len(shown)


def test_the_version_shown_is_the_one_that_runs(seen: Seen) -> None:
    assert {sample["metric"]["version"] for sample in seen.show("fleet", 12)} == {version("photo-api")}


def test_the_requests_shown_are_those_that_the_load_had_answered(seen: Seen) -> None:
    [born] = finite(
        seen.ask(f"count(http_requests_total unless http_requests_total offset {seen.seconds}s) or vector(0)")
    )
    assert seen.counted_by_panel("overview", 13) == about(seen.answered(), born)


def test_the_load_balancers_answers_are_those_that_the_load_had(seen: Seen) -> None:
    probes = sum(finite(seen.ask(f"count_over_time(probe_success[{seen.seconds}s])", seen.ended)))
    assert seen.counted_by_panel("fleet", 42, per=1) - probes == about(seen.answered())


def test_no_error_is_shown_where_the_load_had_none(seen: Seen) -> None:
    assert seen.answered(status="5") == 0
    assert finite(seen.show("overview", 14)) == [0.0]


def test_the_blocked_requests_shown_are_the_loads_429s(seen: Seen) -> None:
    assert seen.counted_by_panel("overview", 41) == about(seen.answered(status="429"))


def test_the_registrations_shown_are_the_loads(seen: Seen) -> None:
    assert seen.counted_by_panel("overview", 61) == about(seen.answered("register", status="2"))


def test_the_logins_shown_are_the_loads(seen: Seen) -> None:
    assert seen.counted_by_panel("overview", 62) == about(seen.answered("login", status="2"))


def test_the_uploads_shown_are_the_loads(seen: Seen) -> None:
    counted = seen.answered("confirm", status="2")
    assert counted >= 5
    assert seen.counted_by_panel("overview", 63) == about(counted)


def test_the_image_views_shown_are_the_loads(seen: Seen) -> None:
    operations = ("image_view", "image_range", "image_conditional", "share_image", "victim_image")
    counted = seen.answered(*operations, status="2") + seen.answered(*operations, status="304")
    assert seen.counted_by_panel("overview", 64) == about(counted)


@pytest.mark.parametrize(
    ("number", "index", "sql"),
    [
        pytest.param(11, 0, "SELECT count(*) FROM users", id="members"),
        pytest.param(12, 0, "SELECT count(*) FROM albums", id="albums"),
        pytest.param(12, 1, "SELECT count(*) FROM albums WHERE active_links > 0", id="shared albums"),
        pytest.param(13, 0, "SELECT count(*) FROM photos WHERE status = 'ready'", id="photos"),
        pytest.param(14, 0, "SELECT count(*) FROM share_links", id="share links"),
        pytest.param(15, 0, "SELECT sum(file_size) FROM photos WHERE status = 'ready'", id="bytes"),
    ],
)
def test_the_totals_shown_are_the_databases_rows(seen: Seen, number: int, index: int, sql: str) -> None:
    [shown] = finite(seen.show("growth", number, index))
    assert shown == pytest.approx(seen.rows(sql), rel=0.02, abs=2)


def test_the_largest_users_shown_are_the_databases(seen: Seen) -> None:
    shown = {sample["metric"]["user_id"]: float(sample["value"][1]) for sample in seen.show("growth", 51)}
    largest = max(shown, key=lambda user: shown[user])
    stored = seen.rows(
        "SELECT max(used) FROM (SELECT sum(file_size) used FROM photos WHERE status = 'ready' GROUP BY owner_id)"
    )
    assert shown[largest] == pytest.approx(stored, rel=0.02)


def test_the_cpu_shown_of_the_processes_is_procs(seen: Seen) -> None:
    used = {name: cpu_seconds(process) - seen.process_cpu[name] for name, process in instances(seen.stack).items()}
    assert seen.counted_by_panel("fleet", 21, per=1) == pytest.approx(sum(used.values()), rel=0.15, abs=0.5)


def test_the_memory_shown_of_the_processes_is_procs(seen: Seen) -> None:
    shown = {sample["metric"]["instance"]: float(sample["value"][1]) for sample in seen.show("fleet", 22)}
    resident = {name: process.memory_info().rss for name, process in instances(seen.stack).items()}
    assert shown == pytest.approx(resident, rel=0.15)


def test_the_cpu_shown_of_the_host_is_procs(seen: Seen) -> None:
    [shown] = finite(seen.show("overview", 51))
    # The recorded five minutes, divided by the stack's time scale.
    last = seen.moments[-1]
    first = min(seen.moments, key=lambda one: abs(one.at - (last.at - 30)))
    used = (last.busy - first.busy) / (last.total - first.total)
    assert shown == pytest.approx(used, abs=0.2)


def test_the_memory_shown_of_the_host_is_procs(seen: Seen) -> None:
    [shown] = finite(seen.show("overview", 52))
    # The most within the recorded two minutes, divided by the stack's time scale; others use this machine, too.
    used = [one.memory_used for one in seen.moments if one.at > seen.ended - 20]
    assert min(used) - 0.03 < shown < max(used) + 0.03


def test_the_disk_use_shown_is_the_file_systems(seen: Seen) -> None:
    for sample in seen.show("overview", 53):
        usage = shutil.disk_usage(sample["metric"]["mountpoint"])
        assert float(sample["value"][1]) == pytest.approx(1 - usage.free / usage.total, abs=0.02)


def test_one_instance_and_the_other_together_are_all(seen: Seen) -> None:
    names = sorted(instances(seen.stack))
    [everything] = finite(seen.show("overview", 13, rate="60s"))
    [several] = finite(seen.show("overview", 13, rate="60s", instance="|".join(names)))
    each = [finite(seen.show("overview", 13, rate="60s", instance=name))[0] for name in names]
    assert several == pytest.approx(everything)
    assert sum(each) == pytest.approx(everything)
    assert all(0 < one < everything for one in each)


def test_an_endpoint_narrows_the_requests_and_several_add_up(seen: Seen) -> None:
    image, confirm = r"/photos/\\{photo_id\\}/image", "/photos/confirm"
    [one] = finite(seen.show("overview", 13, rate="60s", endpoint=image))
    [other] = finite(seen.show("overview", 13, rate="60s", endpoint=confirm))
    [both] = finite(seen.show("overview", 13, rate="60s", endpoint=f"{image}|{confirm}"))
    assert min(one, other) > 0
    assert both == pytest.approx(one + other)


def test_an_endpoint_narrows_the_limiters_requests_too(seen: Seen) -> None:
    share = r"/share/\\{token\\}"
    shown = seen.show("detail", 604, rate="60s", endpoint=f"{share}|/photos/confirm")
    assert {sample["metric"]["endpoint"] for sample in shown} == {"/share/{token}", "/photos/confirm"}


def test_a_service_narrows_the_external_services(seen: Seen) -> None:
    def shown(service: str = ".+") -> set[str]:
        return {sample["metric"]["service"] for sample in seen.show("overview", 33, service=service)}

    assert shown() == {"object_storage", "cdn", "log_service"}
    assert shown("cdn") == {"cdn"}
    assert shown("cdn|log_service") == {"cdn", "log_service"}


def test_a_host_is_shown_when_chosen_by_its_own_name_and_not_by_anothers(seen: Seen) -> None:
    [name] = offered(seen, HOST)
    everything = finite(seen.show("overview", 51))
    assert len(everything) == 1
    assert finite(seen.show("overview", 51, host=name)) == everything
    assert seen.show("overview", 51, host="another-host") == []


def offered(seen: Seen, variable: Variable, **chosen: str) -> set[str]:
    """What a variable can be, the others being chosen so."""
    series = filled_in(query(variable.series, SETTINGS), RATE, **chosen)
    return {sample["metric"][variable.label] for sample in seen.ask(series, seen.ended)}


@pytest.mark.parametrize("variable", [NODE, VERSION, ENVIRONMENT], ids=lambda one: one.name)
def test_what_instances_are_narrows_which_of_them_can_be_chosen(seen: Seen, variable: Variable) -> None:
    everything = offered(seen, IDENTIFIED_INSTANCE)
    assert everything == set(instances(seen.stack))
    narrowed = [offered(seen, IDENTIFIED_INSTANCE, **{variable.name: value}) for value in offered(seen, variable)]
    assert all(narrowed)
    assert sorted(name for names in narrowed for name in names) == sorted(everything)
    assert offered(seen, IDENTIFIED_INSTANCE, **{variable.name: "another"}) == set()


def test_all_instances_of_the_detail_board_one_by_one_are_all_there_is(seen: Seen) -> None:
    listed = "|".join(sorted(offered(seen, IDENTIFIED_INSTANCE)))
    everything = sum(finite(seen.show("detail", 604, rate="60s")))
    assert everything > 0
    assert sum(finite(seen.show("detail", 604, rate="60s", instance=listed))) == pytest.approx(everything)


def test_one_objective_and_several_are_shown_as_chosen(seen: Seen) -> None:
    def shown(chosen: str) -> list[str]:
        return sorted(sample["metric"]["sloth_slo"] for sample in seen.show("slo", 12, slo=chosen))

    first, second, *others = sorted(offered(seen, SLO))
    assert shown(".+") == [first, second, *others]
    assert shown(first) == [first]
    assert shown(f"{first}|{second}") == [first, second]
    assert shown("another") == []


def test_every_variable_has_something_to_choose_from(seen: Seen) -> None:
    for board in BOARDS:
        for variable in build(board, SETTINGS, "en")["templating"]["list"]:
            if variable["type"] == "query":
                series, _, label = variable["query"]["query"].removeprefix("label_values(")[:-1].rpartition(", ")
                for other in ("node", "version", "environment"):
                    series = series.replace(f"${other}", ".+")
                assert any(label in sample["metric"] for sample in seen.ask(series)), (board.uid, variable["name"])
