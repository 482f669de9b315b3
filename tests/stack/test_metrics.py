"""Every metric of the catalog is in Prometheus, and moves where the stack's own traffic moves it."""

import io
import json
import time

import httpx
import pytest
from PIL import Image
from tests.stack.running import Stack
from tests.support.ports import wait_until

from photo_metrics.catalog import CATALOG
from photo_metrics.spec import MetricType

# A minute of traffic, a restart, and the stack's own start, in the first test's set-up: longer on a busy machine.
pytestmark = pytest.mark.timeout(480)

PEOPLE = ("load", "--rps", "40", "--duration", "40s", "--seed", "5", "--json")
ATTACKS = ("load", "--attack", "--rps", "50", "--duration", "20s", "--seed", "5", "--json")

HEAVY_FILES, HEAVY_BYTES = 6, 18_000_000
"""One person's photographs: together over the 100 MB in an hour from which a user has a series of their own."""
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
FAULTS = {
    "exceptions": "sum by (instance) (photo_api_exceptions_total)",
    "database errors": "sum by (instance) (photo_api_db_errors_total)",
    "lost logs": "sum by (instance) (photo_api_log_dropped_total)",
    "5xx": 'sum by (instance) (http_requests_total{job="photo-api",status=~"5.."})',
}


@pytest.fixture(scope="module")
def stack_after_traffic(shared_stack: Stack) -> Stack:
    """The shared stack after real traffic, friendly, heavy and hostile."""
    for command in (PEOPLE, ATTACKS):
        result = shared_stack.command(*command, seconds=240)
        totals = json.loads(result.stdout)["totals"]
        assert result.returncode == 0, totals
        assert totals["answered"] > 500, totals
    upload_much(shared_stack)
    return shared_stack


@pytest.fixture(scope="module")
def faults_seen(stack_after_traffic: Stack) -> dict[str, dict[str, str]]:
    """What each instance had counted of each fault when the traffic was over, before any restart set it to 0."""
    over = time.time()
    scraped = f"min(timestamp(photo_api_ready)) > {over}"
    wait_until(lambda: bool(stack_after_traffic.query(scraped)), "a scrape after the traffic", 30)
    return {
        what: {one["metric"]["instance"]: one["value"][1] for one in stack_after_traffic.query(expression)}
        for what, expression in FAULTS.items()
    }


@pytest.fixture(scope="module")
def busy_stack(stack_after_traffic: Stack, faults_seen: dict[str, dict[str, str]]) -> Stack:
    """The same after a planned restart of one instance, too."""
    assert faults_seen
    assert stack_after_traffic.command("restart", "api-2").returncode == 0
    return stack_after_traffic


def upload_much(stack: Stack) -> None:
    """One user sends large photographs through presigned URLs, to one instance: each counts what it confirmed."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(picture, "JPEG")
    content = picture.getvalue().ljust(HEAVY_BYTES, b"\0")  # what follows a JPEG's end is nobody's concern
    account = {"email": "heavy@example.com", "username": "heavy", "password": "a long enough one"}
    with httpx.Client(base_url=stack.url("api-1"), timeout=60) as client:
        client.post("/auth/register", json=account).raise_for_status()
        login = {"email": account["email"], "password": account["password"]}
        tokens = client.post("/auth/login", json=login).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        album = client.post("/albums/", json={"name": "Everything"}).raise_for_status().json()["id"]
        for number in range(HEAVY_FILES):
            wanted = {
                "album_id": album,
                "filename": f"{number}.jpg",
                "content_type": "image/jpeg",
                "file_size": HEAVY_BYTES,
            }
            upload = client.post("/photos/presigned-url", json=wanted).raise_for_status().json()
            method, url = upload["upload_method"], upload["upload_url"]
            client.request(method, url, content=content, headers=upload["upload_headers"]).raise_for_status()
            client.post("/photos/confirm", json={"photo_id": upload["photo_id"]}).raise_for_status()


def names_of(stack: Stack) -> set[str]:
    """Names of all series of the service that Prometheus had within half an hour: a drain's are soon gone."""
    expression = 'count by (__name__) (last_over_time({job="photo-api"}[30m]))'
    return {sample["metric"]["__name__"] for sample in stack.query(expression)}


def test_every_metric_of_the_catalog_is_in_prometheus(busy_stack: Stack) -> None:
    wanted = {
        f"{spec.name}_{part}" if spec.type is MetricType.HISTOGRAM else spec.name
        for spec in CATALOG
        for part in ("bucket", "count", "sum")
    }
    assert len(wanted) > 40
    wait_until(lambda: wanted <= names_of(busy_stack), f"all of {sorted(wanted - names_of(busy_stack))}", 30)


@pytest.mark.parametrize("what", [*MOVED_BY_PEOPLE, *MOVED_BY_ATTACKS])
def test_traffic_moves_the_metric(busy_stack: Stack, what: str) -> None:
    expression = f"sum({(MOVED_BY_PEOPLE | MOVED_BY_ATTACKS)[what]}) > 0"
    wait_until(lambda: bool(busy_stack.query(expression)), f"{expression} in Prometheus", 20)


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_that_the_traffic_does_not_make_stays_at_zero(
    faults_seen: dict[str, dict[str, str]], what: str
) -> None:
    assert faults_seen[what] == {"api-1": "0", "api-2": "0"}
