"""The board of the monitoring itself: is everything scraped, evaluated, sent and delivered."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.fleet import DOWN_UP
from photo_monitoring.dashboards.panels import (
    BYTES,
    COUNT,
    RATIO,
    SECONDS,
    STATE,
    Board,
    Colour,
    Column,
    Kind,
    Named,
    Panel,
    Query,
    Row,
    Step,
)
from photo_monitoring.dashboards.pipeline_delivery import DELIVERY

_TARGET: Final = "{{job}} {{instance}}"
_NAME: Final = "{{instance}}"
_GRAVITY: Final[tuple[tuple[str, Colour], ...]] = (("warning", "orange"), ("critical", "red"))

_NOW: Final = Row(
    id=1,
    title=Text("알림", "Alerts"),
    panels=(
        Panel(
            id=11,
            title=Text("울리는 알림", "Firing alerts"),
            about=Text(
                "지금 울리는 알림입니다. 비어 있으면 조용한 것이고, 옆의 심박이 멈췄다면 조용한 것이 아니라 "
                "고장입니다.",
                "The alerts that fire now. Blank is quiet, as long as the heartbeat is there.",
            ),
            kind=Kind.TABLE,
            unit=COUNT,
            queries=(
                Query(
                    "count by (alertname, severity, instance) "
                    '(ALERTS{alertstate="firing", system="photo-api", severity!="none"})',
                    "{{alertname}}",
                    absent="a healthy system has no firing alert",
                ),
            ),
            steps=(Step(None, "text"),),
            columns=(
                Column("severity", Text("심각도", "Severity")),
                Column("alertname", Text("알림", "Alert")),
                Column("instance", Text("인스턴스", "Instance")),
            ),
            width=10,
        ),
        Panel(
            id=12,
            title=Text("심박(Watchdog)", "Heartbeat (Watchdog)"),
            about=Text(
                "늘 울려야 하는 알림입니다. 사라지면 규칙 평가가 멈춘 것이며, 외부 감시(dead man's switch)가 알려야 "
                "합니다.",
                "The alert that always fires. When it is gone, rules are evaluated no more, and the dead man's switch "
                "must tell.",
            ),
            kind=Kind.STAT,
            unit=COUNT,
            queries=(
                Query(
                    'count(ALERTS{alertname="Watchdog", alertstate="firing", system="photo-api"})\n'
                    "or\n0 * count(up{$prometheus})",
                    Text("심박", "heartbeat"),
                ),
            ),
            home_of=("pipeline",),
            limits=(),
            steps=(Step(None, "red"), Step(1, "green")),
            names=(Named(1, Text("뛰는 중", "beating"), "green"), Named(0, Text("멈춤", "stopped"), "red")),
            width=4,
        ),
        Panel(
            id=13,
            title=Text("알림 수 추이", "Alerts over time"),
            about=Text("울리는 알림 수를 심각도별로 쌓아 보여 줍니다.", "Firing alerts by severity."),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=tuple(
                Query(
                    f'count(ALERTS{{alertstate="firing", system="photo-api", severity="{severity}"}})\n'
                    "or\n0 * count(up{$prometheus})",
                    severity,
                    colour=colour,
                )
                for severity, colour in _GRAVITY
            ),
            stacked=True,
            width=10,
        ),
    ),
)

_SCRAPES: Final = Row(
    id=2,
    title=Text("수집", "Scrapes"),
    panels=(
        Panel(
            id=21,
            title=Text("수집 대상", "Targets"),
            about=Text(
                "Prometheus가 수집하는 모든 대상의 상태입니다. 중단된 대상의 알림은 울리지 못합니다.",
                "Every target that Prometheus scrapes; what is down cannot alert.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(
                Query("up{$prometheus}", _TARGET),
                Query("up{$alertmanager}", _TARGET),
                Query("up{$node}", _TARGET),
                Query("up{$api}", _TARGET),
                Query("up{$haproxy}", _TARGET),
                Query("up{$blackbox} or up{$probe}", _TARGET),
            ),
            home_of=("prometheus", "alertmanager", "node-exporter", "scrapes"),
            limits=(),
            names=DOWN_UP,
            minimum=None,
            width=12,
        ),
        Panel(
            id=22,
            title=Text("수집 시간", "Scrape duration"),
            about=Text(
                "대상별 수집에 걸린 시간입니다. 수집 간격에 가까워지면 표본을 놓칩니다.",
                "How long each scrape takes; near the scrape interval samples are lost.",
            ),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(
                Query(
                    "max by (job, instance) (scrape_duration_seconds{$api} or "
                    "scrape_duration_seconds{$node} or scrape_duration_seconds{$haproxy})",
                    _TARGET,
                ),
            ),
        ),
        Panel(
            id=23,
            title=Text("수집한 표본 수", "Samples scraped"),
            about=Text(
                "인스턴스 한 번 수집의 표본 수입니다. 한도를 넘으면 그 수집은 통째로 버려집니다.",
                "Samples of one scrape of an instance; above the limit the whole scrape is thrown away.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(Query("scrape_samples_scraped{$api}", _NAME),),
        ),
        Panel(
            id=24,
            title=Text("버려진 수집", "Scrapes thrown away"),
            about=Text(
                "표본 수나 본문 크기 한도를 넘어 버려진 수집 수(5분)입니다. 0이 정상입니다.",
                "Scrapes within 5 minutes that were over the limit of samples or of size; 0 is normal.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query(
                    "sum by (instance) "
                    "(increase(prometheus_target_scrapes_exceeded_sample_limit_total{$prometheus}[${5m}]))",
                    Text("표본 한도 {{instance}}", "sample limit {{instance}}"),
                ),
                Query(
                    "sum by (instance) "
                    "(increase(prometheus_target_scrapes_exceeded_body_size_limit_total{$prometheus}[${5m}]))",
                    Text("크기 한도 {{instance}}", "size limit {{instance}}"),
                ),
            ),
            home_of=("scrape-limits",),
        ),
        Panel(
            id=25,
            title=Text("시계열 수", "Series"),
            about=Text(
                "Prometheus가 들고 있는 시계열 수입니다. 계단처럼 오르면 어떤 라벨이 폭증한 것입니다.",
                "Series that Prometheus holds; a step upwards is a label that exploded.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(Query("prometheus_tsdb_head_series{$prometheus}", _NAME),),
        ),
        Panel(
            id=26,
            title=Text("저장소 크기", "Size of the storage"),
            about=Text(
                "Prometheus 블록의 디스크 사용량입니다. 30일 SLO에는 32일 이상의 보존이 필요합니다.",
                "Bytes of Prometheus' blocks on disk; the 30 days' objectives need 32 days of them.",
            ),
            kind=Kind.TIME_SERIES,
            unit=BYTES,
            queries=(Query("prometheus_tsdb_storage_blocks_bytes{$prometheus}", _NAME),),
        ),
    ),
)

_RULES: Final = Row(
    id=3,
    title=Text("규칙 평가", "Rules"),
    panels=(
        Panel(
            id=31,
            title=Text("평가 시간 비율", "Time to evaluate"),
            about=Text(
                "규칙 그룹의 평가 시간이 평가 간격에서 차지하는 비율입니다. 1을 넘으면 평가를 건너뜁니다.",
                "How much of its interval each rule group takes; above 100 % evaluations are missed.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    """
max by (instance) (
  prometheus_rule_group_last_duration_seconds{$prometheus}
  /
  prometheus_rule_group_interval_seconds{$prometheus}
)
""",
                    _NAME,
                ),
            ),
            home_of=("rule-duration",),
        ),
        Panel(
            id=32,
            title=Text("건너뛴 평가", "Evaluations missed"),
            about=Text(
                "건너뛴 규칙 평가의 비율입니다. 건너뛰는 동안 알림은 늦어집니다.",
                "Share of rule evaluations that were missed; alerts are late meanwhile.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    """
max by (instance) (
  rate(prometheus_rule_group_iterations_missed_total{$prometheus}[${5m}])
  /
  rate(prometheus_rule_group_iterations_total{$prometheus}[${5m}])
)
""",
                    _NAME,
                ),
            ),
            home_of=("rule-iterations",),
        ),
        Panel(
            id=33,
            title=Text("평가 실패", "Evaluations failing"),
            about=Text(
                "5분 동안 실패한 규칙 평가 수입니다. 실패하는 규칙은 울리지 않습니다.",
                "Rule evaluations that failed within 5 minutes; a rule that fails does not fire.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query(
                    "sum by (instance) (increase(prometheus_rule_evaluation_failures_total{$prometheus}[${5m}]))", _NAME
                ),
            ),
            home_of=("rule-evaluation",),
        ),
        Panel(
            id=34,
            title=Text("설정 다시 읽기", "Configuration reloads"),
            about=Text(
                "마지막으로 설정을 읽는 데 성공했는지 보여 줍니다. 실패하면 옛 규칙으로 돌고 있습니다.",
                "Whether the configuration was last read with success; else old rules are in force.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(
                Query("prometheus_config_last_reload_successful{$prometheus}", _TARGET),
                Query("alertmanager_config_last_reload_successful{$alertmanager}", _TARGET),
                Query("blackbox_exporter_config_last_reload_successful{$blackbox}", _TARGET),
            ),
            home_of=("config-reload",),
            limits=(),
            names=(Named(1, Text("성공", "ok"), "green"), Named(0, Text("실패", "failed"), "red")),
            minimum=None,
        ),
    ),
)

PIPELINE: Final = Board(
    uid="photo-api-pipeline",
    title=Text("Photo API 모니터링 자체 감시", "Photo API: the monitoring itself"),
    about=Text(
        "수집, 규칙 평가, 알림 전달이 모두 살아 있는지 봅니다.",
        "Whether scrapes, rules and the delivery of alerts all work.",
    ),
    rows=(_NOW, _SCRAPES, _RULES, DELIVERY),
)
