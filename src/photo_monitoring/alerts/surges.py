"""Guide 2.1 and 5.1: much more than usual, in requests and in bytes.

Usual is the hour around this time last week; until there was one, the hour around this time yesterday. The last day's
average would be no measure: every morning is many times the night before, and every evening twice the day's average.
"""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Firing, Level

_AT: Final = 'instance="api-1",job="node"'
_REQUESTS: Final = Recording(
    "job:http_requests:rate5m", "sum by (job) (rate(http_requests_total{$api, $traffic}[${5m}]))"
)
_USUAL_REQUESTS: Final = Recording(
    "job:http_requests:rate5m_usual",
    """
avg_over_time(job:http_requests:rate5m{$api}[${1h}] offset ${6d23h30m})
or
avg_over_time(job:http_requests:rate5m{$api}[${1h}] offset ${23h30m})
""",
)
_RECORDED_REQUESTS: Final = 'job:http_requests:rate5m{job="photo-api"}'

REQUEST_SURGE: Final = Alert(
    name="RequestSurge",
    subject="request-surge",
    group=Group.PERFORMANCE,
    section="2.1",
    helpers=(_REQUESTS, _USUAL_REQUESTS),
    value="job:http_requests:rate5m / job:http_requests:rate5m_usual",
    compare=">=",
    volume=_REQUESTS,
    by=("job",),
    unit=Unit.TIMES,
    # Five times as for the network, which the guide gives a number for; fewer than 50 requests a second are no surge.
    tiers=(critical("requests/critical/surge", 5, "2m", minimum=50),),
    summary=Text("요청이 급증했습니다", "Requests surge"),
    description=Text(
        "요청 처리량이 평소의 {value}배입니다(지난주 같은 시간대 기준). {threshold}배 이상이 {hold} 동안 "
        "이어졌습니다. DDoS 가능성이 있습니다.",
        "There are {value} times the usual requests (same hour last week); {threshold} times or more for "
        "{hold}. Perhaps a DDoS.",
    ),
    next_steps=(
        Text(
            "클라이언트와 엔드포인트별로 나누어 한곳에서 오는지 확인합니다.",
            "Split by client and endpoint: does it come from one place?",
        ),
        Text(
            "이벤트나 공지로 설명되지 않으면 앞단에서 차단합니다.",
            "If no event explains it, block it in front of the service.",
        ),
    ),
    stimulus=Level(
        gauge="job:http_requests:rate5m",
        level=lambda times: 100 * times,
        volume=lambda times: 100 * times,
        rest=1.0,
        constant={"job:http_requests:rate5m_usual": 100.0},
        alone=True,
    ),
    cases=(
        Case(
            name="five times last week's same hour fires, four times does not",
            step="15m",
            inputs={_RECORDED_REQUESTS: "100+0x672 495+0x3 505+0x3 100+0x3"},
            expect={
                "169h": (),
                "169h15m": (),
                "169h30m": (Firing(severity="critical", labels={"job": "photo-api"}, value=5.05),),
                "170h15m": (),
            },
        ),
        Case(
            name="five times of next to nothing is under the floor",
            step="5m",
            inputs={_RECORDED_REQUESTS: "1+0x287 49+0x5"},
            expect={"24h10m": (), "24h20m": ()},
        ),
        Case(
            name="within the first week it is the same hour yesterday that is usual",
            step="5m",
            inputs={_RECORDED_REQUESTS: "100+0x287 900+0x5"},
            expect={"23h55m": (), "24h10m": (Firing(severity="critical", labels={"job": "photo-api"}, value=9),)},
        ),
        Case(
            name="a service started minutes ago has no usual yet",
            step="5m",
            inputs={_RECORDED_REQUESTS: "1+0x6 900+0x5"},
            expect={"45m": (), "1h": ()},
        ),
    ),
)

_BYTES: Final = Recording(
    "instance_direction:node_network_bytes:rate5m",
    """
label_replace(
  sum by (job, instance) (rate(node_network_receive_bytes_total{$node, $nics}[${5m}])),
  "direction", "receive", "", ""
)
or
label_replace(
  sum by (job, instance) (rate(node_network_transmit_bytes_total{$node, $nics}[${5m}])),
  "direction", "transmit", "", ""
)
""",
)
_USUAL_BYTES: Final = Recording(
    "instance_direction:node_network_bytes:rate5m_usual",
    """
avg_over_time(instance_direction:node_network_bytes:rate5m{$node}[${1h}] offset ${6d23h30m})
or
avg_over_time(instance_direction:node_network_bytes:rate5m{$node}[${1h}] offset ${23h30m})
""",
)
_RECORDED_BYTES: Final = f'instance_direction:node_network_bytes:rate5m{{direction="receive",{_AT}}}'
_RECEIVE: Final = {"job": "node", "instance": "api-1", "direction": "receive"}

NETWORK_SURGE: Final = Alert(
    name="NetworkSurge",
    subject="network",
    group=Group.RESOURCES,
    section="5.1",
    helpers=(_BYTES, _USUAL_BYTES),
    value="instance_direction:node_network_bytes:rate5m / instance_direction:node_network_bytes:rate5m_usual",
    compare=">=",
    volume=_BYTES,
    by=("job", "instance", "direction"),
    unit=Unit.TIMES,
    # 12.5 MB/s are 100 Mbps: less is no flood, however unusual.
    tiers=(
        warning("network/warning", 2, "10m", minimum=12_500_000),
        critical("network/critical", 5, "5m", minimum=12_500_000),
    ),
    summary=Text("호스트 {instance}의 네트워크 트래픽이 급증했습니다", "Network traffic of host {instance} surges"),
    description=Text(
        "호스트 {instance}의 네트워크({direction}) 사용량이 평소의 {value}배입니다(지난주 같은 시간대 기준). "
        "{threshold}배 이상이 {hold} 동안 이어졌습니다.",
        "Network traffic ({direction}) of host {instance} is {value} times the usual (same hour last week); "
        "{threshold} times or more for {hold}.",
    ),
    next_steps=(
        Text("이미지 트래픽인지, 요청 수도 함께 늘었는지 확인합니다.", "Is it images? Did requests rise as well?"),
        Text(
            "설명되지 않으면 공격이나 유출로 보고 상대 주소를 확인합니다.",
            "If nothing explains it, suspect an attack or a leak; look at the peers.",
        ),
    ),
    stimulus=Level(
        gauge='instance_direction:node_network_bytes:rate5m{direction="transmit"}',
        level=lambda times: 10e6 * times,
        volume=lambda times: 10e6 * times,
        rest=1.0,
        constant={'instance_direction:node_network_bytes:rate5m_usual{direction="transmit"}': 10e6},
        labels={"direction": "transmit"},
    ),
    cases=(
        Case(
            name="twice last week's same hour warns, five times is critical, less is silent",
            step="15m",
            inputs={_RECORDED_BYTES: "10e6+0x672 19.8e6+0x3 20.2e6+0x3 50.5e6+0x3 10e6+0x3"},
            expect={
                "169h": (),
                "169h15m": (),
                "169h30m": (Firing(severity="warning", labels=_RECEIVE, value=2.02),),
                "170h30m": (
                    Firing(severity="warning", labels=_RECEIVE, value=5.05),
                    Firing(severity="critical", labels=_RECEIVE, value=5.05),
                ),
                "171h15m": (),
            },
        ),
        Case(
            name="many times next to nothing is under the floor",
            step="5m",
            inputs={_RECORDED_BYTES: "1e6+0x287 12.4e6+0x5"},
            expect={"24h15m": ()},
        ),
        Case(
            name="within the first week it is the same hour yesterday that is usual",
            step="5m",
            inputs={_RECORDED_BYTES: "10e6+0x287 60e6+0x5"},
            expect={
                "24h15m": (
                    Firing(severity="warning", labels=_RECEIVE, value=6),
                    Firing(severity="critical", labels=_RECEIVE, value=6),
                )
            },
        ),
        Case(
            name="loopback and container bridges do not count",
            inputs={
                f'node_network_receive_bytes_total{{device="{device}",{_AT}}}': "0+3e6x150 45e7+6e9x60"
                for device in ("lo", "veth1", "docker0")
            },
            expect={"1h35m": ()},
        ),
    ),
)

ALERTS: Final = (REQUEST_SURGE, NETWORK_SURGE)
