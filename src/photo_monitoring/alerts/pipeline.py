"""Who watches the watchers: the alert pipeline, its exporters, and logs that were lost. The guide has none of these."""

from typing import Final

from photo_monitoring.alerts import pipeline_alertmanager, pipeline_probe, pipeline_prometheus
from photo_monitoring.criteria import Alert, Group, Severity, Text, Tier, Unit, warning
from photo_monitoring.proofs.stimuli import Case, Firing, Level, PerMinute

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

# The service, its hosts and the pipeline's servers have alerts of their own for this.
SCRAPES_FAILING: Final = Alert(
    name="ScrapesFailing",
    subject="scrapes",
    group=Group.PIPELINE,
    section="9.1",
    value="""
up{$haproxy} == 0
or
up{$blackbox} == 0
or
up{$probe} == 0
""",
    compare=None,
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning(None, 0, "5m"),),
    summary=Text("지표가 수집되지 않습니다: {job} {instance}", "{job} {instance} is not measured"),
    description=Text(
        "{job}의 {instance}에서 {hold} 이상 지표를 가져오지 못했습니다. 그동안 이 지표를 보는 알림은 울리지 않습니다.",
        "Nothing was scraped from {instance} of {job} for {hold}; alerts that read it are blind until it is.",
    ),
    next_steps=(
        Text(
            "Prometheus의 /targets에서 오류 내용을 보고, 대상 프로세스와 방화벽을 확인합니다.",
            "Read the error under /targets of Prometheus; check the process and the firewall.",
        ),
    ),
    stimulus=Level(gauge="up", rest=1.0),
    cases=(
        Case(
            name="a load balancer and a black-box exporter that are away fire each for itself",
            inputs={
                'up{instance="haproxy",job="haproxy"}': "1+0x9 0+0x12 1+0x9",
                'up{instance="blackbox-exporter",job="blackbox"}': "1+0x9 0+0x12 1+0x9",
                'up{instance="https://photos.example.com/health",job="probe"}': "1+0x40",
            },
            expect={
                "9m30s": (),
                "10m": tuple(
                    Firing(severity="warning", labels={"job": job, "instance": instance}, value=0)
                    for job, instance in (("haproxy", "haproxy"), ("blackbox", "blackbox-exporter"))
                ),
                "13m": (),
            },
        ),
    ),
)

# Such a target counts as down, though it answers: this is why.
SCRAPES_OVER_LIMIT: Final = Alert(
    name="ScrapesFailing",
    subject="scrape-limits",
    group=Group.PIPELINE,
    section="9.1",
    value="""
sum by (job, instance) (
  label_replace(
    increase(prometheus_target_scrapes_exceeded_sample_limit_total{$prometheus}[${5m}]), "limit", "samples", "", ""
  )
  or
  label_replace(
    increase(prometheus_target_scrapes_exceeded_body_size_limit_total{$prometheus}[${5m}]), "limit", "bytes", "", ""
  )
)
""",
    compare=">=",
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning(None, 1, "5m"),),
    summary=Text("지표가 너무 많아 버려졌습니다", "Scrapes were thrown away for being too large"),
    description=Text(
        "최근 {window} 동안 {instance}에서 한도를 넘은 수집 결과가 {value}번 버려졌습니다. "
        "해당 대상은 살아 있어도 다운된 것으로 보입니다.",
        "In the last {window} {instance} threw {value} scrapes away that were over a limit: "
        "their targets look down, though they are not.",
    ),
    next_steps=(
        Text(
            "시계열이 가장 많은 지표를 찾아(`topk`) 최근 배포가 레이블을 늘렸는지 확인합니다.",
            "Find the metric with the most series (`topk`), and whether a deployment added a label.",
        ),
        Text("늘어난 것이 정당하면 `sample_limit`를 올립니다.", "Where the growth is right, raise `sample_limit`."),
    ),
    stimulus=PerMinute(
        counter="prometheus_target_scrapes_exceeded_sample_limit_total", growth=lambda scrapes: scrapes / 5
    ),
)

CONFIG_RELOAD_FAILING: Final = Alert(
    name="ConfigReloadFailing",
    subject="config-reload",
    group=Group.PIPELINE,
    section="9.1",
    value="""
max_over_time(prometheus_config_last_reload_successful{$prometheus}[${1m}]) == 0
or
max_over_time(alertmanager_config_last_reload_successful{$alertmanager}[${1m}]) == 0
or
max_over_time(blackbox_exporter_config_last_reload_successful{$blackbox}[${1m}]) == 0
""",
    compare=None,
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning(None, 0, "5m"),),
    summary=Text("설정을 다시 읽지 못했습니다: {instance}", "{instance} refused its new configuration"),
    description=Text(
        "{instance}({job})에서 새 설정을 읽지 못해 {hold} 이상 이전 설정으로 동작하고 있습니다. "
        "다시 시작하면 뜨지 않을 수 있습니다.",
        "{instance} ({job}) has run on its former configuration for {hold}; started anew, it may not come up.",
    ),
    next_steps=(
        Text(
            "로그에서 잘못된 줄을 찾고 `photo-monitoring check`로 확인한 뒤 다시 읽게 합니다.",
            "Its log names the line; mend it, run `photo-monitoring check`, and reload.",
        ),
    ),
    stimulus=Level(gauge="prometheus_config_last_reload_successful", rest=1.0, lag="1m"),
    cases=(
        Case(
            name="an Alertmanager that refused its configuration fires until it takes one",
            inputs={
                'alertmanager_config_last_reload_successful{instance="alertmanager",job="alertmanager"}': (
                    "1+0x9 0+0x14 1+0x9"
                )
            },
            expect={
                "10m30s": (),
                "11m": (
                    Firing(severity="warning", labels={"job": "alertmanager", "instance": "alertmanager"}, value=0),
                ),
                "12m30s": (),
            },
        ),
    ),
)

LOGS_DROPPED: Final = Alert(
    name="LogsDropped",
    subject="log-drops",
    group=Group.PIPELINE,
    section="3.2",
    symptom_of=("log_service", "fleet"),
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
    *pipeline_probe.ALERTS,
    NODE_EXPORTER_DOWN,
    SCRAPES_FAILING,
    SCRAPES_OVER_LIMIT,
    *pipeline_prometheus.ALERTS,
    *pipeline_alertmanager.ALERTS,
    CONFIG_RELOAD_FAILING,
    LOGS_DROPPED,
)
