from __future__ import annotations

import math
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as untyped_openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from photo_metrics import metrics_app
from photo_metrics.exposition import (
    OPENMETRICS_CONTENT_TYPE,
    TEXT_CONTENT_TYPE,
    format_value,
    render_openmetrics,
    render_text,
    wants_openmetrics,
)
from photo_metrics.registry import Registry
from photo_metrics.spec import LabelKind, LabelSpec, MetricSpec, MetricType, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

    from photo_metrics import Recorder
    from photo_metrics.asgi import Message

FREE = LabelSpec("x", LabelKind.IDENTITY)
# Prometheus 2.42, current Prometheus, and a browser
ACCEPT_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
ACCEPT_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
    "version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
ACCEPT_BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


def parse_openmetrics(page: str) -> list[Metric]:
    return list(untyped_openmetrics_parser(page))  # type: ignore[no-untyped-call]  # it has no annotations


def _client(recorder: Recorder) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(metrics_app(recorder)), base_url="http://metrics")


@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_label_value_survives_both_formats(value: str) -> None:
    registry = Registry()
    spec = MetricSpec(name="a", type=MetricType.GAUGE, help=Text(ko="", en="Help."), labels=(FREE,))
    registry.gauge(spec).labels(value).set(1)
    (family,) = parse_text(render_text(registry))
    assert family.samples[0].labels == {"x": value}
    (family,) = parse_openmetrics(render_openmetrics(registry))
    assert family.samples[0].labels == {"x": value}


@given(help_text=st.text(st.sampled_from('ab\\"\n #{}=설'), min_size=1).filter(lambda text: text == text.strip()))
def test_any_help_text_survives_openmetrics(help_text: str) -> None:
    registry = Registry()
    registry.gauge(MetricSpec(name="a", type=MetricType.GAUGE, help=Text(ko="", en=help_text)))
    (family,) = parse_openmetrics(render_openmetrics(registry))
    assert family.documentation == help_text


@given(value=st.floats())
def test_any_number_survives(value: float) -> None:
    parsed = float(format_value(value).replace("Inf", "inf"))
    assert parsed == value or (math.isnan(parsed) and math.isnan(value))


def test_a_lone_surrogate_does_not_hide_the_page(recorder: Recorder) -> None:
    recorder.registry.gauge(
        MetricSpec(name="a", type=MetricType.GAUGE, help=Text(ko="", en="Help."), labels=(FREE,))
    ).labels("\ud800")
    assert 'a{x="?"} 0.0' in render_text(recorder.registry).encode("utf-8", "replace").decode()


@pytest.mark.parametrize("render", [render_text, render_openmetrics])
def test_le_is_written_as_a_float_in_both_formats(recorder: Recorder, render: Callable[[Registry], str]) -> None:
    page = render(recorder.registry)
    assert 'photo_api_login_duration_seconds_bucket{result="success",le="3.0"} 0\n' in page
    assert 'photo_api_login_duration_seconds_bucket{result="success",le="+Inf"} 0\n' in page
    assert 'le="3"' not in page


def test_buckets_are_cumulative(recorder: Recorder) -> None:
    for seconds in (0.01, 0.3, 2.5, 60.0):
        recorder.login(result="success", seconds=seconds)
    page = render_text(recorder.registry)
    counts = [
        line.rsplit(" ", 1)[1]
        for line in page.splitlines()
        if line.startswith('photo_api_login_duration_seconds_bucket{result="success"')
    ]
    assert counts == ["1", "1", "1", "2", "2", "2", "3", "3", "3", "4"]
    assert 'photo_api_login_duration_seconds_count{result="success"} 4\n' in page
    assert 'photo_api_login_duration_seconds_sum{result="success"} 62.81\n' in page


def test_the_upload_counter_keeps_the_guides_name_and_is_a_counter_in_text(recorder: Recorder) -> None:
    page = render_text(recorder.registry)
    assert "# TYPE photo_api_photo_upload_size_total_bytes counter\n" in page
    assert 'photo_api_photo_upload_size_total_bytes{user_id="other"} 0.0\n' in page


def test_the_upload_counter_is_unknown_in_openmetrics(recorder: Recorder) -> None:
    page = render_openmetrics(recorder.registry)
    assert "# TYPE photo_api_photo_upload_size_total_bytes unknown\n" in page
    assert 'photo_api_photo_upload_size_total_bytes{user_id="other"} 0.0\n' in page


def test_openmetrics_names_counter_families_without_their_suffix_and_ends_with_eof(recorder: Recorder) -> None:
    page = render_openmetrics(recorder.registry)
    assert "# TYPE photo_api_exceptions counter\n" in page
    assert "\nphoto_api_exceptions_total 0.0\n" in page
    assert page.endswith("\n# EOF\n")
    assert "# EOF" not in render_text(recorder.registry)


def test_exemplars_show_the_request_id_in_openmetrics_only(recorder: Recorder) -> None:
    recorder.http.record("GET", "/x", 200, 0.07, "id-1")
    page = render_openmetrics(recorder.registry)
    (line,) = (line for line in page.splitlines() if ' # {request_id="id-1"} 0.07 ' in line)
    assert line.startswith('http_request_duration_seconds_bucket{method="GET",handler="/x",status="200",le="0.1"} 1 ')
    assert parse_openmetrics(page)
    assert "request_id" not in render_text(recorder.registry)


@pytest.mark.parametrize("identifier", ["i" * 119, 'a"b', "a\\b", "a\nb"])
def test_an_identifier_unfit_for_an_exemplar_is_left_out(recorder: Recorder, identifier: str) -> None:
    recorder.http.record("GET", "/x", 200, 0.07, identifier)
    page = render_openmetrics(recorder.registry)
    assert "request_id" not in page
    assert parse_openmetrics(page)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (ACCEPT_2_42, True),
        (ACCEPT_3, True),
        (ACCEPT_BROWSER, False),
        ("", False),
        ("*/*", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=2.0.0", False),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=much", False),
        ("APPLICATION/OPENMETRICS-TEXT;VERSION=1.0.0", True),
    ],
)
def test_the_accept_header_decides(accept: str, expected: bool) -> None:
    assert wants_openmetrics(accept) is expected


@pytest.mark.parametrize(
    ("accept", "content_type", "eof"),
    [(ACCEPT_2_42, OPENMETRICS_CONTENT_TYPE, True), (ACCEPT_BROWSER, TEXT_CONTENT_TYPE, False)],
)
async def test_the_page_is_served_in_the_accepted_format(
    recorder: Recorder, accept: str, content_type: str, eof: bool
) -> None:
    async with _client(recorder) as client:
        response = await client.get("/metrics", headers={"accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert response.text.endswith("# EOF\n") is eof


async def test_head_answers_without_a_body(recorder: Recorder) -> None:
    async with _client(recorder) as client:
        response = await client.head("/metrics")
    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 0
    assert response.content == b""


async def test_other_paths_and_methods_are_refused(recorder: Recorder) -> None:
    async with _client(recorder) as client:
        assert (await client.get("/")).status_code == 404
        assert (await client.get("/metrics/")).status_code == 404
        refused = await client.post("/metrics")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_the_page_speaks_the_lifespan_protocol(recorder: Recorder) -> None:
    events: Iterator[Message] = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> Message:
        return next(events)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await metrics_app(recorder)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
