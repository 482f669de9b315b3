"""What users see from outside: a probe through the load balancer, and the certificate that it is shown."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Deadline, Firing, Level

_DAY_SECONDS: Final = 86_400.0
_URL: Final = "https://photos.example.com/health"
_PROBE: Final = f'instance="{_URL}",job="probe"'
_PROBED: Final = {"job": "probe", "instance": _URL}

# One that could not be scraped says nothing about the service: the last answer stands for a minute.
PROBE_FAILING: Final = Alert(
    name="ProbeFailing",
    subject="probe",
    group=Group.PIPELINE,
    section="1.1",
    symptom_of=("fleet",),
    value="last_over_time(probe_success{$probe}[${1m}]) == 0",
    compare=None,
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning(None, 0, "1m"), critical(None, 0, "2m")),
    summary=Text(
        "외부에서 서비스에 접속할 수 없습니다: {instance}",
        "The service cannot be reached as users reach it: {instance}",
    ),
    description=Text(
        "로드 밸런서를 거친 확인 요청({instance})이 {hold} 이상 실패했습니다. "
        "사용자도 같은 오류를 보고 있을 가능성이 큽니다.",
        "Requests to {instance} through the load balancer have failed for {hold}; users probably see the same.",
    ),
    next_steps=(
        Text(
            "인스턴스 알림이 함께 울리면 그쪽을 먼저 봅니다. 없다면 로드 밸런서, DNS, 인증서를 확인합니다.",
            "Where instances alert too, begin there; else look at the load balancer, DNS and the certificate.",
        ),
        Text(
            "black-box exporter의 `/probe?debug=true`가 실패한 단계를 알려 줍니다.",
            "`/probe?debug=true` of the black-box exporter tells the step that failed.",
        ),
    ),
    stimulus=Level(gauge="probe_success", rest=1.0),
    cases=(
        Case(
            name="an answer of a draining instance, before the load balancer has noticed, is silent",
            inputs={f"probe_success{{{_PROBE}}}": "1+0x9 0 1+0x9 0 1+0x9"},
            expect=dict.fromkeys(("5m", "5m30s", "6m", "7m", "10m", "11m", "12m"), ()),
        ),
        Case(
            name="a scrape that failed in between does not start the wait anew",
            inputs={f"probe_success{{{_PROBE}}}": "1+0x9 0 stale 0+0x7 1+0x9"},
            expect={
                "5m30s": (),
                "6m": (Firing(severity="warning", labels=_PROBED, value=0),),
                "7m": tuple(Firing(severity=severity, labels=_PROBED, value=0) for severity in ("warning", "critical")),
                "10m": (),
            },
        ),
    ),
)

TLS_EXPIRING: Final = Alert(
    name="TLSCertificateExpiring",
    subject="tls-certificate",
    group=Group.PIPELINE,
    section="1.1",
    value=f"(last_over_time(probe_ssl_earliest_cert_expiry{{$probe}}[${{1h}}]) - time()) / {_DAY_SECONDS:.0f}",
    compare="<",
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning(None, 21, "10m"), critical(None, 7, "10m")),
    summary=Text("TLS 인증서가 곧 만료됩니다: {instance}", "The TLS certificate of {instance} expires soon"),
    description=Text(
        "{instance}의 인증서 체인이 약 {value}일 뒤 만료됩니다(기준 {threshold}일). "
        "만료되면 사용자가 접속할 수 없습니다.",
        "A certificate in the chain of {instance} expires in about {value} days (limit {threshold}); "
        "after that users are turned away.",
    ),
    next_steps=(
        Text(
            "자동 갱신이 왜 실패했는지 확인하고 갱신한 뒤, 로드 밸런서가 새 인증서를 쓰는지 확인합니다.",
            "Find out why it was not renewed; renew it, and see that the load balancer serves the new one.",
        ),
    ),
    stimulus=Deadline(gauge="probe_ssl_earliest_cert_expiry", unit_seconds=_DAY_SECONDS, rest=60.0),
    cases=(
        Case(
            name="a service without TLS has no certificate to expire",
            inputs={f"probe_success{{{_PROBE}}}": "1+0x60"},
            expect={"30m": ()},
        ),
    ),
)

ALERTS: Final = (PROBE_FAILING, TLS_EXPIRING)
