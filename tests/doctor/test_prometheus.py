"""What Prometheus tells: jobs, targets, rules, intervals, retention; each fault in a real server's configuration."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.doctor.services import DRILL, Service, drill_rules, running, scrape, until, watching
from tests.support.ports import free_port
from tests.support.prometheus import Prometheus

from photo_monitoring.doctor.diagnosis import Verdict, examine
from photo_monitoring.doctor.looking import look
from photo_monitoring.doctor.outcome import Status

BROKEN_RULE = """\
groups:
- name: photo_api_stability
  rules:
  - record: job:photo_api_exceptions_per_minute:rate5m
    expr: vector(1) * on () group_left () {__name__=~"process_open_fds|process_max_fds"}
"""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running("photo_metrics_service:service") as (found,):
        yield found


@pytest.fixture(scope="module")
def mistaken(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The service is job `photos`, its metrics lack one, and one bucket, that are dropped, nothing answers for `node`,
    `prometheus` is scraped every ten minutes, one rule file is missing, one has other thresholds, one fails."""
    bucket = "http_request_duration_seconds_bucket;3[.]0"
    drop = [
        {"source_labels": ["__name__"], "regex": "photo_api_log_queue_size", "action": "drop"},
        {"source_labels": ["__name__", "le"], "regex": bucket, "action": "drop"},
    ]
    target = f"127.0.0.1:{service.port}"
    jobs = [
        scrape("photos", target),
        scrape("photo-api", target, metric_relabel_configs=drop),
        scrape("node", f"127.0.0.1:{free_port()}"),
        scrape("prometheus", target, scrape_interval="10m"),
        scrape("alertmanager", target, scrape_interval="6s", scrape_timeout="6s"),
    ]
    rules = drill_rules()
    del rules["photo_api_growth.yml"]
    rules["photo_api_stability.yml"] = BROKEN_RULE
    rules["photo_api_security.yml"] = rules["photo_api_security.yml"].replace(">= 100\n", ">= 101\n")
    folder = tmp_path_factory.mktemp("mistaken")
    with watching(folder, jobs, rules, options=["--storage.tsdb.retention.time=1h"]) as prometheus:

        def settled() -> bool:
            failing = b'"health":"err"' in prometheus.get("/api/v1/rules")
            recorded = ("job:http_requests:rate5m", "job:photo_api_rate_limit_hits_per_minute:rate5m")
            return failing and len(prometheus.query("up")) >= 4 and all(map(prometheus.query, recorded))

        until(settled, "scrapes and a failing rule", [service])
        yield prometheus


@pytest.fixture(scope="module")
def claims(service: Service, mistaken: Prometheus) -> dict[str, Verdict]:
    base = f"http://127.0.0.1:{mistaken.port}"
    return {one.name: one for one in examine(asyncio.run(look([service.metrics], base, DRILL, 60)))}


def said(claims: dict[str, Verdict], name: str) -> list[str]:
    assert claims[name].outcome.status is Status.SILENT
    return [cause.what.en for cause in claims[name].outcome.causes]


def test_a_target_that_is_down_is_named_with_the_reason(claims: dict[str, Verdict]) -> None:
    (line,) = said(claims, "cpu/warning")
    assert line.startswith("Prometheus cannot scrape job node: Get ")
    assert line.endswith("connect: connection refused")
    # That it is down is what this one is for.
    assert claims["node-exporter/warning"].outcome.status is Status.LIVE


def test_a_job_without_a_target_is_named(claims: dict[str, Verdict]) -> None:
    assert said(claims, "probe/warning") == ["Prometheus has no target of job probe"]


def test_an_interval_that_is_too_long_for_a_window_is_named(claims: dict[str, Verdict]) -> None:
    """Five minutes are ten seconds here, of which a rate needs two scrapes."""
    assert said(claims, "notifications/critical")[:1] == [
        "job alertmanager is scraped every 6s: too rarely for a window of 10s"
    ]


def test_a_rule_file_that_is_not_loaded_is_named(claims: dict[str, Verdict]) -> None:
    assert said(claims, "business-metrics/warning") == ["Prometheus has not loaded all rules of photo_api_growth.yml"]


def test_a_rule_that_fails_is_named_with_the_reason(claims: dict[str, Verdict]) -> None:
    failing, missing = sorted(said(claims, "exceptions/warning"))[::-1]
    assert failing.startswith("rule job:photo_api_exceptions_per_minute:rate5m fails: ")
    assert missing == "Prometheus has not loaded all rules of photo_api_stability.yml"


def test_a_rule_with_another_threshold_is_noted(claims: dict[str, Verdict]) -> None:
    outcome = claims["rate-limit-hits/warning"].outcome
    assert outcome.status is Status.LIVE
    assert [note.what.en for note in outcome.notes] == [
        "photo_api_security.yml in Prometheus is not what is declared now"
    ]


def test_data_that_is_deleted_before_it_is_read_is_named(claims: dict[str, Verdict]) -> None:
    """A week ago is 5 h 36 min here, a day 48 min; Prometheus keeps one hour."""
    outcome = claims["requests/critical/surge"].outcome
    assert outcome.status is Status.WAITING
    assert [note.what.en for note in outcome.notes if note.kind == "retention-too-short"] == [
        "Prometheus keeps 1 hour of data, and 5 hours 37 minutes are read"
    ]


def test_a_month_that_is_not_kept_is_noted_beside_what_alerts_without_it(claims: dict[str, Verdict]) -> None:
    outcome = claims["slo-requests-availability/critical"].outcome
    assert outcome.status is Status.LIVE
    assert "Prometheus keeps 1 hour of data, and 1 day are read" in [note.what.en for note in outcome.notes]


def test_what_prometheus_drops_of_a_page_is_named(claims: dict[str, Verdict]) -> None:
    assert "photo_api_log_queue_size is on the page, but not in Prometheus' job photo-api" in said(
        claims, "log-queue/warning"
    )


def test_a_bucket_that_prometheus_drops_of_a_page_is_named(claims: dict[str, Verdict]) -> None:
    """The page has it: what is stored counts, too."""
    assert 'http_request_duration_seconds has no bucket at the threshold, le="3.0"' in said(
        claims, "response-time/critical"
    )


def test_a_job_of_another_name_is_found_by_what_it_exports(service: Service, mistaken: Prometheus) -> None:
    base = f"http://127.0.0.1:{mistaken.port}"
    renamed = replace(DRILL, api_job="pictures")
    verdicts = {one.name: one for one in examine(asyncio.run(look([service.metrics], base, renamed, 60)))}
    cause = next(one for one in verdicts["service-health/warning"].outcome.causes if one.kind == "no-target")
    assert cause.what.en == "Prometheus has no target of job pictures"
    assert cause.remedy.en == (
        'it may be job photo-api, photos: write api = "photo-api" under [jobs] in monitoring.toml, and render'
    )


def test_without_a_page_prometheus_is_enough(mistaken: Prometheus) -> None:
    base = f"http://127.0.0.1:{mistaken.port}"
    found = {one.name: one.outcome for one in examine(asyncio.run(look([], base, DRILL, 60)))}
    assert found["login/warning"].status is Status.LIVE
    assert [cause.kind for cause in found["db-errors/critical/unreachable"].causes] == ["rule-not-loaded"]
