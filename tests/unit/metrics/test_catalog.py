from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from photo_metrics import BusinessTotals
from photo_metrics.catalog import CATALOG, NAMING_EXCEPTIONS
from photo_metrics.exposition import render_text
from photo_metrics.node_exporter import NODE_METRICS
from photo_metrics.process import PROCESS_METRICS
from photo_metrics.spec import LabelKind, MetricType

if TYPE_CHECKING:
    from photo_metrics import Recorder

BY_NAME = {spec.name: spec for spec in (*CATALOG, *NODE_METRICS, *PROCESS_METRICS)}

# The guide's own words: name, type, labels.
GUIDE = [
    ("photo_api_ready", "gauge", ""),
    ("photo_api_app_info", "gauge", "node app version environment"),
    ("http_request_duration_seconds", "histogram", "method handler status"),
    ("http_requests_total", "counter", "method handler status"),
    ("photo_api_login_duration_seconds", "histogram", "result"),
    ("photo_api_image_access_duration_seconds", "histogram", "access_type result"),
    ("photo_api_share_link_access_duration_seconds", "histogram", "token_status result"),
    ("photo_api_external_request_duration_seconds", "histogram", "service"),
    ("photo_api_active_sessions", "gauge", ""),
    ("photo_api_exceptions_total", "counter", ""),
    ("photo_api_db_errors_total", "counter", ""),
    ("photo_api_external_request_errors_total", "counter", "service"),
    ("photo_api_log_queue_size", "gauge", ""),
    ("photo_api_rate_limit_hits_total", "counter", "endpoint client_id"),
    ("photo_api_rate_limit_requests_total", "counter", "endpoint status"),
    ("photo_api_share_link_brute_force_attempts_total", "counter", "client_id"),
    ("photo_api_share_link_access_total", "counter", "token_status result"),
    ("photo_api_share_link_image_access_total", "counter", "token_status photo_in_album"),
    ("photo_api_image_access_total", "counter", "access_type result"),
    ("node_memory_MemAvailable_bytes", "gauge", ""),
    ("node_filesystem_avail_bytes", "gauge", "device fstype mountpoint"),
    ("photo_api_users_total", "gauge", "status"),
    ("photo_api_albums_total", "gauge", "type"),
    ("photo_api_photos_total", "gauge", ""),
    ("photo_api_share_links_total", "gauge", "status"),
    ("photo_api_object_storage_usage_bytes", "gauge", ""),
    ("photo_api_object_storage_usage_by_user_bytes", "gauge", "user_id"),
    ("photo_api_photo_upload_size_total_bytes", "counter", "user_id"),
]
# The guide's bounds, and the thresholds that its criteria compare with.
BUCKETS = {
    "http_request_duration_seconds": ("0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10", "1 3 5"),
    "photo_api_login_duration_seconds": ("0.05 0.1 0.2 0.5 1 2 3 5", "1 3"),
    "photo_api_image_access_duration_seconds": ("0.01 0.05 0.1 0.25 0.5 1 2.5 5", "2 5"),
    "photo_api_share_link_access_duration_seconds": ("0.01 0.05 0.1 0.25 0.5 1 2.5 5", "1 3"),
    "photo_api_external_request_duration_seconds": ("0.05 0.1 0.25 0.5 1 2.5 5 10", "2 5"),
}
CLOSED = {
    ("photo_api_login_duration_seconds", "result"): {"success", "failure"},
    ("photo_api_image_access_total", "access_type"): {"authenticated", "shared"},
    ("photo_api_image_access_total", "result"): {"success", "denied"},
    ("photo_api_share_link_access_total", "token_status"): {"valid", "invalid", "expired"},
    ("photo_api_share_link_image_access_total", "photo_in_album"): {"yes", "no"},
    ("photo_api_external_request_errors_total", "service"): {"object_storage", "cdn", "log_service"},
    ("photo_api_rate_limit_requests_total", "status"): {"allowed", "blocked"},
    ("photo_api_users_total", "status"): {"total", "active"},
    ("photo_api_albums_total", "type"): {"total", "shared"},
    ("photo_api_share_links_total", "status"): {"total", "active"},
}


@pytest.mark.parametrize(("name", "kind", "labels"), GUIDE)
def test_the_guides_metric_is_declared_with_its_type_and_labels(name: str, kind: str, labels: str) -> None:
    spec = BY_NAME[name]
    assert (spec.type, spec.label_names) == (kind, tuple(labels.split()))
    assert spec.guide is not None


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_hold_the_guides_bounds_every_threshold_and_one_above(name: str) -> None:
    guide, thresholds = ({float(bound) for bound in bounds.split()} for bounds in BUCKETS[name])
    assert guide | thresholds <= set(BY_NAME[name].buckets)
    assert max(BY_NAME[name].buckets) == 10.0


@pytest.mark.parametrize(("name", "label"), CLOSED)
def test_closed_labels_have_the_guides_values(name: str, label: str) -> None:
    (spec,) = (candidate for candidate in BY_NAME[name].labels if candidate.name == label)
    assert spec.kind is LabelKind.CLOSED
    assert set(spec.values) == CLOSED[name, label]


def test_names_are_unique_and_of_one_namespace() -> None:
    names = [spec.name for spec in CATALOG]
    assert len(set(names)) == len(names)
    assert all(re.match(r"(photo_api|http)_", name) for name in names)


def test_every_text_exists_in_korean_and_english() -> None:
    for spec in BY_NAME.values():
        for text in filter(None, (spec.help, spec.note)):
            assert re.search(r"[가-힣]", text.ko), spec.name
            assert re.fullmatch(r"[^가-힣]+", text.en), spec.name


def test_a_name_breaks_the_conventions_only_where_the_guide_says_so() -> None:
    breaking = {
        spec.name
        for spec in CATALOG
        if spec.name.endswith("_total") != (spec.type is MetricType.COUNTER) and spec.type is not MetricType.HISTOGRAM
    }
    assert breaking == NAMING_EXCEPTIONS


def test_promtool_finds_nothing_but_the_five_exceptions(recorder: Recorder) -> None:
    recorder.business_totals(
        BusinessTotals(
            users=1,
            users_active=1,
            albums=1,
            albums_shared=1,
            photos=1,
            share_links=1,
            share_links_active=1,
            object_storage_bytes=1,
        ),
        at=1.0,
    )
    recorder.dependency_up("database", up=True)
    recorder.http.record("GET", "/x", 200, 0.1)
    found = subprocess.run(
        ["promtool", "check", "metrics"],
        input=render_text(recorder.registry),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    complaints = (found.stdout + found.stderr).split("\n")
    assert {line.split(" ", 1)[0] for line in complaints if line} == NAMING_EXCEPTIONS


def test_every_declared_metric_is_on_the_page(recorder: Recorder) -> None:
    page = render_text(recorder.registry)
    assert [spec.name for spec in CATALOG if f"# TYPE {spec.name} {spec.type}\n" not in page] == []
