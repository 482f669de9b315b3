"""Who watches the watchers: the alert pipeline, its exporters, and logs that were lost. The guide has none of these."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Severity, Text, Tier, Unit, critical, warning
from photo_monitoring.stimuli import Case, Firing, Level, PerMinute

_FAILED: Final = "alertmanager_notifications_failed_total"
_ALERTMANAGER: Final = 'instance="alertmanager",job="alertmanager"'
_PROMETHEUS: Final = {"job": "prometheus", "instance": "prometheus"}

WATCHDOG: Final = Alert(
    name="Watchdog",
    subject="pipeline",
    group=Group.PIPELINE,
    section="9.1",
    value="vector(1)",
    compare=None,
    unit=Unit.COUNT,
    tiers=(Tier(Severity.NONE, 0, "0s"),),
    summary=Text("알림 경로가 살아 있습니다", "The alert pipeline is alive"),
    description=Text(
        "항상 울리는 알림입니다. 이 알림이 끊기면 Prometheus나 Alertmanager가 알림을 전달하지 못하는 것입니다.",
        "This alert always fires. When it stops arriving, Prometheus or Alertmanager delivers nothing.",
    ),
    next_steps=(
        Text(
            "끊겼다면 Prometheus와 Alertmanager 프로세스, 그리고 둘 사이의 연결을 확인합니다.",
            "When it stops, check both processes and the way between them.",
        ),
    ),
    cases=(
        Case(
            name="it fires from the first evaluation, with no data at all",
            inputs={},
            expect={at: (Firing(severity="none", labels={}, value=1),) for at in ("0s", "5m")},
        ),
    ),
)

NODE_EXPORTER_DOWN: Final = Alert(
    name="NodeExporterDown",
    subject="node-exporter",
    group=Group.PIPELINE,
    section="5.1",
    value="up{$node} == 0",
    compare=None,
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning(None, 0, "5m"),),
    summary=Text("호스트 {instance}의 지표가 수집되지 않습니다", "Host {instance} is not measured"),
    description=Text(
        "{instance}의 node_exporter가 {hold} 이상 응답하지 않습니다. 그동안 이 호스트의 리소스 알림은 울리지 않습니다.",
        "node_exporter on {instance} has not answered for {hold}; its resource alerts are blind until it does.",
    ),
    next_steps=(
        Text(
            "호스트가 살아 있는지, node_exporter가 떠 있는지 확인합니다.", "Is the host up? Is node_exporter running?"
        ),
    ),
    stimulus=Level(gauge="up", rest=1.0),
    cases=(
        Case(
            name="an exporter away for five minutes fires for itself",
            inputs={
                'up{instance="db-1",job="node"}': "1+0x9 0+0x12 1+0x9",
                'up{instance="api-1",job="node"}': "1+0x40",
            },
            expect={
                "9m30s": (),
                "10m": (Firing(severity="warning", labels={"job": "node", "instance": "db-1"}, value=0),),
                "13m": (),
            },
        ),
    ),
)

ALERTMANAGER_DOWN: Final = Alert(
    name="AlertmanagerDown",
    subject="alertmanager",
    group=Group.PIPELINE,
    section="9.2",
    value="up{$alertmanager} == 0",
    compare=None,
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(critical(None, 0, "2m"),),
    summary=Text("Alertmanager가 다운되었습니다: {instance}", "Alertmanager {instance} is down"),
    description=Text(
        "Alertmanager({instance})가 {hold} 이상 응답하지 않습니다. 하나뿐이라면 어떤 알림도 전달되지 않습니다.",
        "Alertmanager {instance} has not answered for {hold}. If it is the only one, no alert is delivered.",
    ),
    next_steps=(Text("프로세스와 로그를 확인하고 다시 시작합니다.", "Read its log and start it again."),),
    stimulus=Level(gauge="up", rest=1.0),
    cases=(
        Case(
            name="an Alertmanager away for two minutes fires",
            inputs={'up{instance="alertmanager",job="alertmanager"}': "1+0x9 0+0x9 1+0x9"},
            expect={
                "6m30s": (),
                "7m": (
                    Firing(severity="critical", labels={"job": "alertmanager", "instance": "alertmanager"}, value=0),
                ),
                "11m": (),
            },
        ),
    ),
)

RULES_FAILING: Final = Alert(
    name="RuleEvaluationsFailing",
    subject="rule-evaluation",
    group=Group.PIPELINE,
    section="9.1",
    value="sum by (job, instance) (increase(prometheus_rule_evaluation_failures_total{$prometheus}[${5m}]))",
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(critical(None, 0, "2m"),),
    summary=Text("Prometheus가 규칙을 평가하지 못합니다", "Prometheus cannot evaluate rules"),
    description=Text(
        "{instance}에서 최근 {window} 동안 규칙 평가가 {value}번 실패했습니다. 일부 알림이 울리지 않을 수 있습니다.",
        "On {instance} {value} rule evaluations failed in the last {window}; some alerts may be blind.",
    ),
    next_steps=(Text("Prometheus 로그에서 실패한 규칙을 찾습니다.", "Find the failing rule in Prometheus' log."),),
    cases=(
        Case(
            name="failing evaluations fire until five minutes after the last",
            inputs={
                'prometheus_rule_evaluation_failures_total{instance="prometheus",job="prometheus",rule_group="x"}': (
                    "0+0x10 1+1x9 10+0x20"
                )
            },
            expect={
                "5m": (),
                "7m": (),
                "7m30s": (Firing(severity="critical", labels=_PROMETHEUS, value=5),),
                "10m": (Firing(severity="critical", labels=_PROMETHEUS, value=10),),
                "16m": (),
            },
        ),
    ),
)

NOTIFICATIONS_FAILING: Final = Alert(
    name="NotificationsFailing",
    subject="notifications",
    group=Group.PIPELINE,
    section="9.2",
    value="""
sum by (job, instance, integration) (
  increase(alertmanager_notifications_failed_total{$alertmanager}[${5m}])
)
""",
    by=("job", "instance", "integration"),
    unit=Unit.COUNT,
    tiers=(critical(None, 0, "2m"),),
    summary=Text("알림이 채널에 전달되지 않습니다: {integration}", "Alerts do not reach {integration}"),
    description=Text(
        "Alertmanager({instance})가 최근 {window} 동안 {integration} 채널로 {value}번 보내지 못했습니다.",
        "Alertmanager {instance} failed {value} times in the last {window} to send to {integration}.",
    ),
    next_steps=(
        Text(
            "채널의 자격 증명과 Alertmanager 로그를 확인합니다.",
            "Check the channel's credentials and Alertmanager's log.",
        ),
    ),
    cases=(
        Case(
            name="a channel that refuses fires for itself",
            inputs={
                f'{_FAILED}{{integration="slack",{_ALERTMANAGER}}}': "0+0x10 1+1x9 10+0x20",
                f'{_FAILED}{{integration="email",{_ALERTMANAGER}}}': "0+0x40",
            },
            expect={
                "5m": (),
                "7m": (),
                "7m30s": (
                    Firing(
                        severity="critical",
                        labels={"job": "alertmanager", "instance": "alertmanager", "integration": "slack"},
                        value=5,
                    ),
                ),
                "16m": (),
            },
        ),
    ),
)

LOGS_DROPPED: Final = Alert(
    name="LogsDropped",
    subject="log-drops",
    group=Group.PIPELINE,
    section="3.2",
    value="sum by (job, reason) (rate(photo_api_log_dropped_total{$api}[${5m}])) * 60",
    by=("job", "reason"),
    unit=Unit.PER_MINUTE,
    tiers=(warning(None, 1, "5m"),),
    summary=Text("로그가 버려지고 있습니다", "Logs are being lost"),
    description=Text(
        "분당 {value}건의 로그가 버려지고 있습니다({reason}). 분당 {threshold}건 초과가 {hold} 이상 이어졌습니다.",
        "{value} log entries a minute are given up ({reason}); above {threshold} for {hold}.",
    ),
    next_steps=(
        Text("Log Service와 로그 큐 알림을 확인합니다.", "Look at the alerts of the log service and the log queue."),
    ),
    stimulus=PerMinute(counter='photo_api_log_dropped_total{reason="queue_full"}', labels={"reason": "queue_full"}),
)

ALERTS: Final = (
    WATCHDOG,
    NODE_EXPORTER_DOWN,
    ALERTMANAGER_DOWN,
    RULES_FAILING,
    NOTIFICATIONS_FAILING,
    LOGS_DROPPED,
)
