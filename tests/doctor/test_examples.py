"""Both example services: what the doctor claims of every criterion, and what a real Prometheus then shows."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from tests.doctor.services import DRILL, Service, everything, until
from tests.support.ports import wait_until
from tests.support.prometheus import Prometheus

from photo_monitoring.criteria import Recording
from photo_monitoring.doctor.diagnosis import Verdict, examine
from photo_monitoring.doctor.looking import look
from photo_monitoring.doctor.outcome import Status
from photo_monitoring.expressions import condition, fill

LIVE_OF_INSTRUMENTATOR = {
    "service-health/warning",
    "service-health/critical",
    "requests/warning",
    "requests/critical",
    "requests/critical/surge",
    "response-time/warning",
    "login/warning",
    "login/critical",
    "pipeline/none",
    "slo-requests-availability/critical",
    "slo-requests-availability/warning",
    "slo-requests-latency/critical",
    "slo-requests-latency/warning",
}
"""What a page alone can prove, once every kind of request was made; without `photo_api_ready` one more is wrong."""

SILENT_OF_PHOTO_METRICS = {
    # Nothing but the database is probed.
    "external-time/critical/outage",
    "external-errors/critical/outage",
    # The service has no such route.
    "registration/warning",
    "registration/critical",
    "presigned-url/warning",
    "presigned-url/critical",
    "upload-completion/warning",
    "upload-completion/critical",
    "slo-upload-completion/critical",
    "slo-upload-completion/warning",
    "slo-share-views/critical",
    "slo-share-views/warning",
}
WAITING_OF_PHOTO_METRICS = {
    "rate-limit-hits/critical/single-ip",
    "brute-force/critical/single-ip",
    "user-upload/warning",
    "user-upload/critical",
}
"""Single clients and users get a series with their first event, and the example blocks nobody."""

NEED_HISTORY = {"requests/critical/surge", "storage-growth/warning", "storage-growth/critical"}


@dataclass(frozen=True, slots=True)
class Facts:
    """The claims of one service, and what Prometheus had."""

    fresh: Mapping[str, Verdict]
    page: Mapping[str, Verdict]
    whole: Mapping[str, Verdict]
    has_data: Mapping[str, bool]
    fires_when_dead: Mapping[str, bool]

    def named(self, claims: Mapping[str, Verdict], *statuses: Status) -> set[str]:
        return {name for name, verdict in claims.items() if verdict.outcome.status in statuses}


def claims_of(service: Service, prometheus: Prometheus | None = None) -> dict[str, Verdict]:
    base = None if prometheus is None else f"http://127.0.0.1:{prometheus.port}"
    return {one.name: one for one in examine(asyncio.run(look([service.metrics], base, DRILL, 60)))}


def measured(verdict: Verdict) -> str:
    """What the criterion compares with its threshold; where it compares nothing, its whole condition."""
    alert = verdict.alert
    if alert.compare is None:
        return condition(alert, verdict.tier, DRILL)
    return alert.value.name if isinstance(alert.value, Recording) else fill(alert.value, DRILL, verdict.tier)


def facts_of(service: Service, prometheus: Prometheus, fresh: Mapping[str, Verdict]) -> Facts:
    page = claims_of(service)
    compared = {
        name: measured(one)
        for name, one in page.items()
        if one.outcome.status is Status.LIVE and one.alert.compare is not None and name not in NEED_HISTORY
    }
    until(
        lambda: all(prometheus.query(expr) for expr in set(compared.values())),
        f"data for {sorted(name for name, expr in compared.items() if not prometheus.query(expr))}",
        [service],
    )
    whole = claims_of(service, prometheus)
    service.use()
    has_data = {name: bool(prometheus.query(measured(one))) for name, one in whole.items()}
    service.stop()
    wait_until(lambda: bool(prometheus.query("up == 0")), "Prometheus' notice of the end", 30)
    dead = {
        name: bool(prometheus.query(condition(one.alert, one.tier, DRILL)))
        for name, one in whole.items()
        if one.alert.name.startswith("ServiceDown")
    }
    return Facts(fresh, page, whole, has_data, dead)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Facts]]:
    with everything(tmp_path_factory.mktemp("doctor")) as found:
        fresh = {name: claims_of(service) for name, (service, _) in found.items()}
        for service, _ in found.values():
            service.use()
        yield {name: facts_of(service, prometheus, fresh[name]) for name, (service, prometheus) in found.items()}


EXAMPLES = pytest.mark.parametrize("name", ["instrumentator", "photo_metrics"])


def of_other_jobs(claims: Mapping[str, Verdict]) -> set[str]:
    return {name for name, one in claims.items() if {cause.kind for cause in one.outcome.causes} == {"not-looked"}}


def test_with_instrumentator_these_are_live_one_is_wrong_and_the_rest_silent(facts: dict[str, Facts]) -> None:
    found = facts["instrumentator"]
    assert found.named(found.page, Status.LIVE) == LIVE_OF_INSTRUMENTATOR
    assert found.named(found.page, Status.WRONG) == {"fleet-health/critical"}
    assert found.named(found.page, Status.WAITING) == set()
    known = LIVE_OF_INSTRUMENTATOR | {"fleet-health/critical"} | found.named(found.page, Status.UNKNOWN)
    assert found.named(found.page, Status.SILENT) == found.page.keys() - known


def test_with_photo_metrics_these_are_silent_some_wait_and_the_rest_are_live(facts: dict[str, Facts]) -> None:
    found = facts["photo_metrics"]
    assert found.named(found.page, Status.SILENT) == SILENT_OF_PHOTO_METRICS
    assert found.named(found.page, Status.WAITING) == WAITING_OF_PHOTO_METRICS
    assert found.named(found.page, Status.WRONG) == set()
    known = SILENT_OF_PHOTO_METRICS | WAITING_OF_PHOTO_METRICS | found.named(found.page, Status.UNKNOWN)
    assert found.named(found.page, Status.LIVE) == found.page.keys() - known


@EXAMPLES
def test_not_known_is_what_reads_another_jobs_metrics(facts: dict[str, Facts], name: str) -> None:
    found = facts[name]
    assert found.named(found.page, Status.UNKNOWN) == of_other_jobs(found.page)
    assert len(of_other_jobs(found.page)) > 20


def test_what_comes_with_its_first_event_waits_and_what_never_comes_is_silent(facts: dict[str, Facts]) -> None:
    """Before any request instrumentator has no series at all; the description of its API tells the routes."""
    fresh = facts["instrumentator"].fresh
    assert fresh["login/warning"].outcome.status is Status.WAITING
    assert fresh["response-time/warning"].outcome.status is Status.WAITING
    assert fresh["registration/warning"].outcome.status is Status.SILENT
    assert facts["photo_metrics"].fresh["login/warning"].outcome.status is Status.LIVE


@EXAMPLES
def test_what_is_claimed_live_has_data_in_prometheus(facts: dict[str, Facts], name: str) -> None:
    """Of every criterion that compares a value, but for those that need a day."""
    found = facts[name]
    live = {
        one
        for one in found.named(found.whole, Status.LIVE)
        if found.whole[one].alert.compare is not None and one not in NEED_HISTORY
    }
    assert len(live) >= 5
    assert {one for one in live if not found.has_data[one]} == set()


@EXAMPLES
def test_what_is_claimed_silent_has_none(facts: dict[str, Facts], name: str) -> None:
    found = facts[name]
    silent = found.named(found.whole, Status.SILENT)
    assert len(silent) >= 40
    assert {one for one in silent if found.has_data[one]} == set()


@EXAMPLES
def test_what_needs_history_waits_where_prometheus_has_none(facts: dict[str, Facts], name: str) -> None:
    found = facts[name]
    history = {one for one in NEED_HISTORY if found.page[one].outcome.status is Status.LIVE}
    assert history
    assert {found.whole[one].outcome.status for one in history} == {Status.WAITING}
    assert not any(found.has_data[one] for one in history)


def test_what_is_claimed_wrong_fires_while_all_is_well(facts: dict[str, Facts]) -> None:
    assert facts["instrumentator"].has_data["fleet-health/critical"]
    assert not facts["photo_metrics"].has_data["fleet-health/critical"]


@EXAMPLES
def test_what_is_claimed_live_of_a_dead_service_fires(facts: dict[str, Facts], name: str) -> None:
    assert all(facts[name].fires_when_dead.values())
    assert not facts[name].has_data["service-health/critical"]


@EXAMPLES
def test_rules_as_rendered_are_recognized_in_what_prometheus_prints_of_them(facts: dict[str, Facts], name: str) -> None:
    found = facts[name].whole.values()
    kinds = {cause.kind for one in found for cause in (*one.outcome.causes, *one.outcome.notes)}
    assert not kinds & {"rule-differs", "rule-not-loaded", "rule-failing"}
