"""Guide 1 and the request errors of 2.1: is the service there, and does it answer."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Firing, Level, Ratio

_A: Final = 'instance="api-1",job="photo-api"'
_B: Final = 'instance="api-2",job="photo-api"'
_DEAD: Final = {"job": "photo-api", "instance": "api-1"}
_DEADLINE: Final = "photo_api_drain_deadline_timestamp_seconds"

# The drain deadline outlives its process by last_over_time: a planned restart must not page before it.
SERVICE_DOWN: Final = Alert(
    name="ServiceDown",
    subject="service-health",
    group=Group.AVAILABILITY,
    section="1.1",
    value="""
(
  up{$api} == 0
  or
  photo_api_ready{$api} == 0
)
unless on (job, instance)
last_over_time(photo_api_drain_deadline_timestamp_seconds{$api}[${1h}]) > time()
""",
    compare=None,
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning("service-health/warning", 0, "30s"), critical("service-health/critical", 0, "1m")),
    summary=Text("Photo API 인스턴스가 다운되었습니다: {instance}", "Photo API instance {instance} is down"),
    description=Text(
        "인스턴스({instance})가 {hold} 이상 응답하지 않거나 준비되지 않은 상태입니다. 계획된 종료(드레인)가 아닙니다.",
        "Instance {instance} has not answered, or has not been ready, for {hold}. No planned drain is under way.",
    ),
    next_steps=(
        Text(
            "로드 밸런서가 이 인스턴스를 제외했는지, 남은 인스턴스가 부하를 감당하는지 확인합니다.",
            "Check that the load balancer has taken this instance out and that the others carry the load.",
        ),
        Text(
            "프로세스의 로그 끝부분과 종료 코드, OOM 여부를 확인하고 다시 시작합니다.",
            "Read the end of its log, its exit code and the kernel's OOM messages; start it again.",
        ),
    ),
    stimulus=Level(gauge="up", rest=1.0),
    cases=(
        Case(
            name="a dead process, which exports nothing, fires for itself alone",
            inputs={
                f"up{{{_A}}}": "1+0x9 0+0x9 1+0x9",
                f"up{{{_B}}}": "1+0x29",
                f"photo_api_ready{{{_A}}}": "1+0x9 stale _x9 1+0x9",
                f"photo_api_ready{{{_B}}}": "1+0x29",
            },
            expect={
                "5m": (),
                "5m30s": (Firing(severity="warning", labels=_DEAD, value=0),),
                "6m": (
                    Firing(severity="warning", labels=_DEAD, value=0),
                    Firing(severity="critical", labels=_DEAD, value=0),
                ),
                "10m": (),
            },
        ),
        Case(
            name="a process that answers but is not ready fires",
            inputs={f"up{{{_A}}}": "1+0x29", f"photo_api_ready{{{_A}}}": "1+0x9 0+0x9 1+0x9"},
            expect={
                "5m": (),
                "5m30s": (Firing(severity="warning", labels=_DEAD, value=0),),
                "6m": (
                    Firing(severity="warning", labels=_DEAD, value=0),
                    Firing(severity="critical", labels=_DEAD, value=0),
                ),
                "10m": (),
            },
        ),
        Case(
            # Drain begins at 5m, the process is gone from 6m to 6m30s; its deadline is 390 s after the start.
            name="a planned drain of 60 s and a restart of 30 s are silent",
            inputs={
                f"up{{{_A}}}": "1+0x11 0 1+0x20",
                f"photo_api_ready{{{_A}}}": "1+0x9 0 0 stale 1+0x20",
                f"{_DEADLINE}{{{_A}}}": "0+0x9 390 390 stale 0+0x20",
            },
            expect={"5m30s": (), "6m": (), "6m30s": (), "7m": (), "10m": ()},
        ),
        Case(
            name="a drain that outlasts its deadline fires, a minute after it",
            inputs={
                f"up{{{_A}}}": "1+0x11 0+0x20",
                f"photo_api_ready{{{_A}}}": "1+0x9 0 0 stale _x20",
                f"{_DEADLINE}{{{_A}}}": "0+0x9 390 390 stale _x20",
            },
            expect={
                "6m30s": (),
                "7m": (Firing(severity="warning", labels=_DEAD, value=0),),
                "7m30s": (
                    Firing(severity="warning", labels=_DEAD, value=0),
                    Firing(severity="critical", labels=_DEAD, value=0),
                ),
            },
        ),
    ),
)

SERVICE_DOWN_ALL: Final = Alert(
    name="ServiceDownAll",
    subject="fleet-health",
    group=Group.AVAILABILITY,
    section="1.1",
    value="""
absent(up{$api} == 1)
or
absent(photo_api_ready{$api} == 1)
""",
    compare=None,
    unit=Unit.COUNT,
    tiers=(critical(None, 0, "1m"),),
    summary=Text("Photo API 전체가 다운되었습니다", "The whole Photo API is down"),
    description=Text(
        "{hold} 이상 요청을 받을 준비가 된 인스턴스가 하나도 없습니다.",
        "For {hold} not one instance has been there and ready for requests.",
    ),
    next_steps=(
        Text(
            "모든 인스턴스에 공통된 것(배포, 데이터베이스, 호스트, 네트워크)을 먼저 확인합니다.",
            "Look first at what all instances share: a deployment, the database, the host, the network.",
        ),
        Text(
            "Prometheus가 대상을 찾고 있는지(서비스 디스커버리) 확인합니다.",
            "Check that Prometheus still finds its targets (service discovery).",
        ),
    ),
    stimulus=Level(gauge="up", rest=1.0, constant={"photo_api_ready": 1.0}, alone=True),
    cases=(
        Case(
            name="every process dead fires once, without a drain's leave",
            inputs={
                f"up{{{_A}}}": "1+0x9 0+0x9 1+0x9",
                f"up{{{_B}}}": "1+0x9 0+0x9 1+0x9",
                f"photo_api_ready{{{_A}}}": "1+0x9 stale _x9 1+0x9",
                f"photo_api_ready{{{_B}}}": "1+0x9 stale _x9 1+0x9",
                f"{_DEADLINE}{{{_A}}}": "99999+0x9 stale _x9 99999+0x9",
            },
            expect={"5m30s": (), "6m": (Firing(severity="critical", labels={}, value=1),), "10m30s": ()},
        ),
        Case(
            name="one of two dead is not the fleet",
            inputs={
                f"up{{{_A}}}": "1+0x9 0+0x19",
                f"up{{{_B}}}": "1+0x29",
                f"photo_api_ready{{{_A}}}": "1+0x9 stale _x19",
                f"photo_api_ready{{{_B}}}": "1+0x29",
            },
            expect={"6m": (), "10m": ()},
        ),
        Case(
            name="a fleet that vanished from discovery fires",
            inputs={f"up{{{_A}}}": "1+0x9 stale", f"photo_api_ready{{{_A}}}": "1+0x9 stale"},
            expect={"5m30s": (), "6m": (Firing(severity="critical", labels={}, value=1),)},
        ),
        Case(
            name="every instance draining at once fires",
            inputs={
                f"up{{{_A}}}": "1+0x29",
                f"photo_api_ready{{{_A}}}": "1+0x9 0+0x19",
                f"{_DEADLINE}{{{_A}}}": "0+0x9 99999+0x19",
            },
            expect={"5m30s": (), "6m": (Firing(severity="critical", labels={}, value=1),)},
        ),
    ),
)

REQUESTS: Final = Recording(
    "job:http_requests:increase5m", "sum by (job) (increase(http_requests_total{$api, $traffic}[${5m}]))"
)

HIGH_ERROR_RATE: Final = Alert(
    name="HighErrorRate",
    subject="request-errors",
    group=Group.AVAILABILITY,
    section="2.1",
    value=Recording(
        "job:http_requests_errors:ratio_rate5m",
        """
sum by (job) (rate(http_requests_total{$api, $traffic, status=~"5.."}[${5m}]))
/
sum by (job) (rate(http_requests_total{$api, $traffic}[${5m}]))
""",
    ),
    volume=REQUESTS,
    by=("job",),
    unit=Unit.RATIO,
    # 100 and 20 requests: one failed request alone is never over the threshold.
    tiers=(
        warning("requests/warning", 0.01, "5m", minimum=250),
        critical("requests/critical", 0.05, "2m", minimum=50),
    ),
    summary=Text("5xx 에러율이 높습니다", "High rate of 5xx answers"),
    description=Text(
        "최근 {window} 동안 요청의 {value}가 5xx로 끝났습니다. 기준 {threshold}를 {hold} 이상 넘었습니다.",
        "Of the requests of the last {window}, {value} ended in 5xx; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "엔드포인트별 5xx를 나누어 보고, DB와 외부 서비스 알림이 함께 울리는지 확인합니다.",
            "Split the 5xx by endpoint; see whether database or external service alerts fire too.",
        ),
        Text("최근 배포와 시각이 겹치면 되돌립니다.", "If it began with a deployment, roll that back."),
    ),
    stimulus=Ratio(
        part='http_requests_total{handler="/photos/",method="GET",status="500"}',
        others='http_requests_total{handler="/photos/",method="GET",status="200"}',
    ),
)

ALERTS: Final = (SERVICE_DOWN, SERVICE_DOWN_ALL, HIGH_ERROR_RATE)
