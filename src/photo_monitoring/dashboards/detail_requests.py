"""The detail board's rows on sections 1.1 and 2.1 of the guide: who serves, how fast, how much."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import COUNT, PER_SECOND, SECONDS, STATE, TIMES, Kind, Named, Panel, Query, Row
from photo_monitoring.dashboards.patterns import lines, one, quantile

_INFO: Final = "on (job, instance) group_left ({label}) photo_api_app_info{{$picked}}"
_A_DAY: Final = "compares with a day ago, and needs a day of data"


def by_identity(value: str, label: str) -> str:
    """Return a value of each instance summed by what photo_api_app_info says of the instance."""
    return f"sum by ({label}) (\n  {value}\n  * {_INFO.format(label=label)}\n)"


AVAILABILITY: Final = Row(
    id=1,
    title=Text("1. 가용성", "1. Availability"),
    panels=(
        Panel(
            id=101,
            title=Text("인스턴스별 준비 상태", "Readiness by instance"),
            about=Text(
                "0은 종료(드레인) 중이거나 장애입니다. 일부만 0이면 그 인스턴스를 로드 밸런서에서 제외하세요.",
                "0 is a drain or a fault. Where only some are at 0, take those out of the load balancer.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(
                Query(
                    "max by (instance) (photo_api_ready{$picked})\nor\n0 * max by (instance) (up{$picked})",
                    "{{instance}}",
                ),
            ),
            limits=("service-health",),
            names=(Named(1, Text("정상", "ready"), "green"), Named(0, Text("중단", "not ready"), "red")),
            points=(
                "photo_api_ready: 0 means draining or in trouble",
                "photo_api_ready: take out single instances at 0",
            ),
            minimum=None,
        ),
        lines(
            102,
            Text("노드별 정상 인스턴스", "Ready instances by node"),
            Text("노드마다 정상인 인스턴스 수입니다.", "How many instances are ready on each node."),
            COUNT,
            Query(by_identity("photo_api_ready{$picked}", "node"), "{{node}}"),
            points=("photo_api_app_info: state by node",),
        ),
        lines(
            103,
            Text("버전별 인스턴스", "Instances by version"),
            Text(
                "어떤 버전이 몇 대에 떠 있는지 보여 줍니다. 배포 중에는 두 버전이 겹칩니다.",
                "How many instances run each version; during a deployment there are two.",
            ),
            COUNT,
            Query("count by (version) (photo_api_app_info{$picked})", "{{version}}"),
            points=("photo_api_app_info: which version is deployed where",),
            stacked=True,
        ),
        lines(
            104,
            Text("환경별 요청", "Requests by environment"),
            Text(
                "환경(dev, staging, prod)별 초당 요청 수입니다. 위의 변수로 한 환경만 고를 수 있습니다.",
                "Requests in a second by environment; the variables above choose one.",
            ),
            PER_SECOND,
            Query(
                by_identity(
                    "sum by (job, instance) (rate(http_requests_total{$picked, $traffic}[$rate]))", "environment"
                ),
                "{{environment}}",
            ),
            points=("photo_api_app_info: metrics apart by environment",),
        ),
    ),
)

REQUESTS: Final = Row(
    id=2,
    title=Text("2.1 요청 처리", "2.1 Requests"),
    panels=(
        lines(
            201,
            Text("응답 시간 P50·P95·P99", "Response time P50, P95, P99"),
            Text(
                "P50은 보통의 경험, P95는 95%가 겪는 한도, P99는 최악의 경우입니다.",
                "P50 is the usual experience, P95 what 95 % stay within, P99 the worst cases.",
            ),
            SECONDS,
            *(Query(quantile(f"0.{part}"), f"P{part}") for part in (50, 95, 99)),
            limits=("response-time", "response-time-p99"),
            points=(
                "http_request_duration_seconds: P50, the usual experience",
                "http_request_duration_seconds: P95, what 95 % of users get",
                "http_request_duration_seconds: P99, the worst cases",
            ),
        ),
        lines(
            202,
            Text("엔드포인트별 P95", "P95 by endpoint"),
            Text("가장 느린 엔드포인트 10개의 P95입니다.", "P95 of the ten slowest endpoints."),
            SECONDS,
            Query(f"topk(10, {quantile('0.95', ', handler').strip()} > 0)", "{{handler}}"),
            limits=("response-time",),
            points=("http_request_duration_seconds: by endpoint",),
        ),
        lines(
            203,
            Text("메서드별 P95", "P95 by method"),
            Text(
                "HTTP 메서드별 P95입니다. 쓰기가 느리면 DB를 먼저 보세요.",
                "P95 by method; slow writes point to the database.",
            ),
            SECONDS,
            Query(f"{quantile('0.95', ', method').strip()} > 0", "{{method}}"),
            limits=("response-time",),
            points=("http_request_duration_seconds: by method",),
        ),
        lines(
            204,
            Text("초당 요청 수(RPS)", "Requests per second"),
            Text("선택한 인스턴스와 엔드포인트의 초당 요청 수입니다.", "Requests in a second, as chosen above."),
            PER_SECOND,
            one("sum(rate(http_requests_total{$asked}[$rate]))", Text("요청", "requests"), "blue"),
            points=("http_requests_total: requests per second",),
        ),
        lines(
            205,
            Text("상태 코드 분포", "Spread over status codes"),
            Text(
                "2xx, 3xx, 4xx, 5xx별 초당 응답을 쌓아 보여 줍니다.", "Answers in a second by class of status, stacked."
            ),
            PER_SECOND,
            Query(
                "sum by (class) (label_replace(\n"
                '  rate(http_requests_total{$asked, status=~"[2-5].."}[$rate]), "class", "$${1}xx", "status", "(.).."\n'
                "))",
                "{{class}}",
            ),
            points=("http_requests_total: spread over 2xx, 4xx, 5xx",),
            stacked=True,
        ),
        lines(
            206,
            Text("엔드포인트별 요청", "Requests by endpoint"),
            Text("요청이 많은 엔드포인트 10개입니다.", "The ten endpoints with most requests."),
            PER_SECOND,
            Query("topk(10, sum by (handler) (rate(http_requests_total{$asked}[$rate])) > 0)", "{{handler}}"),
            points=("http_requests_total: traffic by endpoint",),
        ),
        lines(
            207,
            Text("시간대별 요청", "Requests by time of day"),
            Text(
                "지금의 요청을 어제와 지난주 같은 시각에 겹쳐 보여 줍니다. 모양이 다르면 이유를 찾으세요.",
                "Requests now over those of yesterday and of last week at the same time of day.",
            ),
            PER_SECOND,
            one("sum(job:http_requests:rate5m{$api})", Text("지금", "now"), "blue"),
            one("sum(job:http_requests:rate5m{$api} offset ${1d})", Text("어제", "yesterday"), "orange", absent=_A_DAY),
            one(
                "sum(job:http_requests:rate5m{$api} offset ${1w})",
                Text("지난주", "last week"),
                "purple",
                absent="compares with a week ago, and needs a week of data",
            ),
            points=("http_requests_total: traffic by time of day",),
        ),
        lines(
            208,
            Text("평소 대비 요청", "Requests against usual"),
            Text(
                "지난주(없으면 어제) 같은 시간대의 몇 배인지 보여 줍니다. 5배부터 급증(DDoS 가능성)으로 봅니다.",
                "How many times the requests of last week's (else yesterday's) same hour; from 5 on it is a surge, "
                "perhaps a DDoS.",
            ),
            TIMES,
            one(
                "sum(job:http_requests:rate5m{$api}) / sum(job:http_requests:rate5m_usual{$api})",
                Text("평소 대비", "against usual"),
                "blue",
                absent=_A_DAY,
            ),
            home_of=("request-surge",),
        ),
    ),
)
