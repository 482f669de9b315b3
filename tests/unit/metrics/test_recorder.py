from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from photo_metrics import BusinessTotals, RouteTable, client_prefix, watch_event_loop
from photo_metrics.catalog import CATALOG
from photo_metrics.spec import LabelKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.clock import Clock

    from photo_metrics import Recorder

    from .conftest import Page

GB = 1_000_000_000
TOTALS = BusinessTotals(
    users=10,
    users_active=4,
    albums=5,
    albums_shared=2,
    photos=100,
    share_links=3,
    share_links_active=2,
    object_storage_bytes=1_000,
    largest_users=[("u1", 600), ("u2", 300)],
)


def _routes() -> RouteTable:
    app = FastAPI()

    @app.post("/auth/login")
    async def login() -> None: ...

    return RouteTable.from_fastapi(app)


def test_an_instance_is_not_ready_until_it_says_so(recorder: Recorder, page: Page) -> None:
    assert page.value("photo_api_ready") == 0
    recorder.set_ready(True)
    assert page.value("photo_api_ready") == 1


def test_the_identity_is_one_series_of_value_1(page: Page) -> None:
    labels = {"node": "host:8001", "app": "photo-api", "version": "0.1.0", "environment": "development"}
    assert page.value("photo_api_app_info", **labels) == 1


def test_the_drain_deadline_is_0_until_a_drain(recorder: Recorder, page: Page) -> None:
    assert page.value("photo_api_drain_deadline_timestamp_seconds") == 0
    recorder.set_drain_deadline(1_800_000_000.5)
    assert page.value("photo_api_drain_deadline_timestamp_seconds") == 1_800_000_000.5


def test_every_closed_label_set_exists_at_0_from_the_start(page: Page) -> None:
    missing = [
        (spec.name, values)
        for spec in CATALOG
        for values in spec.closed_label_sets()
        if any(label.kind is LabelKind.CLOSED for label in spec.labels)
        for sample in list(spec.samples)[-1:]
        if page.value(sample, **dict(zip(spec.label_names, values, strict=True))) != 0
    ]
    assert missing == []


def test_the_other_of_bounded_counters_exists_from_the_start(recorder: Recorder, page: Page) -> None:
    recorder.declare_routes(_routes())
    assert page.value("photo_api_share_link_brute_force_attempts_total", client_id="other") == 0
    assert page.value("photo_api_photo_upload_size_total_bytes", user_id="other") == 0
    for endpoint in ("/auth/login", "none", "OTHER"):
        assert page.value("photo_api_rate_limit_hits_total", endpoint=endpoint, client_id="other") == 0


def test_a_login_is_timed_by_result(recorder: Recorder, page: Page) -> None:
    recorder.login(result="failure", seconds=0.25)
    assert page.value("photo_api_login_duration_seconds_count", result="failure") == 1
    assert page.value("photo_api_login_duration_seconds_sum", result="failure") == 0.25


def test_an_image_access_is_counted_and_timed(recorder: Recorder, page: Page) -> None:
    recorder.image_access(access_type="shared", result="denied", seconds=0.5)
    assert page.value("photo_api_image_access_total", access_type="shared", result="denied") == 1
    assert page.value("photo_api_image_access_duration_seconds_sum", access_type="shared", result="denied") == 0.5


def test_a_share_link_access_is_counted_and_timed(recorder: Recorder, page: Page) -> None:
    recorder.share_link_access(token_status="expired", result="denied", seconds=0.5)
    labels = {"token_status": "expired", "result": "denied"}
    assert page.value("photo_api_share_link_access_total", **labels) == 1
    assert page.value("photo_api_share_link_access_duration_seconds_sum", **labels) == 0.5


@pytest.mark.parametrize(
    ("token_status", "photo_in_album", "published"),
    [("valid", True, "yes"), ("valid", False, "no"), ("expired", True, "yes"), ("invalid", True, "no")],
)
def test_with_an_invalid_token_no_photo_is_in_the_album(
    recorder: Recorder, page: Page, token_status: Any, photo_in_album: bool, published: str
) -> None:
    recorder.share_link_image_access(token_status=token_status, photo_in_album=photo_in_album)
    name = "photo_api_share_link_image_access_total"
    assert page.value(name, token_status=token_status, photo_in_album=published) == 1


def test_values_that_the_catalog_does_not_know_are_refused(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="no value of label result; known are success, failure"):
        recorder.login(result="maybe", seconds=1.0)  # type: ignore[arg-type]  # what a type checker would refuse
    with pytest.raises(ValueError, match="known are object_storage upload"):
        recorder.external_request("cdn", operation="upload")


def test_an_undeclared_reason_for_dropping_logs_is_other(recorder: Recorder, page: Page) -> None:
    recorder.log_dropped("queue_full", 3)
    recorder.log_dropped("gremlins")
    assert page.value("photo_api_log_dropped_total", reason="queue_full") == 3
    assert page.value("photo_api_log_dropped_total", reason="other") == 1


def test_sessions_go_up_and_down(recorder: Recorder, page: Page) -> None:
    recorder.session_started()
    recorder.session_started()
    recorder.session_ended()
    assert page.value("photo_api_active_sessions") == 1


def test_database_errors_and_exceptions_are_counted(recorder: Recorder, page: Page) -> None:
    recorder.database_error()
    recorder.unhandled_exception()
    recorder.unhandled_exception()
    assert page.value("photo_api_db_errors_total") == 1
    assert page.value("photo_api_exceptions_total") == 2


def test_one_exception_reported_twice_is_one(recorder: Recorder, page: Page) -> None:
    error = ValueError()
    recorder.unhandled_exception(error)
    recorder.unhandled_exception(error)
    recorder.unhandled_exception(ValueError())
    assert page.value("photo_api_exceptions_total") == 2


def test_a_dependency_has_no_series_before_its_first_probe(recorder: Recorder, page: Page) -> None:
    assert page.value("photo_api_dependency_up", dependency="database") is None
    recorder.dependency_up("database", up=False)
    assert page.value("photo_api_dependency_up", dependency="database") == 0
    assert page.value("photo_api_dependency_up", dependency="redis") is None


def test_the_log_queue_is_asked_at_every_scrape(recorder: Recorder, page: Page) -> None:
    queue = [1, 2]
    recorder.collect_log_queue_size(lambda: len(queue))
    assert page.value("photo_api_log_queue_size") == 2
    queue.clear()
    assert page.value("photo_api_log_queue_size") == 0


def test_the_log_queue_is_absent_while_nobody_can_tell(recorder: Recorder, page: Page) -> None:
    def fail() -> int:
        raise RuntimeError

    recorder.collect_log_queue_size(fail)
    assert page.value("photo_api_log_queue_size") is None
    assert page.value("photo_api_ready") == 0


async def test_a_blocked_event_loop_shows_as_lag(recorder: Recorder, page: Page) -> None:
    task = asyncio.create_task(watch_event_loop(recorder, interval_seconds=0.01))
    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251 - blocking the loop is what this test is about
    for _ in range(500):
        if page.value("photo_api_event_loop_lag_seconds_total"):
            break
        await asyncio.sleep(0.01)
    task.cancel()
    assert (page.value("photo_api_event_loop_lag_seconds_total") or 0) >= 0.08


def test_an_exception_reported_while_it_is_handled_needs_no_name(recorder: Recorder, page: Page) -> None:
    try:
        int("nothing")
    except ValueError as error:
        recorder.unhandled_exception()
        recorder.unhandled_exception(error)
    assert page.value("photo_api_exceptions_total") == 1


class TestRateLimits:
    def test_an_allowed_request_is_no_hit(self, recorder: Recorder, page: Page) -> None:
        recorder.declare_routes(_routes())
        recorder.rate_limit_checked("/auth/login", allowed=True, client_id="203.0.113.0/24")
        name = "photo_api_rate_limit_requests_total"
        assert page.value(name, endpoint="/auth/login", status="allowed") == 1
        assert page.value(name, endpoint="/auth/login", status="blocked") == 0
        assert page.label_values("photo_api_rate_limit_hits_total", "client_id") == {"other": 0}

    def test_a_blocked_request_is_a_hit(self, recorder: Recorder, page: Page) -> None:
        recorder.declare_routes(_routes())
        recorder.rate_limit_checked("/auth/login", allowed=False, client_id="203.0.113.0/24")
        assert page.value("photo_api_rate_limit_requests_total", endpoint="/auth/login", status="blocked") == 1
        assert page.value("photo_api_rate_limit_hits_total", endpoint="/auth/login", client_id="other") == 1

    def test_a_raw_path_never_becomes_a_label(self, recorder: Recorder, page: Page) -> None:
        recorder.rate_limit_checked("/share/secret-token", allowed=False, client_id="203.0.113.0/24")
        assert page.value("photo_api_rate_limit_hits_total", endpoint="OTHER", client_id="other") == 1
        assert not any("secret-token" in value for _, labels in page.samples() for _, value in labels)

    def test_blocked_requests_and_invalid_tokens_make_a_client_heavy_together(
        self, recorder: Recorder, page: Page, clock: Clock
    ) -> None:
        client = client_prefix("203.0.113.9")
        for _ in range(30):
            recorder.brute_force_attempt(client)
            recorder.rate_limit_checked("none", allowed=False, client_id=client)
        recorder.brute_force_attempt(client)
        clock.now += 30
        recorder.brute_force_attempt(client)
        recorder.rate_limit_checked("none", allowed=False, client_id=client)
        assert page.value("photo_api_share_link_brute_force_attempts_total", client_id=client) == 1
        assert page.value("photo_api_rate_limit_hits_total", endpoint="none", client_id=client) == 1


class TestBusinessTotals:
    def test_totals_are_absent_until_they_are_known(self, recorder: Recorder, page: Page) -> None:
        recorder.user_registered()
        recorder.photo_confirmed("u1", 10)
        assert page.value("photo_api_users_total", status="total") is None
        assert page.value("photo_api_photos_total") is None
        recorder.business_totals(TOTALS, at=1.0)
        assert page.value("photo_api_users_total", status="total") == 10

    def test_totals_are_published_as_read(self, recorder: Recorder, page: Page) -> None:
        recorder.business_totals(TOTALS, at=1_800_000_000.0)
        assert page.label_values("photo_api_users_total", "status") == {"total": 10, "active": 4}
        assert page.label_values("photo_api_albums_total", "type") == {"total": 5, "shared": 2}
        assert page.value("photo_api_photos_total") == 100
        assert page.label_values("photo_api_share_links_total", "status") == {"total": 3, "active": 2}
        assert page.value("photo_api_object_storage_usage_bytes") == 1_000
        by_user = page.label_values("photo_api_object_storage_usage_by_user_bytes", "user_id")
        assert by_user == {"u1": 600, "u2": 300, "other": 100}
        assert page.value("photo_api_business_metrics_last_success_timestamp_seconds") == 1_800_000_000.0

    def test_before_a_first_success_the_start_stands_for_it(self, page: Page) -> None:
        value = page.value("photo_api_business_metrics_last_success_timestamp_seconds")
        assert value is not None
        assert 0 <= time.time() - value < 60

    @pytest.mark.parametrize(
        ("verb", "moved"),
        [
            (lambda recorder: recorder.user_registered(), {("photo_api_users_total", "total"): 11}),
            (lambda recorder: recorder.album_created(), {("photo_api_albums_total", "total"): 6}),
            (
                lambda recorder: recorder.album_deleted(shared=True),
                {("photo_api_albums_total", "total"): 4, ("photo_api_albums_total", "shared"): 1},
            ),
            (lambda recorder: recorder.album_deleted(shared=False), {("photo_api_albums_total", "total"): 4}),
            (lambda recorder: recorder.album_shared(), {("photo_api_albums_total", "shared"): 3}),
            (lambda recorder: recorder.album_unshared(), {("photo_api_albums_total", "shared"): 1}),
            (
                lambda recorder: recorder.share_link_created(),
                {("photo_api_share_links_total", "total"): 4, ("photo_api_share_links_total", "active"): 3},
            ),
            (lambda recorder: recorder.user_became_active(), {("photo_api_users_total", "active"): 5}),
            (lambda recorder: recorder.share_link_closed(), {("photo_api_share_links_total", "active"): 1}),
            (lambda recorder: recorder.share_links_deleted(2), {("photo_api_share_links_total", "total"): 1}),
            (
                lambda recorder: recorder.photo_confirmed("u1", 50),
                {
                    ("photo_api_photos_total", ""): 101,
                    ("photo_api_object_storage_usage_bytes", ""): 1_050,
                    ("photo_api_object_storage_usage_by_user_bytes", "u1"): 650,
                    ("photo_api_photo_upload_size_total_bytes", "other"): 50,
                },
            ),
            (
                lambda recorder: recorder.photo_deleted("nobody", 50),
                {
                    ("photo_api_photos_total", ""): 99,
                    ("photo_api_object_storage_usage_bytes", ""): 950,
                    ("photo_api_object_storage_usage_by_user_bytes", "other"): 50,
                },
            ),
        ],
    )
    def test_a_change_moves_its_totals_at_once_and_nothing_else(
        self, recorder: Recorder, page: Page, verb: Callable[[Recorder], None], moved: dict[tuple[str, str], float]
    ) -> None:
        recorder.business_totals(TOTALS, at=1.0)
        before = page.samples()
        verb(recorder)
        after = page.samples()
        changed = {
            (name, next(iter(dict(labels).values()), "")): value
            for (name, labels), value in after.items()
            if before.get((name, labels)) != value
        }
        assert changed == moved

    def test_users_that_left_the_list_leave_the_page(self, recorder: Recorder, page: Page) -> None:
        recorder.business_totals(TOTALS, at=1.0)
        recorder.business_totals(BusinessTotals(**{**_fields(TOTALS), "largest_users": [("u3", 900)]}), at=2.0)
        by_user = page.label_values("photo_api_object_storage_usage_by_user_bytes", "user_id")
        assert by_user == {"u3": 900, "other": 100}

    def test_the_100_largest_are_shown_and_busy_users_besides(self, recorder: Recorder, page: Page) -> None:
        recorder.photo_confirmed("newcomer", GB)
        assert recorder.busy_users() == ["newcomer"]
        users = [(f"u{number}", 10_000 - number) for number in range(150)] + [("newcomer", 1)]
        recorder.business_totals(BusinessTotals(**{**_fields(TOTALS), "largest_users": users}), at=1.0)
        shown = set(page.label_values("photo_api_object_storage_usage_by_user_bytes", "user_id"))
        assert shown == {f"u{number}" for number in range(100)} | {"newcomer", "other"}


class TestUploads:
    def test_a_small_users_ten_gigabytes_within_a_minute_are_seen(
        self, recorder: Recorder, page: Page, clock: Clock
    ) -> None:
        recorder.photo_confirmed("small", 1_000)
        clock.now += 1_800
        for _ in range(200):
            recorder.photo_confirmed("small", 50_000_000)
            clock.now += 0.1
        assert page.value("photo_api_photo_upload_last_hour_bytes", user_id="small") == 10 * GB + 1_000

    def test_they_are_seen_though_a_hundred_others_upload_much(
        self, recorder: Recorder, page: Page, clock: Clock
    ) -> None:
        for number in range(100):
            recorder.photo_confirmed(f"busy-{number}", 2 * GB)
        recorder.photo_confirmed("small", 10 * GB)
        clock.now += 15
        assert page.value("photo_api_photo_upload_last_hour_bytes", user_id="small") == 10 * GB
        assert len(page.label_values("photo_api_photo_upload_last_hour_bytes", "user_id")) == 100

    def test_the_last_hour_forgets(self, recorder: Recorder, page: Page, clock: Clock) -> None:
        recorder.photo_confirmed("u1", 2 * GB)
        clock.now += 1_800
        recorder.photo_confirmed("u1", GB)
        assert page.value("photo_api_photo_upload_last_hour_bytes", user_id="u1") == 3 * GB
        clock.now += 1_900
        assert page.value("photo_api_photo_upload_last_hour_bytes", user_id="u1") == GB
        clock.now += 1_900
        assert page.value("photo_api_photo_upload_last_hour_bytes", user_id="u1") is None

    def test_every_byte_is_in_one_series_of_the_counter(self, recorder: Recorder, page: Page, clock: Clock) -> None:
        for _ in range(10):
            recorder.photo_confirmed("u1", GB)
            recorder.photo_confirmed("u2", 1_000)
            clock.now += 10
        uploaded = page.label_values("photo_api_photo_upload_size_total_bytes", "user_id")
        assert sum(uploaded.values()) == 10 * GB + 10_000
        assert uploaded["u1"] == 7 * GB


def _fields(totals: BusinessTotals) -> dict[str, Any]:
    return {name: getattr(totals, name) for name in BusinessTotals.__dataclass_fields__}
