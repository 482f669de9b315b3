"""Guide 2: how long answers take, and how many requests are under way at once."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Firing, Level, Slow, located


def _slow(ko: str, en: str) -> Text:
    """Say how many of what (in the two languages) took longer than the threshold."""
    return Text(
        f"최근 {{window}} {ko}의 {{value}}가 {{threshold}}초보다 오래 걸렸습니다. "
        "{percentile}가 {threshold}초를 넘은 상태가 {hold} 이상 이어졌습니다.",
        f"Of the {en} of the last {{window}}, {{value}} took longer than {{threshold}} s: "
        "{percentile} above it for {hold}.",
    )


_TIMED_REQUESTS: Final = Recording(
    "job:http_requests_timed:increase5m",
    """
sum by (job) (
  increase(http_request_duration_seconds_count{$api, $timed}[${5m}])
  unless
  increase(http_request_duration_seconds_count{$api, $uploads}[${5m}])
)
""",
)
_SLOW_SHARE: Final = """
1 -
sum by (job) (
  rate(http_request_duration_seconds_bucket{$api, $timed, le="$limit"}[${5m}])
  unless
  rate(http_request_duration_seconds_bucket{$api, $uploads, le="$limit"}[${5m}])
)
/
sum by (job) (
  rate(http_request_duration_seconds_count{$api, $timed}[${5m}])
  unless
  rate(http_request_duration_seconds_count{$api, $uploads}[${5m}])
)
"""
_SLOW_STEPS: Final = (
    Text(
        "엔드포인트별 P95를 보고 전체가 느린지 한 곳만 느린지 나눕니다.",
        "Look at P95 by endpoint: is everything slow, or one route?",
    ),
    Text(
        "CPU, 활성 세션, DB와 외부 서비스 응답 시간이 같은 때에 변했는지 확인합니다.",
        "See whether CPU, active sessions, the database or external services changed at that time.",
    ),
)
_REQUEST_SERIES: Final = 'method="GET",handler="/photos/{photo_id}",status="200"'

SLOW_RESPONSE_TIME: Final = Alert(
    name="SlowResponseTime",
    subject="response-time",
    group=Group.PERFORMANCE,
    section="2.1",
    symptom_of=("database", "object_storage"),
    value=_SLOW_SHARE,
    share=0.05,
    volume=_TIMED_REQUESTS,
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        warning("response-time/warning", 1, "5m", minimum=50),
        critical("response-time/critical", 3, "2m", minimum=50),
    ),
    summary=Text("응답 시간이 느립니다", "Responses are slow"),
    description=_slow("요청", "requests"),
    next_steps=_SLOW_STEPS,
    stimulus=Slow(metric="http_request_duration_seconds", having=_REQUEST_SERIES),
    cases=(
        Case(
            name="direct uploads and the embedded store, at the speed of a client's line, are silent",
            inputs={
                located(f'http_request_duration_seconds_{sample}{{{le}{request},status="200"}}'): growth
                for request in ('method="POST",handler="/photos/"', 'method="PUT",handler="/storage/{key}"')
                for sample, le, growth in (
                    ("bucket", 'le="1.0",', "0+0x40"),
                    ("bucket", 'le="3.0",', "0+0x40"),
                    ("bucket", 'le="5.0",', "0+0x40"),
                    ("count", "", "0+100x40"),
                )
            },
            expect={"10m": (), "20m": ()},
        ),
    ),
)

VERY_SLOW_RESPONSE_TIME: Final = Alert(
    name="SlowResponseTime",
    subject="response-time-p99",
    group=Group.PERFORMANCE,
    section="2.1",
    symptom_of=("database", "object_storage"),
    value=_SLOW_SHARE,
    share=0.01,
    volume=_TIMED_REQUESTS,
    by=("job",),
    unit=Unit.RATIO,
    tiers=(critical("response-time/critical/p99", 5, "2m", minimum=250),),
    summary=Text("가장 느린 응답이 매우 느립니다", "The slowest responses are very slow"),
    description=_slow("요청", "requests"),
    next_steps=_SLOW_STEPS,
    stimulus=Slow(metric="http_request_duration_seconds", having=_REQUEST_SERIES),
)

SLOW_LOGIN: Final = Alert(
    name="SlowLogin",
    subject="login-time",
    group=Group.PERFORMANCE,
    section="2.2",
    symptom_of=("database",),
    value="""
1 -
sum by (job) (rate(photo_api_login_duration_seconds_bucket{$api, result="success", le="$limit"}[${5m}]))
/
sum by (job) (rate(photo_api_login_duration_seconds_count{$api, result="success"}[${5m}]))
""",
    share=0.05,
    volume=Recording(
        "job:photo_api_logins:increase5m",
        'sum by (job) (increase(photo_api_login_duration_seconds_count{$api, result="success"}[${5m}]))',
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(warning("login-time/warning", 1, "5m", minimum=50), critical("login-time/critical", 3, "2m", minimum=50)),
    summary=Text("로그인이 느립니다", "Logins are slow"),
    description=_slow("성공한 로그인", "successful logins"),
    next_steps=(
        Text(
            "비밀번호 해싱 대기(동시 해시 수)와 CPU 사용률을 확인합니다.",
            "Check how many logins wait for hashing, and the CPU.",
        ),
        Text(
            "실패한 로그인이 함께 늘었는지 보고, 늘었다면 무차별 대입 공격으로 다룹니다.",
            "If failed logins rose as well, treat it as password guessing.",
        ),
    ),
    stimulus=Slow(metric="photo_api_login_duration_seconds", having='result="success"'),
)

SLOW_IMAGE_ACCESS: Final = Alert(
    name="SlowImageAccess",
    subject="image-time",
    group=Group.PERFORMANCE,
    section="2.2",
    symptom_of=("database", "object_storage", "cdn"),
    value="""
1 -
sum by (job) (rate(photo_api_image_access_duration_seconds_bucket{$api, result="success", le="$limit"}[${5m}]))
/
sum by (job) (rate(photo_api_image_access_duration_seconds_count{$api, result="success"}[${5m}]))
""",
    share=0.05,
    volume=Recording(
        "job:photo_api_image_views:increase5m",
        'sum by (job) (increase(photo_api_image_access_duration_seconds_count{$api, result="success"}[${5m}]))',
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(warning("image-time/warning", 2, "5m", minimum=50), critical("image-time/critical", 5, "2m", minimum=50)),
    summary=Text("이미지 접근이 느립니다", "Images are slow"),
    description=_slow("성공한 이미지 접근", "images served"),
    next_steps=(
        Text(
            "Object Storage 다운로드 시간과 CDN 토큰 생성 시간을 확인합니다.",
            "Check the time of downloads from object storage and of making CDN tokens.",
        ),
        Text(
            "인증된 접근과 공유 접근 중 어느 쪽이 느린지 나눕니다.",
            "Split signed-in access from shared links.",
        ),
    ),
    stimulus=Slow(
        metric="photo_api_image_access_duration_seconds", having='access_type="authenticated",result="success"'
    ),
)

SLOW_SHARE_LINK_ACCESS: Final = Alert(
    name="SlowShareLinkAccess",
    subject="share-time",
    group=Group.PERFORMANCE,
    section="2.2",
    symptom_of=("database",),
    value="""
1 -
sum by (job) (rate(photo_api_share_link_access_duration_seconds_bucket{$api, le="$limit"}[${5m}]))
/
sum by (job) (rate(photo_api_share_link_access_duration_seconds_count{$api}[${5m}]))
""",
    share=0.05,
    volume=Recording(
        "job:photo_api_share_link_visits:increase5m",
        "sum by (job) (increase(photo_api_share_link_access_duration_seconds_count{$api}[${5m}]))",
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(warning("share-time/warning", 1, "5m", minimum=50), critical("share-time/critical", 3, "2m", minimum=50)),
    summary=Text("공유 링크 접근이 느립니다", "Share links are slow"),
    description=_slow("공유 링크 접근", "visits to share links"),
    next_steps=(
        Text(
            "토큰 상태별 시간을 나누어 무효한 토큰이 몰리는지 확인합니다.",
            "Split the time by token status: do invalid tokens pile up?",
        ),
        Text("토큰 조회와 앨범 조회의 DB 시간을 확인합니다.", "Check the database time of token and album look-ups."),
    ),
    stimulus=Slow(
        metric="photo_api_share_link_access_duration_seconds", having='token_status="valid",result="success"'
    ),
)

SLOW_EXTERNAL_SERVICE: Final = Alert(
    name="SlowExternalService",
    subject="external-time",
    group=Group.PERFORMANCE,
    section="2.2",
    symptom_of=("ExternalServiceFailure",),
    value="""
1 -
sum by (job, service) (rate(photo_api_external_request_duration_seconds_bucket{$api, le="$limit"}[${5m}]))
/
sum by (job, service) (rate(photo_api_external_request_duration_seconds_count{$api}[${5m}]))
""",
    share=0.05,
    volume=Recording(
        "job_service:photo_api_external_requests_timed:increase5m",
        "sum by (job, service) (increase(photo_api_external_request_duration_seconds_count{$api}[${5m}]))",
    ),
    by=("job", "service"),
    unit=Unit.RATIO,
    tiers=(
        warning("external-time/warning", 2, "5m", minimum=50),
        critical("external-time/critical", 5, "2m", minimum=50),
    ),
    summary=Text("외부 서비스가 느립니다: {service}", "External service {service} is slow"),
    description=_slow("{service} 요청", "requests to {service}"),
    next_steps=(
        Text(
            "그 서비스의 상태 페이지와 네트워크 경로를 확인합니다.", "Check the service's status page and the network."
        ),
        Text(
            "작업별(업로드, 다운로드, 토큰, 전송) 시간을 나누어 봅니다.",
            "Split the time by operation: upload, download, token, send.",
        ),
    ),
    stimulus=Slow(
        metric="photo_api_external_request_duration_seconds", having='service="cdn"', labels={"service": "cdn"}
    ),
)

UNREACHABLE_SERVICE: Final = Recording(
    "job_service:photo_api_dependency_unreachable:count",
    """
sum by (job, service) (
  label_replace(
    max_over_time(photo_api_dependency_up{$api, dependency=~"object_storage|cdn|log_service"}[${1m}]) == bool 0,
    "service", "$$1", "dependency", "(.+)"
  )
)
""",
)

STALLED_EXTERNAL_SERVICE: Final = Alert(
    name="SlowExternalService",
    subject="external-service-stalled",
    group=Group.PERFORMANCE,
    section="2.2",
    symptom_of=("ExternalServiceFailure",),
    value=UNREACHABLE_SERVICE,
    compare=">=",
    window="1m",
    by=("job", "service"),
    unit=Unit.COUNT,
    tiers=(critical("external-time/critical/outage", 1, "1m"),),
    summary=Text("외부 서비스가 응답하지 않습니다: {service}", "External service {service} does not answer"),
    description=Text(
        "인스턴스 {value}개에서 {service}의 상태 확인이 {window} 내내 실패했고, 그 상태가 {hold} 이상 이어졌습니다.",
        "On {value} instances every probe of {service} failed for {window}, and that for {hold}.",
    ),
    next_steps=(
        Text(
            "서비스 자체의 장애인지, 우리 쪽 자격 증명이나 네트워크인지 나눕니다.",
            "Is it the service, our credentials or our network?",
        ),
        Text(
            "복구까지 무엇이 안 되는지(업로드, 조회, 로그) 공지합니다.",
            "Announce what does not work until then: uploads, images, logs.",
        ),
    ),
    stimulus=Level(
        gauge='photo_api_dependency_up{dependency="cdn"}',
        level=lambda away: 1 - away,
        whole=True,
        lag="1m",
        labels={"service": "cdn"},
    ),
)

TOO_MANY_ACTIVE_SESSIONS: Final = Alert(
    name="TooManyActiveSessions",
    subject="active-sessions",
    group=Group.PERFORMANCE,
    section="2.3",
    symptom_of=("database", "object_storage"),
    value="max_over_time(photo_api_active_sessions{$api}[${2m}])",
    compare=">=",
    window="2m",
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning("sessions/warning", 100, "10m"), critical("sessions/critical", 200, "5m")),
    summary=Text("인스턴스 {instance}에 동시 요청이 많습니다", "Many requests at once on instance {instance}"),
    description=Text(
        "인스턴스 {instance}에서 인증된 요청 {value}개가 동시에 처리되고 있습니다. 기준 {threshold}개 이상이 "
        "{hold} 동안 이어졌습니다.",
        "Instance {instance} works on {value} authenticated requests at once; {threshold} or more for {hold}.",
    ),
    next_steps=(
        Text(
            "응답 시간이 함께 늘었는지 보고, 늘었다면 인스턴스를 추가합니다.",
            "If response times rise as well, add instances.",
        ),
        Text(
            "로드 밸런서가 한 인스턴스에 몰아 보내지 않는지 확인합니다.", "Check that the load balancer spreads evenly."
        ),
    ),
    stimulus=Level(gauge="photo_api_active_sessions", rest=5.0),
    cases=(
        Case(
            name="one failed scrape does not restart the clock",
            inputs={'photo_api_active_sessions{instance="api-1",job="photo-api"}': "250+0x15 stale 250+0x20"},
            expect={
                "4m30s": (),
                "9m": (Firing(severity="critical", labels={"job": "photo-api", "instance": "api-1"}, value=250),),
            },
        ),
    ),
)

ALERTS: Final = (
    SLOW_RESPONSE_TIME,
    VERY_SLOW_RESPONSE_TIME,
    SLOW_LOGIN,
    SLOW_IMAGE_ACCESS,
    SLOW_SHARE_LINK_ACCESS,
    SLOW_EXTERNAL_SERVICE,
    STALLED_EXTERNAL_SERVICE,
    TOO_MANY_ACTIVE_SESSIONS,
)
