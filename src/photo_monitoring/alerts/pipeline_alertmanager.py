"""Who watches Alertmanager: that it runs, that a pair is one, that channels take what it sends (guide 9.2)."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Text, Unit, critical, warning
from photo_monitoring.proofs.gauge_stimuli import Missing
from photo_monitoring.proofs.stimuli import Case, Firing, Level, PerMinute

_FAILED: Final = "alertmanager_notifications_failed_total"
_ATTEMPTS: Final = "alertmanager_notification_requests_total"
_REFUSED: Final = "alertmanager_notification_requests_failed_total"
_ALERTMANAGER: Final = 'instance="alertmanager",job="alertmanager"'
_SECOND: Final = 'instance="alertmanager-2",job="alertmanager"'

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

# One that has gossip switched off counts itself alone. One that is down is AlertmanagerDown's.
CLUSTER_INCOMPLETE: Final = Alert(
    name="AlertmanagerClusterIncomplete",
    subject="alertmanager-cluster",
    group=Group.PIPELINE,
    section="9.2",
    symptom_of=("AlertmanagerDown",),
    value="""
count by (job) (up{$alertmanager} == 1)
- on (job) group_right ()
(
  max_over_time(alertmanager_cluster_members{$alertmanager}[${1m}])
  or on (job, instance)
  up{$alertmanager} == 1
)
""",
    compare=">=",
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning(None, 1, "5m"),),
    summary=Text("Alertmanager 클러스터가 나뉘었습니다: {instance}", "The Alertmanager cluster is split: {instance}"),
    description=Text(
        "{instance}에서 다른 Alertmanager {value}개가 {hold} 이상 보이지 않습니다. "
        "같은 알림이 여러 번 전달될 수 있습니다.",
        "{instance} has not seen {value} of the other Alertmanagers for {hold}; alerts may be delivered twice.",
    ),
    next_steps=(
        Text(
            "양쪽의 `--cluster.peer` 주소가 맞는지, 클러스터 포트(TCP와 UDP)가 열려 있는지 확인합니다.",
            "Check `--cluster.peer` on every side, and that the cluster port is open for TCP and UDP.",
        ),
    ),
    stimulus=Missing(gauge="alertmanager_cluster_members", lag="1m"),
    cases=(
        Case(
            name="two without gossip are each alone",
            inputs={f"up{{{_ALERTMANAGER}}}": "1+0x29", f"up{{{_SECOND}}}": "1+0x29"},
            expect={
                "4m30s": (),
                "5m": tuple(
                    Firing(severity="warning", labels={"job": "alertmanager", "instance": name}, value=1)
                    for name in ("alertmanager", "alertmanager-2")
                ),
            },
        ),
        Case(
            name="one alone misses nobody, with gossip or without",
            inputs={f"up{{{_ALERTMANAGER}}}": "1+0x29"},
            expect={"10m": ()},
        ),
        Case(
            name="one that died is another alert's",
            inputs={
                f"up{{{_ALERTMANAGER}}}": "1+0x29",
                f"up{{{_SECOND}}}": "1+0x9 0+0x19",
                f"alertmanager_cluster_members{{{_ALERTMANAGER}}}": "2+0x11 1+0x17",
                f"alertmanager_cluster_members{{{_SECOND}}}": "2+0x9 stale",
            },
            expect={"9m": (), "14m": ()},
        ),
    ),
)

# A message is given up, and counted as failed, only after its route's group_interval: six hours for the digest.
# Attempts that all fail speak sooner; one that a later attempt made good does not (0.9, not 1: `increase` extrapolates
# each counter for itself).
NOTIFICATIONS_FAILING: Final = Alert(
    name="NotificationsFailing",
    subject="notifications",
    group=Group.PIPELINE,
    section="9.2",
    value="""
sum by (job, instance, integration) (
  increase(alertmanager_notifications_failed_total{$alertmanager}[${5m}]) > 0
  or
  increase(alertmanager_notification_requests_failed_total{$alertmanager}[${5m}])
  unless
  increase(alertmanager_notification_requests_total{$alertmanager}[${5m}])
  - increase(alertmanager_notification_requests_failed_total{$alertmanager}[${5m}])
  > 0.9
)
""",
    by=("job", "instance", "integration"),
    unit=Unit.COUNT,
    compare=">=",
    tiers=(critical(None, 1, "2m"),),
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
    stimulus=PerMinute(
        counter='alertmanager_notifications_failed_total{integration="email"}',
        labels={"integration": "email"},
        growth=lambda failures: failures / 5,
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
        Case(
            name="a digest whose every attempt is refused fires hours before it is given up",
            inputs={
                f'{_FAILED}{{integration="email",{_ALERTMANAGER}}}': "0+0x40",
                f'{_ATTEMPTS}{{integration="email",{_ALERTMANAGER}}}': "3+0x10 4+1x29",
                f'{_REFUSED}{{integration="email",{_ALERTMANAGER}}}': "0+0x10 1+1x29",
            },
            expect={
                "7m": (),
                "7m30s": (
                    Firing(
                        severity="critical",
                        labels={"job": "alertmanager", "instance": "alertmanager", "integration": "email"},
                        value=5,
                    ),
                ),
            },
        ),
        Case(
            name="attempts that are refused before one is taken are silent, from Alertmanager's start on",
            inputs={
                f'{_FAILED}{{integration="slack",{_ALERTMANAGER}}}': "0+0x40",
                f'{_ATTEMPTS}{{integration="slack",{_ALERTMANAGER}}}': "0 1 2 4+0x37",
                f'{_REFUSED}{{integration="slack",{_ALERTMANAGER}}}': "0 1 2 3+0x37",
            },
            expect=dict.fromkeys(("2m30s", "3m", "4m", "5m", "6m", "7m", "10m"), ()),
        ),
    ),
)

ALERTS: Final = (ALERTMANAGER_DOWN, CLUSTER_INCOMPLETE, NOTIFICATIONS_FAILING)
