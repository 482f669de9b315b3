"""The detail board's row on section 3 of the guide: exceptions, the database, external services, the log queue."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.detail_requests import by_identity
from photo_monitoring.dashboards.panels import BYTES, COUNT, RATIO, SECONDS, STATE, Query, Row, per_hour, per_minute
from photo_monitoring.dashboards.patterns import lines, one, quantile, ratio

_EXCEPTIONS: Final = "photo_api_exceptions_total"
_DB: Final = "photo_api_db_errors_total"
_ERRORS: Final = "photo_api_external_request_errors_total"
_QUEUE: Final = "photo_api_log_queue_size"
_ASKED: Final = "sum(rate(http_requests_total{$asked}[$rate]))"
_FAILED: Final = 'sum(rate(http_requests_total{$asked, status=~"5.."}[$rate]))'
_FAULTS: Final = Text("예외", "exceptions")
_DB_FAULTS: Final = Text("DB 에러", "database errors")
_PER_MINUTE: Final = per_minute("errors")


def _failures(service: str) -> tuple[Query, ...]:
    selector = f'{{$picked, service="{service}"}}'
    return (
        one(f"sum(rate({_ERRORS}{selector}[$rate])) * 60", Text("분당 에러", "errors a minute"), "red"),
        one(
            f'min(photo_api_dependency_up{{$picked, dependency="{service}"}})',
            Text("연결(1=정상)", "reachable (1 = yes)"),
            "green",
            unit=STATE,
            absent="blank where the service is not used" if service == "cdn" else None,
        ),
    )


STABILITY: Final = Row(
    id=5,
    title=Text("3. 안정성", "3. Stability"),
    panels=(
        lines(
            501,
            Text("예외 빈도와 추세", "Exceptions: frequency and trend"),
            Text(
                "분당 예외 수와 최근 1시간의 합계입니다. 합계가 서서히 오르면 드물어도 늘고 있는 것입니다.",
                "Exceptions in a minute, and in the last hour: where that creeps up they are rare but growing.",
            ),
            per_minute("exceptions"),
            one(f"sum(rate({_EXCEPTIONS}{{$picked}}[$rate])) * 60", Text("분당", "a minute"), "red"),
            one(
                f"sum(increase({_EXCEPTIONS}{{$picked}}[${{1h}}]))",
                Text("1시간 합계", "in an hour"),
                "orange",
                unit=COUNT,
            ),
            limits=("exceptions",),
            points=(f"{_EXCEPTIONS}: frequency and trend",),
        ),
        lines(
            502,
            Text("예외와 다른 지표", "Exceptions beside other metrics"),
            Text(
                "예외, DB 에러, 5xx를 겹치고 응답 시간을 오른쪽 축에 둡니다. 함께 시작한 것이 원인의 단서입니다.",
                "Exceptions, database errors and 5xx together, response time on the right: what begins with them is a "
                "lead to the cause.",
            ),
            _PER_MINUTE,
            one(f"sum(rate({_EXCEPTIONS}{{$picked}}[$rate])) * 60", _FAULTS, "yellow"),
            one(f"sum(rate({_DB}{{$picked}}[$rate])) * 60", _DB_FAULTS, "purple"),
            one(f"{_FAILED} * 60", Text("5xx", "5xx"), "red"),
            one(quantile("0.95"), Text("응답 시간 P95", "response time P95"), "orange", unit=SECONDS),
            points=(f"{_EXCEPTIONS}: beside other metrics at that time",),
        ),
        lines(
            503,
            Text("버전별 예외", "Exceptions by version"),
            Text(
                "새 버전에서만 나면 코드 버그, 모든 버전에서 나면 환경 문제입니다.",
                "In the new version alone it is a bug, in all of them the environment.",
            ),
            per_minute("exceptions"),
            Query(
                by_identity(f"sum by (job, instance) (rate({_EXCEPTIONS}{{$picked}}[$rate])) * 60", "version"),
                "{{version}}",
            ),
            points=(f"{_EXCEPTIONS}: faults in code or environment",),
        ),
        lines(
            504,
            Text("DB 장애 조기 신호", "Early signs of a database outage"),
            Text(
                "DB 에러가 먼저 늘고, 연결이 1에서 0으로 떨어지면 장애입니다.",
                "Errors come first; when reachability falls from 1 to 0 it is an outage.",
            ),
            _PER_MINUTE,
            one(f"sum(rate({_DB}{{$picked}}[$rate])) * 60", _DB_FAULTS, "purple"),
            one(
                'min(photo_api_dependency_up{$picked, dependency="database"})',
                Text("연결(1=정상)", "reachable (1 = yes)"),
                "green",
                unit=STATE,
            ),
            limits=("db-errors",),
            points=(f"{_DB}: early sight of a database outage",),
        ),
        lines(
            505,
            Text("DB 에러와 동시 요청", "Database errors and sessions"),
            Text(
                "동시 요청이 몰릴 때 DB 에러가 나면 연결 풀이 모자란 것입니다.",
                "Errors that come with many sessions at once are a connection pool that is used up.",
            ),
            _PER_MINUTE,
            one(f"sum(rate({_DB}{{$picked}}[$rate])) * 60", _DB_FAULTS, "purple"),
            one(
                "sum(max_over_time(photo_api_active_sessions{$picked}[$rate]))",
                Text("활성 세션", "sessions"),
                "blue",
                unit=COUNT,
            ),
            points=(f"{_DB}: state of the connection pool",),
        ),
        lines(
            506,
            Text("트랜잭션 실패율", "Failing transactions"),
            Text(
                "요청 하나에 DB 에러가 몇 번 났는지의 비율입니다. 요청이 늘어서 에러도 는 것인지 구별합니다.",
                "Database errors per request, which tells more errors from merely more requests.",
            ),
            RATIO,
            one(
                ratio(f"sum(rate({_DB}{{$picked}}[$rate]))", _ASKED),
                Text("요청당 DB 에러", "errors per request"),
                "red",
            ),
            points=(f"{_DB}: failing transactions",),
        ),
        lines(
            507,
            Text("외부 서비스 에러율", "Error rate of dependencies"),
            Text(
                "외부 서비스별 실패 비율(5분)입니다. 5%부터 경고, 20%부터 위험이며, 요청이 없으면 비어 있습니다.",
                "Share of failures by external service over 5 minutes: a warning above 5 %, critical above 20 %; blank "
                "where nothing was asked.",
            ),
            RATIO,
            Query(
                'job_service:photo_api_external_request_errors:ratio_rate5m{$api, service=~"$service"}', "{{service}}"
            ),
            home_of=("external-errors",),
            points=(f"{_ERRORS}: state of dependencies",),
        ),
        lines(
            508,
            Text("Object Storage 장애", "Object storage outage"),
            Text(
                "업로드·다운로드 실패와 연결 상태입니다. 0이면 어느 인스턴스에서 닿지 않습니다.",
                "Failed uploads and downloads, and reachability: at 0 some instance does not get there.",
            ),
            _PER_MINUTE,
            *_failures("object_storage"),
            points=(f"{_ERRORS}: object storage outage",),
        ),
        lines(
            509,
            Text("CDN 장애", "CDN outage"),
            Text("토큰 생성 실패와 연결 상태입니다.", "Tokens that could not be made, and reachability."),
            _PER_MINUTE,
            *_failures("cdn"),
            points=(f"{_ERRORS}: CDN outage",),
        ),
        lines(
            510,
            Text("로그 서비스 장애", "Log service outage"),
            Text("로그 전송 실패와 연결 상태입니다.", "Logs that could not be sent, and reachability."),
            _PER_MINUTE,
            *_failures("log_service"),
            points=(f"{_ERRORS}: log service outage",),
        ),
        lines(
            511,
            Text("로그 전송 지연", "Logs sent late"),
            Text(
                "전송을 기다리는 로그 수와 버려진 로그입니다. 줄지 않으면 전송이 밀리고 있습니다.",
                "Logs that wait, and logs given up; where the queue does not fall, sending is behind.",
            ),
            COUNT,
            Query(f"max by (instance) ({_QUEUE}{{$picked}})", "{{instance}}"),
            one(
                "sum(increase(photo_api_log_dropped_total{$picked}[${1h}]))",
                Text("1시간에 버려진 로그", "given up in an hour"),
                "red",
                unit=per_hour("logs"),
            ),
            limits=("log-queue",),
            points=(f"{_QUEUE}: logs sent late",),
        ),
        lines(
            512,
            Text("로그 큐와 로그 서비스", "Log queue and log service"),
            Text(
                "큐가 오르면서 전송 실패가 늘면 로그 서비스, 실패 없이 오르면 네트워크나 로그 폭증입니다.",
                "A queue that grows with failures is the log service; without, the network or a burst of logs.",
            ),
            COUNT,
            one(f"sum({_QUEUE}{{$picked}})", Text("큐", "queue"), "blue"),
            one(
                f'sum(rate({_ERRORS}{{$picked, service="log_service"}}[$rate])) * 60',
                Text("전송 실패", "failed sends"),
                "red",
                unit=_PER_MINUTE,
            ),
            points=(f"{_QUEUE}: log service or network in trouble",),
        ),
        lines(
            513,
            Text("로그 큐와 메모리", "Log queue and memory"),
            Text(
                "큐가 쌓이는 동안 프로세스 메모리가 함께 오르는지 봅니다.",
                "Whether the processes' memory grows while the queue does.",
            ),
            COUNT,
            one(f"sum({_QUEUE}{{$picked}})", Text("큐", "queue"), "blue"),
            one(
                "sum(process_resident_memory_bytes{$picked})",
                Text("프로세스 메모리", "memory of the processes"),
                "orange",
                unit=BYTES,
            ),
            points=(f"{_QUEUE}: memory may grow",),
        ),
    ),
)
