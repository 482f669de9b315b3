"""The fleet board's rows on the load balancer (HAProxy's own metrics) and on what a probe through it sees."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import (
    COUNT,
    DAYS,
    PER_SECOND,
    SECONDS,
    STATE,
    Kind,
    Named,
    Panel,
    Query,
    Row,
    per_minute,
)

_SERVER: Final = "{{server}}"
_SERVER_STATES: Final = (
    Named(2, Text("정상", "up"), "green"),
    Named(1, Text("드레인", "draining"), "yellow"),
    Named(0, Text("중단", "down"), "red"),
)

BALANCER: Final = Row(
    id=4,
    title=Text("로드 밸런서", "Load balancer"),
    panels=(
        Panel(
            id=41,
            title=Text("서버 상태", "Servers"),
            about=Text(
                "HAProxy가 본 서버 상태입니다. 정상인 서버로만 요청을 보냅니다.",
                "Each server as HAProxy sees it; only those that are up get requests.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(
                Query(
                    'max by (proxy, server) (haproxy_server_status{$haproxy, state="UP"} * 2)\n'
                    "+ on (proxy, server)\n"
                    'max by (proxy, server) (haproxy_server_status{$haproxy, state="DRAIN"})',
                    _SERVER,
                ),
            ),
            names=_SERVER_STATES,
            minimum=None,
            width=12,
            height=6,
        ),
        Panel(
            id=42,
            title=Text("사용자 응답 코드", "Answers to users"),
            about=Text(
                "로드 밸런서가 사용자에게 보낸 초당 응답입니다. 살아 있는 서버가 없을 때의 503도 여기에는 남습니다.",
                "Answers in a second that the load balancer gave to users; even the 503 of a fleet that is all dead "
                "shows here.",
            ),
            kind=Kind.TIME_SERIES,
            unit=PER_SECOND,
            queries=(
                Query(
                    'sum by (code) (rate(haproxy_frontend_http_responses_total{$balancer, code=~"[2-5]xx"}[$rate]))',
                    "{{code}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            id=43,
            title=Text("서버별 응답 시간", "Response time by server"),
            about=Text(
                "최근 1024개 요청의 서버별 평균 응답 시간입니다.", "Average over each server's last 1,024 requests."
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(
                Query("max by (proxy, server) (haproxy_server_response_time_average_seconds{$haproxy})", _SERVER),
            ),
        ),
        Panel(
            id=44,
            title=Text("재시도와 재분배", "Retries and redispatches"),
            about=Text(
                "다시 보낸 요청 수입니다. 늘면 사용자는 모르지만 어느 서버가 연결을 끊고 있습니다.",
                "Requests that were sent again in a minute: users do not notice, but a server drops connections.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("requests"),
            queries=(
                Query(
                    "sum(rate(haproxy_backend_retry_warnings_total{$haproxy}[$rate])) * 60",
                    Text("재시도", "retried"),
                    colour="orange",
                ),
                Query(
                    "sum(rate(haproxy_backend_redispatch_warnings_total{$haproxy}[$rate])) * 60",
                    Text("다른 서버로", "sent to another server"),
                    colour="purple",
                ),
            ),
        ),
        Panel(
            id=45,
            title=Text("헬스체크 실패", "Failed health checks"),
            about=Text(
                "로드 밸런서의 헬스체크가 실패한 횟수입니다. 드레인과 재시작 때도 잠시 오릅니다.",
                "Health checks of the load balancer that failed; a drain and a restart fail some, too.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("checks"),
            queries=(
                Query("sum by (server) (rate(haproxy_server_check_failures_total{$haproxy}[$rate])) * 60", _SERVER),
            ),
        ),
        Panel(
            id=46,
            title=Text("대기열과 세션", "Queue and sessions"),
            about=Text(
                "처리 중인 세션과 서버를 기다리는 요청 수입니다. 대기열이 0이 아니면 서버가 모자랍니다.",
                "Sessions under way, and requests waiting for a server: any queue means too few servers.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query("sum(haproxy_frontend_current_sessions{$balancer})", Text("세션", "sessions"), colour="blue"),
                Query("sum(haproxy_backend_current_queue{$haproxy})", Text("대기", "queued"), colour="red"),
            ),
        ),
    ),
)

OUTSIDE: Final = Row(
    id=5,
    title=Text("밖에서 본 서비스", "Seen from outside"),
    panels=(
        Panel(
            id=51,
            title=Text("블랙박스 프로브", "Black-box probe"),
            about=Text(
                "로드 밸런서를 거친 외부 점검 결과입니다. 인스턴스가 모두 정상인데 실패하면 로드 밸런서나 네트워크 "
                "문제입니다.",
                "What a probe through the load balancer sees. Where it fails while all instances are ready, look at "
                "the "
                "load balancer or the network.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(Query("probe_success{$probe}", "{{instance}}"),),
            home_of=("probe",),
            limits=(),
            names=(Named(1, Text("성공", "ok"), "green"), Named(0, Text("실패", "failed"), "red")),
            minimum=None,
            width=12,
            height=6,
        ),
        Panel(
            id=52,
            title=Text("프로브 응답 시간", "Probe duration"),
            about=Text("외부 점검 한 번에 걸린 시간입니다.", "How long one probe took."),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(Query("probe_duration_seconds{$probe}", "{{instance}}"),),
            height=6,
        ),
        Panel(
            id=53,
            title=Text("TLS 인증서 남은 기간", "TLS certificate"),
            about=Text(
                "인증서가 만료될 때까지 남은 날입니다. 21일 아래면 경고, 7일 아래면 위험입니다.",
                "Days until the certificate expires: a warning below 21, critical below 7.",
            ),
            kind=Kind.STAT,
            unit=DAYS,
            queries=(
                Query(
                    "min by (instance) ((probe_ssl_earliest_cert_expiry{$probe} - time()) / 86400)",
                    "{{instance}}",
                    absent="only an address with TLS has a certificate",
                ),
            ),
            home_of=("tls-certificate",),
            decimals=0,
            minimum=None,
            height=6,
        ),
    ),
)
