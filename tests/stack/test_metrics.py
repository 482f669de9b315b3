"""Every metric of the catalog is in Prometheus, and moves where the stack's own traffic moves it."""

import json

import pytest
from tests.stack.running import Stack
from tests.support.ports import wait_until

from photo_metrics.catalog import CATALOG
from photo_metrics.spec import MetricType

PEOPLE = ("load", "--rps", "40", "--duration", "40s", "--seed", "5", "--json")
ATTACKS = ("load", "--attack", "--rps", "50", "--duration", "20s", "--seed", "5", "--json")

ON_OCCASION = {
    "photo_api_drain_deadline_timestamp_seconds",  # of an instance that was told to end
    "photo_api_photo_upload_last_hour_bytes",  # of users beyond 100 MB in an hour
}
MOVED_BY_PEOPLE = {
    "photo_api_ready": "sum(photo_api_ready) == 2",
    "photo_api_app_info": "count by (version, environment) (photo_api_app_info) == 2",
    "http_request_duration_seconds": "http_request_duration_seconds_bucket"
    '{handler="/photos/{photo_id}/image",le="3.0"}',
    "http_requests_total": 'http_requests_total{handler="/photos/confirm",method="POST",status="200"}',
    "photo_api_login_duration_seconds": 'photo_api_login_duration_seconds_count{result="success"}',
    "photo_api_image_access_duration_seconds": "photo_api_image_access_duration_seconds_count"
    '{access_type="authenticated",result="success"}',
    "photo_api_share_link_access_duration_seconds": "photo_api_share_link_access_duration_seconds_count"
    '{result="success"}',
    "photo_api_external_request_duration_seconds": "photo_api_external_request_duration_seconds_count"
    '{service="object_storage"}',
    "the log service's": 'photo_api_external_request_duration_seconds_count{service="log_service"}',
    "photo_api_rate_limit_requests_total": 'photo_api_rate_limit_requests_total{status="allowed"}',
    "photo_api_share_link_access_total": 'photo_api_share_link_access_total{token_status="valid",result="success"}',
    "photo_api_share_link_image_access_total": 'photo_api_share_link_image_access_total{photo_in_album="yes"}',
    "photo_api_image_access_total": 'photo_api_image_access_total{access_type="shared",result="success"}',
    "photo_api_users_total": 'photo_api_users_total{status="active"}',
    "photo_api_albums_total": 'photo_api_albums_total{type="shared"}',
    "photo_api_photos_total": "photo_api_photos_total",
    "photo_api_share_links_total": 'photo_api_share_links_total{status="active"}',
    "photo_api_object_storage_usage_bytes": "photo_api_object_storage_usage_bytes",
    "photo_api_object_storage_usage_by_user_bytes": 'photo_api_object_storage_usage_by_user_bytes{user_id!="other"}',
    "photo_api_photo_upload_size_total_bytes": "photo_api_photo_upload_size_total_bytes",
    "node_cpu_seconds_total": 'node_cpu_seconds_total{mode="idle"}',
    "node_memory_MemAvailable_bytes": "node_memory_MemAvailable_bytes",
    "node_filesystem_avail_bytes": "node_filesystem_avail_bytes",
    "node_network_receive_bytes_total": "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total": "node_network_transmit_bytes_total",
}
MOVED_BY_ATTACKS = {
    "failed logins": 'photo_api_login_duration_seconds_count{result="failure"}',
    "photo_api_rate_limit_hits_total": "photo_api_rate_limit_hits_total",
    "blocked requests": 'photo_api_rate_limit_requests_total{status="blocked"}',
    "photo_api_share_link_brute_force_attempts_total": "photo_api_share_link_brute_force_attempts_total",
    "invalid tokens": 'photo_api_share_link_access_total{token_status="invalid",result="denied"}',
    "photos of other albums": 'photo_api_share_link_image_access_total{token_status="valid",photo_in_album="no"}',
    "denied images": 'photo_api_image_access_total{access_type="authenticated",result="denied"}',
}


@pytest.fixture(scope="module")
def busy_stack(shared_stack: Stack) -> Stack:
    """The shared stack after real traffic, friendly and not."""
    for command in (PEOPLE, ATTACKS):
        totals = json.loads(shared_stack.command(*command).stdout)["totals"]
        assert totals["unexpected"] == 0, totals
        assert totals["answered"] > 500, totals
    return shared_stack


def names_of(stack: Stack) -> set[str]:
    """Names of all series of the service that Prometheus has."""
    return {sample["metric"]["__name__"] for sample in stack.query('count by (__name__) ({job="photo-api"})')}


def test_every_metric_of_the_catalog_is_in_prometheus(busy_stack: Stack) -> None:
    wanted = {
        f"{spec.name}_{part}" if spec.type is MetricType.HISTOGRAM else spec.name
        for spec in CATALOG
        for part in ("bucket", "count", "sum")
        if spec.name not in ON_OCCASION
    }
    found = names_of(busy_stack)
    assert len(wanted) > 40
    assert wanted <= found, sorted(wanted - found)


@pytest.mark.parametrize("what", [*MOVED_BY_PEOPLE, *MOVED_BY_ATTACKS])
def test_traffic_moves_the_metric(busy_stack: Stack, what: str) -> None:
    expression = f"sum({(MOVED_BY_PEOPLE | MOVED_BY_ATTACKS)[what]}) > 0"
    wait_until(lambda: bool(busy_stack.query(expression)), f"{expression} in Prometheus", 20)


def test_faults_that_the_traffic_does_not_make_stay_at_zero(busy_stack: Stack) -> None:
    for name in ("photo_api_exceptions_total", "photo_api_db_errors_total", "photo_api_log_dropped_total"):
        samples = busy_stack.query(f"sum by (instance) ({name})")
        assert {sample["metric"]["instance"] for sample in samples} == {"api-1", "api-2"}
        assert {sample["value"][1] for sample in samples} == {"0"}, name
    assert not busy_stack.query('sum(http_requests_total{status=~"5.."}) > 0')
