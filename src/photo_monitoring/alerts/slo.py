"""The objectives: what the guide promises (99.9 % availability), and what users would call the service working."""

from typing import Final

from photo_monitoring.criteria import Recording, Severity, Text
from photo_monitoring.proofs.stimuli import Case, Firing
from photo_monitoring.slos import TOTAL, Objective, burn_alert

_API: Final = 'job="photo-api",instance="api-1"'
_BALANCER: Final = 'haproxy_frontend_http_responses_total{proxy="photos",job="haproxy",instance="lb",code="%s"}'
_UP: Final = f"up{{{_API}}}"
_PROBE: Final = 'probe_success{instance="https://photos.example.com/health",job="probe"}'
_ANSWERED_HERE: Final = f'http_requests_total{{method="GET",handler="/photos/",status="200",{_API}}}'
_AVAILABILITY: Final = "requests-availability"
_AVAILABILITY_LABELS: Final = {
    "sloth_id": f"photo-api-{_AVAILABILITY}",
    "sloth_service": "photo-api",
    "sloth_slo": _AVAILABILITY,
}
_PAGE: Final = Firing(severity=Severity.CRITICAL.value, labels=_AVAILABILITY_LABELS, value=0)

# What users get is counted where they are: at the load balancer. A system without ours is counted at the instances.
_ANSWERED: Final = Recording(
    "slo:requests_answered:rate5m",
    """
sum(rate(haproxy_frontend_http_responses_total{$balancer}[${5m}]))
or
sum(rate(http_requests_total{$api, $traffic}[${5m}]))
""",
)
_FAILED: Final = Recording(
    "slo:requests_failed:rate5m",
    """
sum(rate(haproxy_frontend_http_responses_total{$balancer, code="5xx"}[${5m}]))
or
sum(rate(http_requests_total{$api, $traffic, status=~"5.."}[${5m}]))
""",
)
# Not before the first scrape ever: a Prometheus that just started knows nothing yet. While no load balancer of ours
# counts what users get (it is dead, or there is none), a probe from outside says whether they get anything.
_UNREACHABLE: Final = Recording(
    "slo:unreachable:bool",
    """
absent(up{$api} == 1)
and on ()
count(count_over_time(up{$api}[${1d}])) > 0
or
1 - (max(last_over_time(probe_success{$probe}[${1m}])) == 0)
unless on ()
up{$haproxy} == 1
""",
)

AVAILABILITY: Final = Objective(
    slo=_AVAILABILITY,
    alert="RequestsAvailabilityBurn",
    percent=99.9,
    promise=Text("요청 가용성", "availability of requests"),
    helpers=(_ANSWERED, _FAILED, _UNREACHABLE),
    # A dead fleet answers nothing, and request counts alone would show 100 %: the day's usual traffic is taken to fail
    # (one request in 100 s where there was none).
    total=f"""
max(
  label_replace(slo:requests_answered:rate5m, "part", "answered", "", "")
  or
  label_replace(
    avg_over_time({TOTAL}{{sloth_id="photo-api-{_AVAILABILITY}"}}[${{1d}}]) and on () slo:unreachable:bool,
    "part", "usual", "", ""
  )
  or
  label_replace(slo:unreachable:bool * 0.01, "part", "least", "", "")
)
""",
    errors=f"""
max({TOTAL}{{sloth_id="photo-api-{_AVAILABILITY}"}} and on () slo:unreachable:bool)
or
slo:requests_failed:rate5m
""",
    feed=((_BALANCER % "5xx", lambda failing: failing), (_BALANCER % "2xx", lambda failing: 1 - failing)),
    constant=((_UP, "1+0x10000"),),
    cases=(
        Case(
            name="a dead fleet burns, though the load balancer is silent",
            step="1m",
            inputs={_UP: "1+0x30 0+0x20", _BALANCER % "2xx": "0+30x30 stale", _BALANCER % "5xx": "0+0x30 stale"},
            expect={
                "30m": (),
                "45m": (_PAGE,),
            },
        ),
        Case(
            name="without a load balancer of ours a probe that fails burns, though every instance is well",
            step="1m",
            inputs={_UP: "1+0x50", _PROBE: "1+0x30 0+0x20", _ANSWERED_HERE: "0+60x30 1800+0x20"},
            expect={
                "30m": (),
                "45m": (Firing(severity=Severity.CRITICAL.value, labels=_AVAILABILITY_LABELS, value=0),),
            },
        ),
        Case(
            name="where the load balancer counts, a probe that fails says nothing about others",
            step="1m",
            inputs={
                _UP: "1+0x50",
                'up{instance="lb",job="haproxy"}': "1+0x50",
                _PROBE: "1+0x30 0+0x20",
                _BALANCER % "2xx": "0+60x50",
                _BALANCER % "5xx": "0+0x50",
            },
            expect={"30m": (), "45m": ()},
        ),
        Case(
            name="without a load balancer of ours the instances' answers count",
            step="1m",
            inputs={
                _UP: "1+0x30",
                f'http_requests_total{{method="GET",handler="/photos/",status="500",{_API}}}': "0+3x30",
                _ANSWERED_HERE: "0+97x30",
            },
            expect={"30m": (_PAGE,)},
        ),
    ),
)

_TIMED: Final = f'method="GET",handler="/photos/{{photo_id}}",status="200",{_API}'

LATENCY: Final = Objective(
    slo="requests-latency",
    alert="RequestsLatencyBurn",
    percent=95,
    promise=Text("1초 안에 응답", "answers within 1 s"),
    total="""
sum(
  rate(http_request_duration_seconds_count{$api, $timed}[${5m}])
  unless
  rate(http_request_duration_seconds_count{$api, $uploads}[${5m}])
)
""",
    errors="""
sum(
  rate(http_request_duration_seconds_count{$api, $timed}[${5m}])
  unless
  rate(http_request_duration_seconds_count{$api, $uploads}[${5m}])
)
-
sum(
  rate(http_request_duration_seconds_bucket{$api, $timed, le="1.0"}[${5m}])
  unless
  rate(http_request_duration_seconds_bucket{$api, $uploads, le="1.0"}[${5m}])
)
""",
    feed=(
        (f'http_request_duration_seconds_bucket{{le="1.0",{_TIMED}}}', lambda slow: 1 - slow),
        (f"http_request_duration_seconds_count{{{_TIMED}}}", lambda _: 1),
    ),
)

_IMAGE: Final = f'http_requests_total{{method="GET",handler="/photos/{{photo_id}}/image",{_API},status="%s"}}'

IMAGES: Final = Objective(
    slo="image-delivery",
    alert="ImageDeliveryBurn",
    percent=99.5,
    promise=Text("이미지 전달", "images delivered"),
    total='sum(rate(http_requests_total{$api, handler=~"(/share/.+)?/photos/.+/image"}[${5m}]))',
    # 404 and 403 are right answers to wrong requests.
    errors='sum(rate(http_requests_total{$api, handler=~"(/share/.+)?/photos/.+/image", status=~"5.."}[${5m}]))',
    feed=((_IMAGE % "503", lambda failing: failing), (_IMAGE % "200", lambda failing: 1 - failing)),
)

_BEGUN: Final = f'http_requests_total{{method="POST",handler="/photos/presigned-url",status="200",{_API}}}'
_CONFIRMED: Final = f'http_requests_total{{method="POST",handler="/photos/confirm",status="200",{_API}}}'

UPLOADS: Final = Objective(
    slo="upload-completion",
    alert="UploadCompletionBurn",
    percent=95,
    promise=Text("업로드 완료", "uploads completed"),
    total='sum(rate(http_requests_total{$api, handler="/photos/presigned-url", status=~"2.."}[${5m}]))',
    # Below 0 where confirms of earlier uploads come in: over longer windows the two even out.
    errors="""
sum(rate(http_requests_total{$api, handler="/photos/presigned-url", status=~"2.."}[${5m}]))
-
sum(rate(http_requests_total{$api, handler="/photos/confirm", status=~"2.."}[${5m}]))
""",
    feed=((_BEGUN, lambda _: 1), (_CONFIRMED, lambda failing: 1 - failing)),
)

_SHARE: Final = f'http_requests_total{{method="GET",handler="/share/{{token}}",{_API},status="%s"}}'

SHARES: Final = Objective(
    slo="share-views",
    alert="ShareViewsBurn",
    percent=99.5,
    promise=Text("공유 앨범 보기", "shared albums viewed"),
    total='sum(rate(http_requests_total{$api, handler="/share/{token}"}[${5m}]))',
    errors='sum(rate(http_requests_total{$api, handler="/share/{token}", status=~"5.."}[${5m}]))',
    feed=((_SHARE % "500", lambda failing: failing), (_SHARE % "200", lambda failing: 1 - failing)),
)

OBJECTIVES: Final = (AVAILABILITY, LATENCY, IMAGES, UPLOADS, SHARES)
ALERTS: Final = tuple(burn_alert(objective) for objective in OBJECTIVES)
