"""Every metric that this system's rules read from the service: sections 1–7 of the monitoring guide, and what they
lack.

Names, types, labels and buckets are the guide's. Where its letter would leave a rule blind, `note` says what is
different: buckets gain every threshold that a criterion compares with, and a few metrics of our own carry what the
guide's criteria need but its metrics cannot tell. Only the recorder imports this module: another service may declare
a catalog of its own.
"""

from __future__ import annotations

from functools import partial

from photo_metrics.spec import OTHER_KEY, LabelKind, LabelSpec, MetricSpec, MetricType, Text

MAX_CLIENTS = 200
MAX_USERS = 100


_counter = partial(MetricSpec, type=MetricType.COUNTER)
_gauge = partial(MetricSpec, type=MetricType.GAUGE)
_histogram = partial(MetricSpec, type=MetricType.HISTOGRAM)


def _closed(name: str, *values: str, fallback: str | None = None) -> LabelSpec:
    return LabelSpec(name, LabelKind.CLOSED, values, fallback)


_SERVICE = _closed("service", "object_storage", "cdn", "log_service")
_TOKEN_STATUS = _closed("token_status", "valid", "invalid", "expired")
_ACCESS_TYPE = _closed("access_type", "authenticated", "shared")
_ACCESS_RESULT = _closed("result", "success", "denied")
_ENDPOINT = LabelSpec("endpoint", LabelKind.ROUTE, fallback="OTHER")
_CLIENT_ID = LabelSpec("client_id", LabelKind.BOUNDED, fallback=OTHER_KEY, limit=MAX_CLIENTS)
_USER_ID = LabelSpec("user_id", LabelKind.BOUNDED, fallback=OTHER_KEY, limit=MAX_USERS)
_HTTP = (
    _closed("method", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", fallback="OTHER"),
    LabelSpec("handler", LabelKind.ROUTE, fallback="OTHER"),
    LabelSpec("status", LabelKind.STATUS),
)
_THRESHOLDS = Text(
    ko="기준값마다 정확한 버킷 경계가 있어야 하므로 가이드의 버킷에 임계값을 더했다.",
    en="The guide's bounds plus every threshold: only at a bound can a criterion be decided exactly.",
)
_MAX_NOT_SUM = Text(
    ko="모든 인스턴스가 데이터베이스 합계를 게시한다: sum이 아니라 max by로 읽고, rate 대신 deriv나 delta를 쓴다.",
    en="Every instance publishes the database's total: read it with max by, never sum; deriv or delta, never rate.",
)

# 1. Availability

READY = _gauge(
    name="photo_api_ready",
    help=Text(
        ko="애플리케이션 준비 상태 (1=정상, 0=시작 또는 종료 중).",
        en="Whether the instance wants traffic: 1 yes, 0 while starting or draining.",
    ),
    guide="1.1",
    note=Text(
        ko="종료 신호를 받으면 0이 된 뒤에도 드레인 시간 동안 계속 응답하므로 0이 수집된다.",
        en="After SIGTERM the instance goes on answering for the drain period, so that a scrape sees the 0.",
    ),
)
APP_INFO = _gauge(
    name="photo_api_app_info",
    help=Text(
        ko="애플리케이션과 노드의 식별 정보 (값은 항상 1).", en="Identity of the application and its node; always 1."
    ),
    labels=tuple(LabelSpec(name, LabelKind.IDENTITY) for name in ("node", "app", "version", "environment")),
    guide="1.1",
)
DRAIN_DEADLINE = _gauge(
    name="photo_api_drain_deadline_timestamp_seconds",
    help=Text(
        ko="계획된 드레인과 재시작이 끝나야 하는 유닉스 시각 (드레인 중이 아니면 0).",
        en="Unix time by which a planned drain and restart should be over; 0 while none is under way.",
    ),
    note=Text(
        ko="계획된 드레인은 호출하지 않는다: 인스턴스별 다운 규칙은 이 시각까지 기다린다.",
        en="A planned drain must not page: the per-instance down rules leave the instance alone until then.",
    ),
)
DEPENDENCY_UP = _gauge(
    name="photo_api_dependency_up",
    help=Text(
        ko="의존 서비스에 닿을 수 있는지 (1 또는 0).", en="Whether the last probe of a dependency succeeded: 1 or 0."
    ),
    labels=(_closed("dependency", "database", "object_storage", "log_service", "cdn", "redis"),),
    precreate=False,
    note=Text(
        ko="'DB 연결 불가'와 '완전 실패'를 판정한다. 확인하기 전이나 쓰지 않는 의존 서비스에는 시계열이 없다.",
        en='Decides "database unreachable" and "complete failure". No series before a probe, nor for what is unused.',
    ),
)

# 2. Performance

HTTP_DURATION = _histogram(
    name="http_request_duration_seconds",
    help=Text(
        ko="HTTP 요청 처리 시간: 응답 본문의 첫 바이트까지.",
        en="Time from receiving a request to the first byte of its response body.",
    ),
    labels=_HTTP,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 3.0, 5.0, 10.0),
    guide="2.1",
    note=_THRESHOLDS,
)
HTTP_REQUESTS = _counter(
    name="http_requests_total",
    help=Text(ko="총 HTTP 요청 수.", en="HTTP requests answered."),
    labels=_HTTP,
    guide="2.1",
    note=Text(
        ko="handler는 라우트 템플릿이며 맞는 라우트가 없으면 none, API 문서에 없는 라우트는 OTHER. status는 전체 코드, "
        "응답 전에 끊긴 요청은 499.",
        en="handler is the route template, none where no route matched, OTHER for routes outside the API description; "
        "status is the full code, 499 where the client left before the response began.",
    ),
)
LOGIN_DURATION = _histogram(
    name="photo_api_login_duration_seconds",
    help=Text(ko="로그인 요청 처리 시간.", en="Time to decide a login."),
    labels=(_closed("result", "success", "failure"),),
    buckets=(0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0),
    guide="2.2",
    note=_THRESHOLDS,
)
IMAGE_ACCESS_DURATION = _histogram(
    name="photo_api_image_access_duration_seconds",
    help=Text(ko="이미지 접근 요청 처리 시간.", en="Time to answer a request for an image, to its first byte."),
    labels=(_ACCESS_TYPE, _ACCESS_RESULT),
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0),
    guide="2.2",
    note=_THRESHOLDS,
)
SHARE_LINK_ACCESS_DURATION = _histogram(
    name="photo_api_share_link_access_duration_seconds",
    help=Text(ko="공유 링크 접근 요청 처리 시간.", en="Time to answer a visit to a share link."),
    labels=(_TOKEN_STATUS, _ACCESS_RESULT),
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 3.0, 5.0, 10.0),
    guide="2.2",
    note=_THRESHOLDS,
)
EXTERNAL_DURATION = _histogram(
    name="photo_api_external_request_duration_seconds",
    help=Text(
        ko="외부 서비스 요청 처리 시간 (실패와 시간 초과 포함).",
        en="Time of requests to external services, failures and time-outs included.",
    ),
    labels=(_SERVICE,),
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0),
    guide="2.2",
    note=_THRESHOLDS,
)
EXTERNAL_OPERATION_DURATION = _histogram(
    name="photo_api_external_operation_duration_seconds",
    help=Text(
        ko="외부 서비스 요청 처리 시간, 작업별.",
        en="Time of requests to external services by operation, failures and time-outs included.",
    ),
    labels=(_SERVICE, _closed("operation", "upload", "download", "token", "send", "delete", "head")),
    buckets=(0.05, 0.25, 1.0, 2.0, 5.0),
    combinations=(
        *(("object_storage", operation) for operation in ("upload", "download", "token", "delete", "head")),
        ("cdn", "token"),
        ("cdn", "head"),
        ("log_service", "send"),
    ),
    note=Text(
        ko="가이드는 업로드·다운로드, CDN 토큰 생성, 로그 전송을 따로 보라고 하지만 그 지표에는 작업 라벨이 없다.",
        en="The guide asks to watch uploads, downloads, CDN tokens and log sending apart; its metric cannot.",
    ),
)
EXTERNAL_IN_FLIGHT = _gauge(
    name="photo_api_external_requests_in_flight",
    help=Text(ko="진행 중인 외부 서비스 요청 수.", en="Requests to external services under way."),
    labels=(_SERVICE,),
    note=Text(
        ko="응답 없는 서비스는 시간 초과까지 어떤 히스토그램에도 나타나지 않는다.",
        en="A service that hangs shows in no histogram until its time-out.",
    ),
)
ACTIVE_SESSIONS = _gauge(
    name="photo_api_active_sessions",
    help=Text(
        ko="현재 처리 중인 인증된 요청 수 (인스턴스별).", en="Authenticated requests in flight on this instance."
    ),
    guide="2.3",
)
EVENT_LOOP_LAG = _counter(
    name="photo_api_event_loop_lag_seconds_total",
    help=Text(
        ko="이벤트 루프가 예정보다 늦게 깨어난 시간의 합.",
        en="Time by which the event loop woke later than asked, summed.",
    ),
    note=Text(
        ko="rate는 루프가 막혀 있던 시간의 비율이다.",
        en="Its rate is the share of time for which the loop was blocked.",
    ),
)

# 3. Stability

EXCEPTIONS = _counter(
    name="photo_api_exceptions_total",
    help=Text(ko="처리되지 않은 예외 총 수.", en="Exceptions that no handler expected."),
    guide="3.1",
)
DB_ERRORS = _counter(
    name="photo_api_db_errors_total",
    help=Text(
        ko="데이터베이스 세션과 트랜잭션 에러 총 수.", en="Errors of the database: connections, statements, commits."
    ),
    guide="3.1",
    note=Text(
        ko="데이터베이스 에러만 센다: 의존성을 거쳐 나온 401이나 404는 세지 않는다.",
        en="Database errors alone, never a 401 or 404 that was raised through a dependency.",
    ),
)
DB_TRANSACTIONS = _counter(
    name="photo_api_db_transactions_total",
    help=Text(ko="데이터베이스 트랜잭션 수, 결과별.", en="Transactions of the database, by outcome."),
    labels=(_closed("outcome", "committed", "rolled_back", "failed"),),
    note=Text(
        ko="rolled_back은 서비스가 스스로 되돌린 것(예: 없는 앨범), failed는 데이터베이스가 실패한 것이다.",
        en="rolled_back is the service's own wish (no such album, say), failed is the database's doing.",
    ),
)
DB_POOL_SIZE = _gauge(
    name="photo_api_db_pool_size",
    help=Text(
        ko="인스턴스가 데이터베이스에 열 수 있는 연결 수.", en="Connections that the instance may have to the database."
    ),
)
DB_POOL_IN_USE = _gauge(
    name="photo_api_db_pool_in_use",
    help=Text(ko="사용 중인 데이터베이스 연결 수.", en="Connections to the database that are in use."),
)
DB_POOL_WAITING = _gauge(
    name="photo_api_db_pool_waiting",
    help=Text(ko="데이터베이스 연결을 기다리는 호출 수.", en="Callers that wait for a connection to the database."),
)
DB_POOL_WAIT = _histogram(
    name="photo_api_db_pool_wait_duration_seconds",
    help=Text(
        ko="데이터베이스 연결을 얻기까지 걸린 시간 (포기한 경우 포함).",
        en="Time until a caller got a connection to the database, or gave up.",
    ),
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0),
    note=Text(
        ko="연결을 새로 여는 시간도 포함한다. 오르면 풀이 모자라거나 문장이 느린 것이다.",
        en="Opening a connection is part of it. Where it grows the pool is too small, or statements are slow.",
    ),
)
EXTERNAL_ERRORS = _counter(
    name="photo_api_external_request_errors_total",
    help=Text(ko="외부 API 요청 실패 총 수.", en="Requests to external services that failed."),
    labels=(_SERVICE,),
    guide="3.1",
    note=Text(
        ko="분모는 photo_api_external_request_duration_seconds_count이다.",
        en="The total to divide by is photo_api_external_request_duration_seconds_count.",
    ),
)
EXTERNAL_TIMEOUTS = _counter(
    name="photo_api_external_request_timeouts_total",
    help=Text(
        ko="시간 초과로 끝난 외부 서비스 요청 총 수.", en="Requests to external services that ended in a time-out."
    ),
    labels=(_SERVICE,),
    note=Text(
        ko="photo_api_external_request_errors_total에도 포함된다: 느린 것과 거절하는 것을 구별한다.",
        en="Counted in photo_api_external_request_errors_total too: tells silence from refusal.",
    ),
)
BREAKER_STATE = _gauge(
    name="photo_api_external_breaker_state",
    help=Text(
        ko="외부 서비스 서킷 브레이커 상태 (0=닫힘, 1=반열림, 2=열림).",
        en="Circuit breaker of an external service: 0 closed, 1 half-open, 2 open.",
    ),
    labels=(_SERVICE,),
    note=Text(
        ko="열려 있는 동안의 호출은 보내지 않으므로 오류율과 처리 시간에 나타나지 않는다.",
        en="Calls that an open breaker refuses are never sent, so they show in no error rate and no duration.",
    ),
)
BREAKER_OPENINGS = _counter(
    name="photo_api_external_breaker_openings_total",
    help=Text(ko="서킷 브레이커가 열린 횟수.", en="Times that a circuit breaker opened."),
    labels=(_SERVICE,),
    note=Text(
        ko="시험 호출이 실패해 다시 열린 것도 센다.",
        en="Opening again after a failed trial counts too.",
    ),
)
LOG_QUEUE_SIZE = _gauge(
    name="photo_api_log_queue_size",
    help=Text(ko="로그 서비스 전송 대기 중인 로그 수.", en="Log entries waiting to be sent to the log service."),
    guide="3.2",
)
LOG_DROPPED = _counter(
    name="photo_api_log_dropped_total",
    help=Text(ko="전송하지 못하고 버린 로그 수.", en="Log entries given up, by reason."),
    labels=(_closed("reason", "queue_full", "send_failed", "rejected", "shutdown", "other", fallback="other"),),
    note=Text(
        ko="큐가 차면 가장 오래된 로그를 버리고 여기에 센다.",
        en="A full queue drops its oldest entry and counts it here, else the loss would be silent.",
    ),
)

# 4. Security

RATE_LIMIT_HITS = _counter(
    name="photo_api_rate_limit_hits_total",
    help=Text(ko="Rate limit에 걸려 차단된 요청 수.", en="Requests that a rate limit blocked."),
    labels=(_ENDPOINT, _CLIENT_ID),
    guide="4.1",
    note=Text(
        ko="endpoint는 라우트 템플릿, client_id는 네트워크 접두사(IPv4 /24, IPv6 /48)이며 200개까지, 나머지는 other.",
        en="endpoint is the route template; client_id a network (IPv4 /24, IPv6 /48), at most 200, else other.",
    ),
)
RATE_LIMIT_REQUESTS = _counter(
    name="photo_api_rate_limit_requests_total",
    help=Text(ko="Rate limit 검사를 받은 총 요청 수.", en="Requests that a rate limit checked."),
    labels=(_ENDPOINT, _closed("status", "allowed", "blocked")),
    guide="4.1",
)
RATE_LIMIT_FALLBACKS = _counter(
    name="photo_api_rate_limit_fallbacks_total",
    help=Text(
        ko="Redis를 쓸 수 없어 인스턴스 혼자 센 Rate limit 검사 수.",
        en="Rate limit checks that an instance counted alone, because Redis was away.",
    ),
    note=Text(
        ko="늘어나는 동안 한도는 인스턴스마다 따로 적용된다. Redis를 설정하지 않으면 0이다.",
        en="While it grows, each instance applies the limits on its own. 0 where no Redis is configured.",
    ),
)
BRUTE_FORCE_ATTEMPTS = _counter(
    name="photo_api_share_link_brute_force_attempts_total",
    help=Text(ko="무효한 토큰으로 공유 링크에 접근한 횟수.", en="Visits to share links with an invalid token."),
    labels=(_CLIENT_ID,),
    guide="4.2",
    note=Text(
        ko="두 공유 엔드포인트 모두에서 센다. 제한된 요청은 rate_limit_hits에 있으므로 IP별 규칙은 둘을 더한다.",
        en="Counted on both share endpoints. Limited requests are hits, so the per-client rule adds both.",
    ),
)
SHARE_LINK_ACCESS = _counter(
    name="photo_api_share_link_access_total",
    help=Text(ko="공유 링크 접근 시도 총 수.", en="Visits to share links."),
    labels=(_TOKEN_STATUS, _ACCESS_RESULT),
    guide="4.2",
    note=Text(
        ko="폐기된 링크는 expired, 5xx는 denied로 센다.", en="A revoked link counts as expired, a 5xx as denied."
    ),
)
SHARE_LINK_IMAGE_ACCESS = _counter(
    name="photo_api_share_link_image_access_total",
    help=Text(ko="공유 링크를 통한 이미지 접근 시도 수.", en="Requests for images through share links."),
    labels=(_TOKEN_STATUS, _closed("photo_in_album", "yes", "no")),
    guide="4.2",
    note=Text(
        ko="무효한 토큰이면 photo_in_album은 no이므로 규칙은 token_status=valid만 읽는다.",
        en="With an invalid token photo_in_album is no; its rule reads token_status=valid only.",
    ),
)
IMAGE_ACCESS = _counter(
    name="photo_api_image_access_total",
    help=Text(ko="이미지 접근 시도 총 수.", en="Requests for images."),
    labels=(_ACCESS_TYPE, _ACCESS_RESULT),
    guide="4.3",
)

IMAGE_DELIVERY = _counter(
    name="photo_api_image_delivery_total",
    help=Text(
        ko="허용된 이미지 요청이 나간 방법 (CDN으로 리다이렉트, 스트리밍, CDN 대신 스트리밍).",
        en="How permitted images left: redirect to the CDN, stream, or stream because the CDN was away (fallback).",
    ),
    labels=(_closed("via", "redirect", "stream", "fallback"),),
    note=Text(
        ko="가이드의 지표로는 CDN 장애로 직접 보낸 이미지를 알 수 없다. 304는 세지 않는다.",
        en="The guide's metrics cannot tell an image that was streamed for want of the CDN. A 304 is not counted.",
    ),
)

# 7. Growth (section 5 is node_exporter's, section 6 reads http_requests_total)

USERS = _gauge(
    name="photo_api_users_total",
    help=Text(ko="전체 회원수와 활성 회원수.", en="Users: all, and those active (enabled, logged in within 30 days)."),
    labels=(_closed("status", "total", "active"),),
    guide="7.1",
    note=_MAX_NOT_SUM,
    precreate=False,
)
ALBUMS = _gauge(
    name="photo_api_albums_total",
    help=Text(ko="전체 앨범 수와 공유 앨범 수.", en="Albums: all, and those shared."),
    labels=(_closed("type", "total", "shared"),),
    guide="7.1",
    note=_MAX_NOT_SUM,
    precreate=False,
)
PHOTOS = _gauge(
    name="photo_api_photos_total",
    help=Text(ko="전체 사진 수.", en="Confirmed photos."),
    guide="7.1",
    note=_MAX_NOT_SUM,
    precreate=False,
)
SHARE_LINKS = _gauge(
    name="photo_api_share_links_total",
    help=Text(ko="전체 공유 링크 수와 활성 공유 링크 수.", en="Share links: all, and those open."),
    labels=(_closed("status", "total", "active"),),
    guide="7.1",
    note=_MAX_NOT_SUM,
    precreate=False,
)
STORAGE_BYTES = _gauge(
    name="photo_api_object_storage_usage_bytes",
    help=Text(ko="전체 Object Storage 사용량.", en="Bytes of all confirmed photos."),
    guide="7.2",
    note=_MAX_NOT_SUM,
    precreate=False,
)
STORAGE_BYTES_BY_USER = _gauge(
    name="photo_api_object_storage_usage_by_user_bytes",
    help=Text(ko="사용자별 Object Storage 사용량.", en="Bytes of confirmed photos by user."),
    labels=(LabelSpec("user_id", LabelKind.BOUNDED, fallback=OTHER_KEY, limit=2 * MAX_USERS),),
    guide="7.2",
    note=Text(
        ko="가장 많이 쓰는 100명과 지금 많이 올리는 사용자, 나머지는 other. 합계이므로 max by로 읽는다.",
        en="The 100 largest users and those uploading much now; the rest together is other. A total: read with max by.",
    ),
    precreate=False,
)
UPLOADED_BYTES = _counter(
    name="photo_api_photo_upload_size_total_bytes",
    help=Text(ko="누적 사진 업로드 용량.", en="Bytes of photos confirmed by this instance."),
    labels=(_USER_ID,),
    guide="7.2",
    note=Text(
        ko="이름이 _total로 끝나지 않아 OpenMetrics에서는 unknown이다. 시간당 기준 이하의 사용자는 other이다.",
        en="Its name does not end in _total, so OpenMetrics calls it unknown. Users below the hourly floor are other.",
    ),
)
UPLOADED_LAST_HOUR = _gauge(
    name="photo_api_photo_upload_last_hour_bytes",
    help=Text(
        ko="최근 한 시간 동안 사용자가 업로드한 바이트 (이 인스턴스).",
        en="Bytes that a user uploaded to this instance within the last hour.",
    ),
    labels=(_USER_ID,),
    note=Text(
        ko="시간당 기준은 이 값의 인스턴스 합을 읽는다: 카운터에서는 처음 올린 바이트가 other에 있다.",
        en="What the per-hour criteria read, summed over instances: a newcomer's first bytes count under other.",
    ),
)
BUSINESS_LAST_SUCCESS = _gauge(
    name="photo_api_business_metrics_last_success_timestamp_seconds",
    help=Text(
        ko="비즈니스 합계를 마지막으로 읽은 유닉스 시각 (아직 없으면 시작 시각).",
        en="Unix time at which the business totals were last read; the start's while they never were.",
    ),
    note=Text(ko="합계가 멈춘 것을 알아챈다.", en="Tells that the totals have gone stale."),
)

CATALOG: tuple[MetricSpec, ...] = tuple(value for value in list(globals().values()) if isinstance(value, MetricSpec))
"""Every declaration above, in the guide's order."""

NAMING_EXCEPTIONS: frozenset[str] = frozenset(
    spec.name for spec in (USERS, ALBUMS, PHOTOS, SHARE_LINKS, UPLOADED_BYTES)
)
"""The names that break Prometheus' conventions because the guide says so; the naming linter excuses these and no
other."""
