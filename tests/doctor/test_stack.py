"""The doctor on what this project itself runs: an instance of the service alone, and the whole stack."""

import asyncio
import json

import httpx
import pytest
from tests.stack.running import Stack
from tests.stack.shared import TIME_SCALE
from tests.support.ports import wait_until
from typer.testing import CliRunner

from photo_monitoring.cli import app
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.doctor.diagnosis import examine
from photo_monitoring.doctor.looking import look
from photo_monitoring.doctor.outcome import Status
from photo_monitoring.scraping import ROLES


def page_of(stack: Stack, name: str) -> str:
    return f"http://127.0.0.1:{stack.document['components'][name]['metrics_port']}/metrics"


@pytest.fixture
def scraped(stack: Stack) -> Stack:
    """The stack once Prometheus has found and scraped every target."""

    def all_up() -> bool:
        answer = httpx.get(f"{stack.document['urls']['prometheus']}/api/v1/targets", timeout=20).json()
        targets = answer["data"]["activeTargets"]
        jobs = {one["labels"]["job"] for one in targets}
        return len(jobs) == len(ROLES) and {one["health"] for one in targets} == {"up"}

    wait_until(all_up, "a scrape of every target", 60)
    return stack


def test_of_the_service_itself_nothing_is_silent(scraped: Stack) -> None:
    verdicts = examine(asyncio.run(look([page_of(scraped, "api-1")], None, Settings(), 60)))
    found = {one.name: one.outcome for one in verdicts}
    assert {name for name, one in found.items() if one.status in {Status.SILENT, Status.WRONG}} == set()
    assert found["registration/warning"].status is Status.LIVE
    # What is not known is other jobs'.
    causes = {cause.kind for one in found.values() if one.status is Status.UNKNOWN for cause in one.causes}
    assert causes == {"not-looked"}


def test_on_the_whole_stack_only_the_certificate_is_not_watched(scraped: Stack) -> None:
    pages = [part for name in ("api-1", "api-2") for part in ("--metrics", page_of(scraped, name))]
    server = ["--prometheus", scraped.document["urls"]["prometheus"], "--time-scale", TIME_SCALE]
    result = CliRunner().invoke(app, ["doctor", *pages, *server, "--json", "--lang", "en", "--timeout", "60"])
    report = json.loads(result.stdout)
    causes = {one["id"]: one["what"] for one in report["causes"]}
    others = {
        one["criterion"]: [causes[cause] for cause in one["causes"]]
        for one in report["criteria"]
        if one["status"] not in {"live", "waiting"}
    }
    # Its load balancer speaks plain HTTP.
    missing = ["there is no metric probe_ssl_earliest_cert_expiry"]
    assert others == {"tls-certificate/warning": missing, "tls-certificate/critical": missing}
    assert result.exit_code == 1
    assert "rule-differs" not in {one["kind"] for one in report["causes"]}


def test_pages_of_exporters_are_told_apart_by_what_they_have(scraped: Stack) -> None:
    urls = scraped.document["urls"]
    pages = [page_of(scraped, "api-1"), urls["node-exporter"], urls["haproxy-metrics"]]
    pages += [f"{urls[name]}/metrics" for name in ("prometheus", "alertmanager")]
    verdicts = examine(asyncio.run(look(pages, None, Settings(lang="en"), 60)))
    found = {one.name: one.outcome for one in verdicts}
    assert found["cpu/warning"].status is Status.LIVE
    assert found["rule-evaluation/critical"].status is Status.LIVE
    # The black-box exporter's own page is read by alternatives alone.
    unseen = {cause.what.en for one in found.values() for cause in one.causes}
    assert unseen == {"where probe has its metrics was not said"}
