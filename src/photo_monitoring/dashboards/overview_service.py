"""The upper three rows of the guide's board: is the service there, is it fast, is it sound."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import (
    COUNT,
    RATIO,
    REQUESTS_PER_MINUTE,
    SECONDS,
    Kind,
    Named,
    Panel,
    Query,
    Row,
    Step,
    per_minute,
)
from photo_monitoring.dashboards.patterns import quantile, spread

_READY: Final = "max by (instance) (photo_api_ready{$picked})\nor\n0 * max by (instance) (up{$picked})"

HEALTH: Final = Row(
    id=1,
    title=Text("서비스 상태 요약", "Service Health Overview"),
    panels=(
        Panel(
            id=11,
            title=Text("서비스 가용성", "Service availability"),
            about=Text(
                "서비스 준비 상태를 인스턴스마다 보여 줍니다. 1은 정상, 0은 시작·종료 중이거나 응답이 없는 상태입니다. "
                "드레인 중이 아닌데 0이면 그 인스턴스를 로드 밸런서에서 제외하고 로그를 확인하세요.",
                "Whether each instance is ready: 1 yes; 0 while it starts, drains or does not answer. At 0 without a "
                "planned drain, take the instance out of the load balancer and read its log.",
            ),
            kind=Kind.GAUGE,
            unit=COUNT,
            queries=(Query(_READY, "{{instance}}"),),
            home_of=("service-health", "fleet-health"),
            limits=(),
            steps=(Step(None, "red"), Step(0.5, "yellow"), Step(1, "green")),
            names=(Named(1, Text("정상", "ready"), "green"), Named(0, Text("중단", "down"), "red")),
            maximum=1,
            height=6,
        ),
        Panel(
            id=12,
            title=Text("활성 인스턴스 수", "Active instances"),
            about=Text(
                "정상 동작 중인 인스턴스 수입니다. 0이면 모든 요청이 실패하고 있습니다.",
                "How many instances are up and ready. At 0 every request fails.",
            ),
            kind=Kind.STAT,
            unit=COUNT,
            queries=(
                Query(
                    "sum(photo_api_ready{$picked} == bool 1)\nor\n0 * sum(up{$picked})",
                    Text("정상 인스턴스", "ready instances"),
                ),
            ),
            steps=(Step(None, "red"), Step(1, "green")),
            height=6,
        ),
        Panel(
            id=13,
            title=Text("요청 처리량", "Requests"),
            about=Text(
                "분당 요청 처리 수입니다. 헬스체크와 없는 경로는 빼고, 선택한 인스턴스와 엔드포인트만 더합니다.",
                "Requests answered in a minute, over the chosen instances and endpoints; health checks and unknown "
                "paths are left out.",
            ),
            kind=Kind.STAT,
            unit=REQUESTS_PER_MINUTE,
            queries=(
                Query(
                    "sum(rate(http_requests_total{$asked}[$rate])) * 60\nor\n0 * sum(up{$picked})",
                    Text("요청", "requests"),
                ),
            ),
            steps=(Step(None, "blue"),),
            height=6,
        ),
        Panel(
            id=14,
            title=Text("에러율", "Error rate"),
            about=Text(
                "요청 가운데 5xx로 끝난 비율입니다. 1%부터 경고, 5%부터 위험이며, 요청이 없으면 비어 있습니다.",
                "The share of requests that end in 5xx: a warning above 1 %, critical above 5 %. Blank where there are "
                "no requests.",
            ),
            kind=Kind.STAT,
            unit=RATIO,
            queries=(
                Query(
                    """
sum(rate(http_requests_total{$asked, status=~"5.."}[$rate]))
/
(sum(rate(http_requests_total{$asked}[$rate])) > 0)
""",
                    Text("에러율", "error rate"),
                ),
            ),
            home_of=("request-errors",),
            decimals=2,
            height=6,
        ),
    ),
)

PERFORMANCE: Final = Row(
    id=2,
    title=Text("성능 지표", "Performance Metrics"),
    panels=(
        Panel(
            id=21,
            title=Text("응답 시간 분포", "Response times"),
            about=Text(
                "전체 요청의 응답 시간 분포입니다. P50은 보통, P95는 20명 중 가장 느린 1명, P99는 최악의 경험입니다. "
                "응답 본문의 첫 바이트까지 재며, 직접 업로드는 회선 속도에 좌우되므로 뺍니다.",
                "How response times are spread: P50 is the usual experience, P95 the slowest of twenty, P99 the worst "
                "cases. To the first byte of the answer; direct uploads, as slow as the client's line, are left out.",
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=tuple(Query(quantile(f"0.{part}"), f"P{part}") for part in (50, 95, 99)),
            home_of=("response-time", "response-time-p99"),
        ),
        Panel(
            id=22,
            title=Text("엔드포인트별 응답 시간", "Response time by endpoint"),
            about=Text(
                "엔드포인트별 P95 응답 시간입니다. 요청이 없는 엔드포인트는 나오지 않습니다.",
                "P95 of each endpoint that has requests.",
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(Query(quantile("0.95", ", handler").strip() + " > 0", "{{handler}}"),),
            limits=("response-time",),
        ),
        Panel(
            id=23,
            title=Text("로그인 성능", "Login time"),
            about=Text(
                "로그인 성공·실패별 P95 응답 시간입니다. 성공이 느려지면 비밀번호 해싱이나 DB를, 실패만 늘면 공격을 "
                "의심하세요. 임계선은 성공한 로그인의 기준입니다.",
                "P95 of logins that succeed and that fail. Slow successes point to hashing or the database; the lines "
                "are the limits of those.",
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (le, result) "
                    "(rate(photo_api_login_duration_seconds_bucket{$picked}[$rate]))) > 0",
                    "{{result}}",
                ),
            ),
            home_of=("login-time",),
        ),
        Panel(
            id=24,
            title=Text("이미지 접근 성능", "Image access time"),
            about=Text(
                "인증된 사용자와 공유 링크의 이미지 접근 P95 시간입니다. 거부된 요청은 빠르므로 성공만 셉니다.",
                "P95 of image requests by signed-in users and through share links; denials, which are quick, are left "
                "out.",
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (le, access_type) "
                    '(rate(photo_api_image_access_duration_seconds_bucket{$picked, result="success"}[$rate]))) > 0',
                    "{{access_type}}",
                ),
            ),
            home_of=("image-time",),
        ),
    ),
)

STABILITY: Final = Row(
    id=3,
    title=Text("안정성 지표", "Stability Metrics"),
    panels=(
        Panel(
            id=31,
            title=Text("예외 발생 추이", "Exceptions"),
            about=Text(
                "분당 처리되지 않은 예외 수입니다. 0이 정상이며, 배포 표시와 겹치면 되돌리는 것을 먼저 검토하세요.",
                "Unhandled exceptions in a minute; 0 is normal. Where they begin at a deployment, think of rolling it "
                "back first.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("exceptions"),
            queries=spread("photo_api_exceptions_total"),
            home_of=("exceptions",),
        ),
        Panel(
            id=32,
            title=Text("DB 에러 추이", "Database errors"),
            about=Text(
                "분당 DB 에러 수입니다. 연결, 쿼리, 커밋 실패만 세며 401이나 404는 세지 않습니다.",
                "Database errors in a minute: connections, statements and commits that failed, never a 401 or 404.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("errors"),
            queries=spread("photo_api_db_errors_total"),
            home_of=("db-errors",),
        ),
        Panel(
            id=33,
            title=Text("외부 서비스 에러", "External service errors"),
            about=Text(
                "외부 서비스별 분당 에러 수입니다. 알림은 비율(상세 보드)로 판단합니다.",
                "Errors in a minute by external service; alerts judge their share (detail board).",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("errors"),
            queries=(
                Query(
                    "sum by (service) (rate(photo_api_external_request_errors_total{$external}[$rate])) * 60",
                    "{{service}}",
                ),
            ),
        ),
        Panel(
            id=34,
            title=Text("로그 큐 크기", "Log queue"),
            about=Text(
                "로그 서비스로 전송을 기다리는 로그 수입니다. "
                "계속 늘면 로그 서비스나 네트워크 장애이며 메모리도 늘어납니다.",
                "Log entries waiting to be sent. When it keeps growing, the log service or the network is in trouble, "
                "and memory grows with it.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(Query("max by (instance) (photo_api_log_queue_size{$picked})", "{{instance}}"),),
            home_of=("log-queue",),
        ),
    ),
)
