"""What a page lacks → which criteria that silences, and what is said of it."""

from collections.abc import Callable, Iterable, Sequence

import pytest

from photo_metrics import BusinessTotals, Recorder
from photo_metrics.exposition import render_text
from photo_monitoring.configuration.settings import Change, Settings
from photo_monitoring.doctor.diagnosis import Verdict, all_causes, alone, examine, needed
from photo_monitoring.doctor.exposition import read_page
from photo_monitoring.doctor.outcome import Outcome, Status
from photo_monitoring.doctor.world import Source, World

ROUTES = ("/auth/register", "/auth/login", "/photos/presigned-url", "/photos/confirm", "/photos/{photo_id}/image")


def full_page() -> str:
    """The page of a service that has done everything once."""
    recorder = Recorder(app="x", version="1", environment="test", node="n")
    recorder.set_ready(True)
    for dependency in ("database", "object_storage", "cdn", "log_service"):
        recorder.dependency_up(dependency, up=True)
    recorder.collect_log_queue_size(lambda: 0)
    for handler in (*ROUTES, "/share/{token}", "/items/{item_id}"):
        for status in (200, 404, 500):
            recorder.http.record("POST", handler, status, 0.1)
    recorder.business_totals(
        BusinessTotals(
            users=1,
            users_active=1,
            albums=1,
            albums_shared=0,
            photos=1,
            share_links=0,
            share_links_active=0,
            object_storage_bytes=1,
        ),
        at=1.0,
    )
    return render_text(recorder.registry)


PAGE = full_page()


def claims(text: str, settings: Settings | None = None, routes: Iterable[str] | None = None) -> dict[str, Verdict]:
    source = Source("page", read_page(text), None, None if routes is None else frozenset(routes))
    world = World(settings=settings or Settings(), sources={"api": (source,)})
    return {one.name: one for one in examine(world)}


def without(*starts: str) -> str:
    """The page without the lines that begin so, samples and declarations."""
    declared = tuple(f"# {word} {start}" for start in starts for word in ("TYPE", "HELP"))
    return "\n".join(line for line in PAGE.splitlines() if not line.startswith((*starts, *declared)))


def changed(old: str, new: str) -> str:
    assert old in PAGE
    return PAGE.replace(old, new)


def said(outcome: Outcome) -> list[str]:
    return [cause.what.en for cause in outcome.causes]


def test_a_page_that_has_everything_leaves_nothing_silent() -> None:
    statuses = {one.outcome.status for one in claims(PAGE).values()}
    assert statuses == {Status.LIVE, Status.WAITING, Status.UNKNOWN}


CASES: Sequence[tuple[str, Callable[[], str], str, Status, list[str]]] = [
    (
        "a metric that is missing",
        lambda: without("photo_api_exceptions_total"),
        "exceptions/warning",
        Status.SILENT,
        ["there is no metric photo_api_exceptions_total"],
    ),
    (
        "a gauge that is declared and never set",
        lambda: "\n".join(one for one in PAGE.splitlines() if not one.startswith("photo_api_dependency_up")),
        "db-errors/critical/unreachable",
        Status.SILENT,
        ["photo_api_dependency_up is declared, but has no value"],
    ),
    (
        "a label that is missing",
        lambda: changed('result="success",', "").replace('result="failure",', ""),
        "login-time/warning",
        Status.SILENT,
        ["photo_api_login_duration_seconds has no label result"],
    ),
    (
        "a threshold without a bucket",
        lambda: "\n".join(
            one for one in PAGE.splitlines() if 'le="3.0"' not in one or not one.startswith("http_request")
        ),
        "response-time/critical",
        Status.SILENT,
        ['http_request_duration_seconds has no bucket at the threshold, le="3.0"'],
    ),
    (
        "a bucket that is written without a fraction",
        lambda: changed('le="3.0"', 'le="3"'),
        "response-time/critical",
        Status.SILENT,
        ['http_request_duration_seconds writes bucket 3.0 as le="3"'],
    ),
    (
        "other words for a closed label",
        lambda: changed('result="denied"', 'result="no"').replace('result="success"', 'result="yes"'),
        "image-denials/warning",
        Status.SILENT,
        ['photo_api_image_access_total: result never matches result="denied" (it is no, yes)'],
    ),
    (
        "a dependency that nobody probes",
        lambda: without('photo_api_dependency_up{dependency="database"}'),
        "db-errors/critical/unreachable",
        Status.SILENT,
        [
            (
                'photo_api_dependency_up: dependency never matches dependency="database" '
                "(it is cdn, log_service, object_storage)"
            ),
        ],
    ),
    (
        "statuses of two digits",
        lambda: changed('status="200"', 'status="ok"').replace('status="500"', 'status="ko"')
        .replace('status="503"', 'status="ko"').replace('status="404"', 'status="nf"')
        .replace('status="201"', 'status="ok"'),
        "requests/warning",
        Status.SILENT,
        ['http_requests_total: status never matches status=~"5.." (it is ko, nf, ok)'],
    ),
    (
        "a counter that is declared a gauge",
        lambda: changed("# TYPE photo_api_db_errors_total counter", "# TYPE photo_api_db_errors_total gauge"),
        "db-errors/warning",
        Status.WRONG,
        ["photo_api_db_errors_total is a gauge, not a counter"],
    ),
    (
        "a gauge that is declared a counter",
        lambda: changed("# TYPE photo_api_active_sessions gauge", "# TYPE photo_api_active_sessions counter"),
        "sessions/warning",
        Status.WRONG,
        ["photo_api_active_sessions is a counter, not a gauge"],
    ),
    (
        "what an alert is to name",
        lambda: changed('{service="object_storage"', '{').replace('{service="cdn"', '{x="1"')
        .replace('{service="log_service"', '{x="2"').replace("{,", "{"),
        "external-time/warning",
        Status.WRONG,
        ["photo_api_external_request_duration_seconds has no label service"],
    ),
    (
        "what absent() waits for",
        lambda: without("photo_api_ready"),
        "fleet-health/critical",
        Status.WRONG,
        ["there is no metric photo_api_ready: so it fires all the time"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "text", "name", "status", "causes"), CASES, ids=[case[0] for case in CASES])
def test_each_lack_is_told(what: str, text: Callable[[], str], name: str, status: Status, causes: list[str]) -> None:
    del what
    assert claims(PAGE)[name].outcome.status is Status.LIVE
    outcome = claims(text())[name].outcome
    assert (outcome.status, said(outcome)) == (status, causes)


def test_statuses_in_groups_still_tell_server_errors() -> None:
    """`5..` matches `5xx` too: that an instrumentation groups statuses silences none of today's criteria."""
    grouped = PAGE
    for code in ("200", "201", "404", "500", "503"):
        grouped = grouped.replace(f'status="{code}"', f'status="{code[0]}xx"')
    assert claims(grouped)["requests/warning"].outcome.status is Status.LIVE


def test_a_group_that_was_not_seen_yet_is_waited_for() -> None:
    text = 'http_requests_total{handler="/a",method="GET",status="2xx"} 1'
    assert claims(text)["requests/warning"].outcome.status is Status.WAITING


def test_a_counter_without_its_label_sets_waits_and_loses_its_first_event() -> None:
    text = "\n".join(one for one in PAGE.splitlines() if not one.startswith("photo_api_log_dropped_total{"))
    outcome = claims(text)["log-drops/warning"].outcome
    assert outcome.status is Status.WAITING
    assert {note.kind for note in outcome.notes} == {"not-seen", "first-event"}


def test_a_route_that_was_not_asked_for_yet_is_told_from_one_that_is_not_there() -> None:
    text = '# TYPE http_requests_total counter\nhttp_requests_total{handler="/a",method="GET",status="200"} 1'
    assert claims(text)["login/warning"].outcome.status is Status.WAITING
    assert claims(text, routes=["/a", "/auth/login"])["login/warning"].outcome.status is Status.WAITING
    assert said(claims(text, routes=["/a"])["login/warning"].outcome) == [
        'the service has no route that matches handler="/auth/login"'
    ]


def test_an_exception_that_cannot_be_made_leaves_the_alert_live_with_a_note() -> None:
    outcome = claims(without("photo_api_drain_deadline_timestamp_seconds"))["service-health/warning"].outcome
    assert outcome.status is Status.LIVE
    assert [note.what.en for note in outcome.notes] == ["there is no metric photo_api_drain_deadline_timestamp_seconds"]


def test_one_of_two_alternatives_is_enough() -> None:
    outcome = claims(without("photo_api_ready"))["service-health/warning"].outcome
    assert outcome.status is Status.LIVE
    assert [note.what.en for note in outcome.notes] == ["there is no metric photo_api_ready"]


def test_what_is_mended_first_brings_the_most_back() -> None:
    verdicts = list(claims(without("http_requests_total", "photo_api_log_queue_size")).values())
    first, second = all_causes(verdicts)[:2]
    assert first.what.en == "there is no metric http_requests_total"
    assert second.what.en == "there is no metric photo_api_log_queue_size"
    assert alone(first, verdicts) > alone(second, verdicts) == needed(second, verdicts) == 2


def test_what_two_things_silence_needs_both() -> None:
    text = without("photo_api_external_request_errors_total", "photo_api_external_request_duration_seconds")
    verdicts = list(claims(text).values())
    errors = next(one for one in all_causes(verdicts) if "errors_total" in one.what.en)
    assert (alone(errors, verdicts), needed(errors, verdicts)) == (0, 2)


def test_what_is_switched_off_is_not_examined() -> None:
    off = Change(subject="login-time", severity="warning", reason="no passwords here")
    assert "login-time/warning" not in claims(PAGE, Settings(changes=(off,)))


def test_a_threshold_that_was_changed_needs_its_own_bucket() -> None:
    slower = Change(subject="response-time", severity="warning", threshold=2.5)
    assert claims(PAGE, Settings(changes=(slower,)))["response-time/warning"].outcome.status is Status.LIVE
    odd = Change(subject="response-time", severity="warning", threshold=2.2)
    assert said(claims(PAGE, Settings(changes=(odd,)))["response-time/warning"].outcome) == [
        'http_request_duration_seconds has no bucket at the threshold, le="2.2"'
    ]


def test_what_a_page_says_cannot_write_on_the_terminal() -> None:
    odd = 'photo_api_dependency_up{dependency="\x1b[2J' + "x" * 500 + '"} 1'
    text = "\n".join(one for one in PAGE.splitlines() if not one.startswith("photo_api_dependency_up{"))
    (line,) = said(claims(f"{text}\n{odd}")["db-errors/critical/unreachable"].outcome)
    assert line.isprintable()
    assert len(line) < 200


def test_a_renamed_instance_label_and_job_change_nothing() -> None:
    settings = Settings(instance_label="pod", api_job="orders")
    assert [one.outcome.status for one in claims(PAGE, settings).values()] == [
        one.outcome.status for one in claims(PAGE).values()
    ]
