"""The board of the fleet: every instance and host, which version runs where, the dependencies, the load balancer."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.fleet_balancer import BALANCER, OUTSIDE
from photo_monitoring.dashboards.panels import (
    BYTES,
    COUNT,
    PER_SECOND,
    RATIO,
    SECONDS,
    STATE,
    Board,
    Column,
    Kind,
    Named,
    Panel,
    Query,
    Row,
    Step,
)
from photo_monitoring.dashboards.variables import INSTANCE

DOWN_UP: Final = (Named(1, Text("정상", "up"), "green"), Named(0, Text("중단", "down"), "red"))
_STATES: Final = (
    Named(2, Text("정상", "ready"), "green"),
    Named(1, Text("드레인·시작", "draining or starting"), "yellow"),
    Named(0, Text("중단", "down"), "red"),
)
_NAME: Final = "{{instance}}"

_INSTANCES: Final = Row(
    id=1,
    title=Text("인스턴스", "Instances"),
    panels=(
        Panel(
            id=11,
            title=Text("인스턴스 상태", "State of the instances"),
            about=Text(
                "인스턴스마다 정상, 드레인·시작 중, 중단을 시간순으로 보여 줍니다. 배포는 노란 띠로, 장애는 빨간 띠로 "
                "보입니다.",
                "Each instance over time: ready, draining or starting, down. A deployment is a yellow band, a crash a "
                "red one.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(
                Query(
                    "up{$picked} + on (job, instance) photo_api_ready{$picked}\nor on (instance)\n0 * up{$picked}",
                    _NAME,
                ),
            ),
            limits=(),
            names=_STATES,
            minimum=None,
            width=12,
        ),
        Panel(
            id=12,
            title=Text("버전", "Versions"),
            about=Text(
                "어느 노드의 어느 인스턴스에 어떤 버전이 어떤 환경으로 떠 있는지 보여 줍니다. 배포가 끝나면 버전이 "
                "하나여야 합니다.",
                "Which version runs on which node, as which instance, in which environment; after a deployment there "
                "should be one version.",
            ),
            kind=Kind.TABLE,
            unit=STATE,
            queries=(Query("photo_api_app_info{$picked}", _NAME),),
            steps=(Step(None, "text"),),
            columns=(
                Column("instance", Text("인스턴스", "Instance")),
                Column("node", Text("노드", "Node")),
                Column("version", Text("버전", "Version")),
                Column("environment", Text("환경", "Environment")),
            ),
            minimum=None,
        ),
        Panel(
            id=13,
            title=Text("가동 시간", "Uptime"),
            about=Text(
                "프로세스가 시작된 뒤 지난 시간입니다. 0 근처로 되돌아간 곳이 재시작입니다.",
                "Time since each process started; where it falls back to 0 it was started again.",
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(Query("time() - process_start_time_seconds{$picked}", _NAME),),
        ),
        Panel(
            id=14,
            title=Text("드레인 남은 시간", "Drain time left"),
            about=Text(
                "계획된 드레인과 재시작이 끝나야 하는 시각까지 남은 시간입니다. 이 시간을 넘기면 ServiceDown이 "
                "울립니다.",
                "Time until a planned drain and restart should be over; past it, ServiceDown fires.",
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(
                Query(
                    "clamp_min(last_over_time(photo_api_drain_deadline_timestamp_seconds{$picked}[${1h}]) - time(), 0)",
                    _NAME,
                ),
            ),
        ),
        Panel(
            id=15,
            title=Text("인스턴스별 요청", "Requests by instance"),
            about=Text(
                "인스턴스별 초당 요청 수입니다. 한쪽만 많으면 로드 밸런서의 분배를 확인하세요.",
                "Requests in a second by instance; where one has far more, look at the load balancer.",
            ),
            kind=Kind.TIME_SERIES,
            unit=PER_SECOND,
            queries=(Query("sum by (instance) (rate(http_requests_total{$picked, $traffic}[$rate]))", _NAME),),
        ),
        Panel(
            id=16,
            title=Text("인스턴스별 에러율", "Error rate by instance"),
            about=Text(
                "인스턴스별 5xx 비율입니다. 하나만 높으면 그 인스턴스를, 모두 높으면 공통 원인을 찾으세요.",
                "Share of 5xx by instance: one alone is its own trouble, all together share a cause.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    """
sum by (instance) (rate(http_requests_total{$picked, $traffic, status=~"5.."}[$rate]))
/
(sum by (instance) (rate(http_requests_total{$picked, $traffic}[$rate])) > 0)
""",
                    _NAME,
                ),
            ),
            limits=("request-errors",),
        ),
        Panel(
            id=17,
            title=Text("인스턴스별 P95", "P95 by instance"),
            about=Text("인스턴스별 P95 응답 시간입니다.", "P95 of response times by instance."),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(
                Query(
                    """
histogram_quantile(0.95, sum by (le, instance) (
  rate(http_request_duration_seconds_bucket{$picked, $timed}[$rate])
  unless
  rate(http_request_duration_seconds_bucket{$picked, $uploads}[$rate])
)) > 0
""",
                    _NAME,
                ),
            ),
            limits=("response-time",),
        ),
        Panel(
            id=18,
            title=Text("활성 세션", "Active sessions"),
            about=Text(
                "인스턴스가 지금 처리 중인 인증된 요청 수입니다. 한 대에 100개 이상이 이어지면 경고입니다.",
                "Authenticated requests in flight on each instance; a warning from 100 on one.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(Query("photo_api_active_sessions{$picked}", _NAME),),
            limits=("active-sessions",),
        ),
    ),
)

_PROCESSES: Final = Row(
    id=2,
    title=Text("프로세스", "Processes"),
    panels=(
        Panel(
            id=21,
            title=Text("프로세스 CPU", "CPU of the processes"),
            about=Text(
                "프로세스가 쓰는 코어 수입니다. 한 프로세스는 코어 하나를 넘기 어려우므로 1에 가까우면 인스턴스를 "
                "늘리세요.",
                "Cores that each process uses. One process hardly gets past one: near 1, add instances.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(Query("rate(process_cpu_seconds_total{$picked}[$rate])", _NAME),),
        ),
        Panel(
            id=22,
            title=Text("프로세스 메모리", "Memory of the processes"),
            about=Text(
                "상주 메모리입니다. 내려오지 않고 계속 오르면 누수를 의심하세요.",
                "Resident memory; where it only ever rises, think of a leak.",
            ),
            kind=Kind.TIME_SERIES,
            unit=BYTES,
            queries=(Query("process_resident_memory_bytes{$picked}", _NAME),),
        ),
        Panel(
            id=23,
            title=Text("이벤트 루프 지연", "Event loop lag"),
            about=Text(
                "이벤트 루프가 막혀 있던 시간의 비율입니다. 오르면 모든 요청이 함께 느려집니다.",
                "Share of time for which the event loop was blocked; when it rises, every request slows down.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(Query("rate(photo_api_event_loop_lag_seconds_total{$picked}[$rate])", _NAME),),
        ),
        Panel(
            id=24,
            title=Text("열린 파일", "Open files"),
            about=Text(
                "열 수 있는 파일 가운데 열려 있는 비율입니다. 1이 되면 새 연결을 받지 못합니다.",
                "Open file descriptors among those allowed; at 100 % no connection is taken.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(Query("process_open_fds{$picked} / process_max_fds{$picked}", _NAME),),
            maximum=1,
        ),
    ),
)

_DEPENDENCIES: Final = Row(
    id=3,
    title=Text("의존 서비스", "Dependencies"),
    panels=(
        Panel(
            id=31,
            title=Text("DB 연결", "Database"),
            about=Text(
                "인스턴스마다 DB에 닿는지 보여 줍니다. 1분 내내 닿지 않으면 위험 알림이 울립니다.",
                "Whether each instance reaches the database; critical when it does not for a minute.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(Query('photo_api_dependency_up{$picked, dependency="database"}', _NAME),),
            home_of=("database-unreachable",),
            limits=(),
            names=DOWN_UP,
            minimum=None,
            width=12,
            height=6,
        ),
        Panel(
            id=32,
            title=Text("외부 서비스 연결", "External services"),
            about=Text(
                "인스턴스마다 Object Storage, CDN, 로그 서비스, Redis에 닿는지 보여 줍니다. 쓰지 않는 것은 나오지 "
                "않습니다.",
                "Whether each instance reaches object storage, CDN, log service and Redis; what is not used is not "
                "shown.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(Query('photo_api_dependency_up{$picked, dependency!="database"}', "{{instance}} {{dependency}}"),),
            home_of=("external-service-unreachable", "external-service-stalled"),
            limits=(),
            names=DOWN_UP,
            minimum=None,
            width=12,
            height=6,
        ),
    ),
)

FLEET: Final = Board(
    uid="photo-api-fleet",
    title=Text("Photo API 인스턴스와 로드 밸런서", "Photo API: instances and load balancer"),
    about=Text(
        "인스턴스, 버전, 드레인, 의존 서비스, 로드 밸런서의 상태입니다.",
        "Instances, versions, drains, dependencies and the load balancer.",
    ),
    rows=(_INSTANCES, _PROCESSES, _DEPENDENCIES, BALANCER, OUTSIDE),
    variables=(INSTANCE,),
)
