"""Each server away or faulty under traffic: what its docstring says of that, and recovery without a restart of ours."""

import time
from collections.abc import Iterator

import httpx
import pytest
from tests.stack.production import PATIENCE_SECONDS, TIMEOUT_SECONDS, Person, Production, Traffic, traffic_on
from tests.support.ports import wait_until

SLACK_SECONDS = 4.0
"""What a busy machine may add to a time-out."""


@pytest.fixture(scope="module", autouse=True)
def traffic(shared_production: Production) -> Iterator[Traffic]:
    """Other people, all the time."""
    with traffic_on(shared_production, rate=8) as going_on:
        yield going_on


@pytest.fixture(autouse=True)
def _no_instance_is_restarted(production: Production) -> Iterator[None]:
    before = [production.pid("api-1"), production.pid("api-2")]
    yield
    production.wait_until_up()
    assert [production.pid("api-1"), production.pid("api-2")] == before


def is_refused_for_now(answer: httpx.Response) -> bool:
    """503, and when to come again."""
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0


def test_postgresql_away_is_503_and_nothing_confirmed_is_lost(production: Production, person: Person) -> None:
    confirmed = person.upload()
    upload = person.presign()
    person.send(upload).raise_for_status()
    with production.without("postgresql"):
        assert is_refused_for_now(person.get("/photos/"))
        assert is_refused_for_now(person.confirm(upload))
        assert is_refused_for_now(person.log_in())
    wait_until(lambda: person.get("/photos/").status_code == 200, "the list again", PATIENCE_SECONDS)
    assert person.confirm(upload).status_code == 200
    listed = [photo["id"] for photo in person.get("/photos/").json()["items"]]
    assert sorted(listed) == sorted([confirmed, upload["photo_id"]])


def test_postgresql_that_hangs_costs_a_request_its_time_out_and_the_fault_ends_by_itself(
    production: Production, person: Person
) -> None:
    done = production.command("fault", "postgresql", "--hang", "--seconds", "5")
    assert done.stdout.startswith("postgresql: hang for 5 s"), done.stderr
    assert production.document["faults"]["postgresql"]["hang"] is True
    assert "postgresql is faulty until" in production.command("status").stdout
    started = time.monotonic()
    assert is_refused_for_now(person.get("/photos/"))
    assert time.monotonic() - started < 3 * TIMEOUT_SECONDS + SLACK_SECONDS
    wait_until(lambda: production.document["faults"] == {}, "its end", PATIENCE_SECONDS)
    wait_until(lambda: person.get("/photos/").status_code == 200, "the list again", PATIENCE_SECONDS)


def test_redis_away_fails_no_request_and_each_instance_counts_alone(production: Production, person: Person) -> None:
    before = production.total("photo_api_rate_limit_fallbacks_total")
    with production.without("redis"):
        assert {person.get("/photos/").status_code for _ in range(10)} == {200}
        assert production.total("photo_api_rate_limit_fallbacks_total") > before


def test_redis_that_hangs_fails_no_request_and_costs_its_time_out_at_most(
    production: Production, person: Person
) -> None:
    with production.faulty("redis", hang=True):
        started = time.monotonic()
        assert person.get("/photos/").status_code == 200
        assert time.monotonic() - started < TIMEOUT_SECONDS + SLACK_SECONDS


def test_swift_away_is_503_for_uploads_confirms_and_streams_and_nothing_else(
    production: Production, person: Person
) -> None:
    photo, doomed, linked = person.upload(), person.upload(), person.upload()
    upload = person.presign()
    person.send(upload).raise_for_status()
    link = person.image(linked).headers["Location"]
    with production.faulty("cdn-api", reset=True), production.without("swift"):
        assert httpx.get(link).status_code == 502  # the edge never had it
        assert is_refused_for_now(person.confirm(upload))
        assert is_refused_for_now(person.upload_through_us())
        assert is_refused_for_now(person.image(photo))
        assert person.get("/photos/").status_code == 200
        assert person.log_in().status_code == 200
        assert person.presign()["photo_id"]
        assert person.delete(f"/photos/{doomed}").status_code == 204
    wait_until(lambda: person.confirm(upload).status_code == 200, "the confirm", PATIENCE_SECONDS)
    listed = {item["id"] for item in person.get("/photos/").json()["items"]}
    assert listed == {photo, linked, upload["photo_id"]}


def test_swift_that_resets_is_503_at_once(production: Production, person: Person) -> None:
    upload = person.presign()
    person.send(upload).raise_for_status()
    with production.faulty("swift", reset=True):
        started = time.monotonic()
        assert is_refused_for_now(person.confirm(upload))
        assert time.monotonic() - started < TIMEOUT_SECONDS + SLACK_SECONDS
    wait_until(lambda: person.confirm(upload).status_code == 200, "the confirm", PATIENCE_SECONDS)


def test_identity_away_is_noticed_by_nobody_while_the_token_lasts(production: Production, person: Person) -> None:
    with production.without("identity"):
        assert person.image(person.upload()).status_code == 302


def test_the_cdn_away_has_images_streamed_until_it_is_back(production: Production, person: Person) -> None:
    photo = person.upload()
    before = production.total("photo_api_image_delivery_total", via="fallback")
    with production.without("cdn-edge"):
        answer = person.image(photo)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert production.total("photo_api_image_delivery_total", via="fallback") > before
    wait_until(lambda: person.image(photo).status_code == 302, "the redirect again", PATIENCE_SECONDS)


@pytest.mark.parametrize("fault", [{"status": 503}, {"latency_seconds": 60}])
def test_a_cdn_whose_tokens_fail_or_are_slow_has_images_streamed_in_time(
    production: Production, person: Person, fault: dict[str, object]
) -> None:
    photo = person.upload()
    with production.faulty("cdn-api", **fault):
        started = time.monotonic()
        assert person.image(photo).status_code == 200
        assert time.monotonic() - started < TIMEOUT_SECONDS + SLACK_SECONDS
    wait_until(lambda: person.image(photo).status_code == 302, "the redirect again", PATIENCE_SECONDS)


def test_the_log_service_away_is_noticed_by_nobody_and_gets_every_record_later(
    production: Production, person: Person
) -> None:
    with production.without("logncrash"):
        asked = [person.get("/photos/") for _ in range(5)]
        assert {answer.status_code for answer in asked} == {200}
        wait_until(lambda: production.total("photo_api_log_queue_size") > 0, "records waiting", PATIENCE_SECONDS)
    logs = f"{production.url('logncrash')}/-/logs"
    for answer in asked:
        wanted = {"containing": answer.headers["X-Request-ID"]}

        def arrived(wanted: dict[str, str] = wanted) -> bool:
            return bool(httpx.get(logs, params=wanted).json()["logs"])

        wait_until(arrived, "every record", PATIENCE_SECONDS)
    assert production.total("photo_api_log_dropped_total") == 0


def test_a_restart_ends_the_faults_of_a_server(production: Production) -> None:
    for name in ("redis", "logncrash"):
        production.fault(name, latency_seconds=0.1)
        production.ask("restart", name)
    assert production.document["faults"] == {}
    control = production.url("fault-proxy") + "/-/faults/redis"
    assert httpx.get(control).json()["latency_seconds"] == 0


def test_in_all_of_it_no_answer_was_of_somebody_else_or_of_other_bytes(
    production: Production, traffic: Traffic
) -> None:
    totals = traffic.result()["totals"]
    assert totals["answered"] > 0
    assert (totals["corrupt_bodies"], totals["breaches"]) == (0, {})
    del production
