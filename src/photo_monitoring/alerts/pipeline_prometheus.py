"""Who watches Prometheus: another Prometheus, or itself where it still can. The guide has none of these."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Firing, Level, PerMinute, Ratio

_SENDER: Final = 'instance="prometheus",job="prometheus"'
_TARGET: Final = "http://alertmanager:9093/api/v2/alerts"
_PROMETHEUS: Final = {"job": "prometheus", "instance": "prometheus"}

PROMETHEUS_DOWN: Final = Alert(
    name="PrometheusDown",
    subject="prometheus",
    group=Group.PIPELINE,
    section="9.1",
    value="up{$prometheus} == 0",
    compare=None,
    by=("job", "instance"),
    unit=Unit.COUNT,
    # Whoever sees this evaluates the same rules: what is lost is the reserve, and nobody need get up for that.
    tiers=(warning(None, 0, "2m"),),
    summary=Text("Prometheus가 다운되었습니다: {instance}", "Prometheus {instance} is down"),
    description=Text(
        "Prometheus({instance})가 {hold} 이상 응답하지 않습니다. "
        "다른 Prometheus가 알림을 보내고 있지만 예비가 없습니다.",
        "{instance} has not answered for {hold}. Another Prometheus still alerts, and has nobody to replace it.",
    ),
    next_steps=(
        Text(
            "프로세스와 로그, 디스크 여유 공간을 확인하고 다시 시작합니다.",
            "Look at its process, its log and its disk; start it again.",
        ),
    ),
    stimulus=Level(gauge="up", rest=1.0),
    cases=(
        Case(
            name="its peer misses the one of a pair that died",
            inputs={
                'up{instance="prometheus",job="prometheus"}': "1+0x9 0+0x9 1+0x9",
                'up{instance="prometheus-2",job="prometheus"}': "1+0x29",
            },
            expect={
                "6m30s": (),
                "7m": (Firing(severity="warning", labels=_PROMETHEUS, value=0),),
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
    compare=">=",
    tiers=(critical(None, 1, "2m"),),
    summary=Text("Prometheus가 규칙을 평가하지 못합니다", "Prometheus cannot evaluate rules"),
    description=Text(
        "{instance}에서 최근 {window} 동안 규칙 평가가 {value}번 실패했습니다. 일부 알림이 울리지 않을 수 있습니다.",
        "On {instance} {value} rule evaluations failed in the last {window}; some alerts may be blind.",
    ),
    next_steps=(Text("Prometheus 로그에서 실패한 규칙을 찾습니다.", "Find the failing rule in Prometheus' log."),),
    stimulus=PerMinute(
        counter='prometheus_rule_evaluation_failures_total{rule_group="slo"}', growth=lambda failures: failures / 5
    ),
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

_SLOW_STEPS: Final = (
    Text(
        "Prometheus의 /rules에서 평가 시간이 가장 긴 그룹을 찾고, 최근 늘어난 시계열과 규칙을 확인합니다.",
        "Find the group that takes longest under /rules of Prometheus; see which series or rules grew of late.",
    ),
    Text("CPU가 모자라면 Prometheus에 더 할당합니다.", "Where it lacks processor time, give it more."),
)

RULES_SLOW: Final = Alert(
    name="RuleEvaluationsSlow",
    subject="rule-duration",
    group=Group.PIPELINE,
    section="9.1",
    value="""
max by (job, instance) (
  max_over_time(prometheus_rule_group_last_duration_seconds{$prometheus}[${1m}])
  /
  prometheus_rule_group_interval_seconds{$prometheus}
)
""",
    by=("job", "instance"),
    unit=Unit.RATIO,
    tiers=(warning(None, 0.5, "5m"),),
    summary=Text("규칙 평가가 느립니다: {instance}", "Rules are evaluated slowly on {instance}"),
    description=Text(
        "{instance}의 규칙 그룹 하나가 평가 주기의 {value}를 씁니다. 기준 {threshold}를 {hold} 이상 넘었습니다.",
        "A rule group on {instance} takes {value} of its interval; above {threshold} for {hold}.",
    ),
    next_steps=_SLOW_STEPS,
    stimulus=Level(
        gauge='prometheus_rule_group_last_duration_seconds{rule_group="slo"}',
        level=lambda share: 30 * share,
        constant={'prometheus_rule_group_interval_seconds{rule_group="slo"}': 30.0},
    ),
)

RULES_MISSED: Final = Alert(
    name="RuleEvaluationsSlow",
    subject="rule-iterations",
    group=Group.PIPELINE,
    section="9.1",
    value="""
max by (job, instance) (
  rate(prometheus_rule_group_iterations_missed_total{$prometheus}[${5m}])
  /
  rate(prometheus_rule_group_iterations_total{$prometheus}[${5m}])
)
""",
    by=("job", "instance"),
    unit=Unit.RATIO,
    tiers=(warning(None, 0.05, "5m"), critical(None, 0.5, "5m")),
    summary=Text("규칙 평가를 건너뛰고 있습니다: {instance}", "Rule evaluations are skipped on {instance}"),
    description=Text(
        "최근 {window} 동안 {instance}에서 한 규칙 그룹의 평가 중 {value}를 건너뛰었습니다(기준 {threshold}). "
        "알림이 늦거나 울리지 않을 수 있습니다.",
        "In the last {window} {instance} skipped {value} of a rule group's evaluations (limit {threshold}): "
        "alerts come late, or not at all.",
    ),
    next_steps=_SLOW_STEPS,
    stimulus=Ratio(
        part='prometheus_rule_group_iterations_missed_total{rule_group="slo"}',
        others='prometheus_rule_group_iterations_total{rule_group="slo"}',
        among=True,
    ),
)

# The Watchdog alone is sent once a minute, so that an Alertmanager that takes nothing is one error a minute. Of one
# that is down AlertmanagerDown speaks.
ALERTS_REFUSED: Final = Alert(
    name="AlertsNotSent",
    subject="alert-sending",
    group=Group.PIPELINE,
    section="9.2",
    value="""
sum by (job, instance, alertmanager) (
  rate(prometheus_notifications_errors_total{$prometheus}[${5m}])
) * 60
unless on ()
(min_over_time(up{$alertmanager}[${5m}]) == 0)
""",
    by=("job", "instance", "alertmanager"),
    unit=Unit.PER_MINUTE,
    tiers=(warning(None, 0.5, "5m"),),
    summary=Text(
        "Prometheus({instance})가 Alertmanager 하나에 알림을 보내지 못합니다",
        "Prometheus {instance} cannot send to one Alertmanager",
    ),
    description=Text(
        "Prometheus({instance})가 {alertmanager}에 알림을 보내다 분당 {value}번 실패했습니다. "
        "분당 {threshold}번 초과가 {hold} 이상 이어졌습니다.",
        "{instance} failed {value} times a minute to send alerts to {alertmanager}; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "해당 Alertmanager가 떠 있는지, Prometheus에서 그 주소로 연결되는지 확인합니다.",
            "Does that Alertmanager run, and can Prometheus reach it at that address?",
        ),
        Text("Prometheus 로그에서 거부 사유를 확인합니다.", "Prometheus' log says why it was refused."),
    ),
    stimulus=PerMinute(
        counter=f'prometheus_notifications_errors_total{{alertmanager="{_TARGET}"}}',
        labels={"alertmanager": _TARGET},
    ),
    cases=(
        Case(
            name="an Alertmanager that is down is another alert's",
            inputs={
                f'prometheus_notifications_errors_total{{alertmanager="{_TARGET}",{_SENDER}}}': "0+0x10 1+1x19 20+0x20",
                'up{instance="alertmanager",job="alertmanager"}': "1+0x10 0+0x19 1+0x20",
            },
            expect=dict.fromkeys(("10m", "14m30s", "17m", "20m"), ()),
        ),
    ),
)

# Of a lone Prometheus this reaches nobody: the dead man's switch does. One of a pair is heard through the other.
ALERTS_DROPPED: Final = Alert(
    name="AlertsNotSent",
    subject="alert-drops",
    group=Group.PIPELINE,
    section="9.2",
    value="sum by (job, instance) (rate(prometheus_notifications_dropped_total{$prometheus}[${5m}])) * 60",
    by=("job", "instance"),
    unit=Unit.PER_MINUTE,
    tiers=(critical(None, 0.5, "2m"),),
    summary=Text("Prometheus({instance})의 알림이 버려지고 있습니다", "Alerts of Prometheus {instance} are being lost"),
    description=Text(
        "{instance}의 알림을 받은 Alertmanager가 없어 분당 {value}건이 버려지고 있습니다. "
        "분당 {threshold}건 초과가 {hold} 이상 이어졌습니다.",
        "No Alertmanager takes the alerts of {instance}: {value} a minute are given up; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "모든 Alertmanager가 떠 있는지, Prometheus가 그 주소를 알고 있는지 확인합니다.",
            "Does any Alertmanager run, and does Prometheus know its address (Status, Runtime Information)?",
        ),
        Text(
            "연결될 때까지 콘솔이나 Prometheus의 /alerts에서 알림을 직접 확인합니다.",
            "Until they are connected, watch the alerts in the console or under /alerts of Prometheus.",
        ),
    ),
    stimulus=PerMinute(counter="prometheus_notifications_dropped_total"),
)

ALERTS: Final = (PROMETHEUS_DOWN, RULES_FAILING, RULES_SLOW, RULES_MISSED, ALERTS_REFUSED, ALERTS_DROPPED)
