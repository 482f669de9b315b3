"""The monitoring's board, its last row: from Prometheus to Alertmanager to a person; and the service's logs."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import COUNT, SECONDS, Kind, Panel, Query, Row, per_minute

_NAME: Final = "{{instance}}"

DELIVERY: Final = Row(
    id=4,
    title=Text("전달", "Delivery"),
    panels=(
        Panel(
            id=41,
            title=Text("Alertmanager로 못 보낸 알림", "Alerts not sent to Alertmanager"),
            about=Text(
                "Prometheus가 Alertmanager로 보내다 실패한 분당 횟수입니다. 한 대만 실패하면 다른 한 대가 받습니다.",
                "Failed attempts in a minute to send to each Alertmanager; with a pair the other one takes them.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("errors"),
            queries=(
                Query(
                    "sum by (instance, alertmanager) "
                    "(rate(prometheus_notifications_errors_total{$prometheus}[${5m}])) * 60",
                    "{{instance}} → {{alertmanager}}",
                ),
            ),
            home_of=("alert-sending",),
        ),
        Panel(
            id=42,
            title=Text("버려진 알림", "Alerts dropped"),
            about=Text(
                "어느 Alertmanager도 받지 못해 버려진 분당 알림 수입니다. 0이 아니면 알림이 사라지고 있습니다.",
                "Alerts in a minute that no Alertmanager took; anything but 0 means that alerts are lost.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("alerts"),
            queries=(
                Query(
                    "sum by (instance) (rate(prometheus_notifications_dropped_total{$prometheus}[${5m}])) * 60", _NAME
                ),
            ),
            home_of=("alert-drops",),
        ),
        Panel(
            id=43,
            title=Text("보낸 알림", "Notifications sent"),
            about=Text("채널별 분당 알림 전송 수입니다.", "Notifications in a minute by channel."),
            kind=Kind.TIME_SERIES,
            unit=per_minute("notifications"),
            queries=(
                Query(
                    "sum by (integration) (rate(alertmanager_notifications_total{$alertmanager}[$rate])) * 60 > 0",
                    "{{integration}}",
                    absent="blank while nothing was to be told",
                ),
            ),
        ),
        Panel(
            id=44,
            title=Text("실패한 알림", "Notifications failed"),
            about=Text(
                "5분 동안 전달에 실패한 알림 수입니다. URL, 토큰, 채널의 장애를 확인하세요.",
                "Notifications within 5 minutes that a channel did not take: look at its URL, its token, its status.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query(
                    "sum(increase(alertmanager_notifications_failed_total{$alertmanager}[${5m}]))",
                    Text("합계", "total"),
                    colour="text",
                ),
                Query(
                    "sum by (integration) "
                    "(increase(alertmanager_notifications_failed_total{$alertmanager}[${5m}])) > 0",
                    "{{integration}}",
                    absent="blank while every channel takes what it is sent",
                ),
                # Alertmanager counts a notification as failed only when it gives up, a digest after hours.
                Query(
                    "sum by (integration) "
                    "(increase(alertmanager_notification_requests_failed_total{$alertmanager}[${5m}])) > 0",
                    Text("{{integration}}: 거절된 시도", "{{integration}}: refused attempts"),
                    absent="blank while every channel takes what it is sent",
                ),
            ),
            home_of=("notifications",),
        ),
        Panel(
            id=45,
            title=Text("Alertmanager 클러스터", "Alertmanager cluster"),
            about=Text(
                "각 Alertmanager가 아는 구성원 수와 살아 있는 수입니다. 다르면 알림이 두 번 가거나 침묵이 공유되지 "
                "않습니다.",
                "How many members each Alertmanager knows, and how many are up. Where they differ, notifications come "
                "twice and silences are not shared.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query(
                    "alertmanager_cluster_members{$alertmanager}",
                    _NAME,
                    absent="a single Alertmanager has no cluster",
                ),
                Query("sum(up{$alertmanager})", Text("살아 있음", "up"), colour="green"),
            ),
            home_of=("alertmanager-cluster",),
            limits=(),
        ),
        Panel(
            id=46,
            title=Text("전달 대기 시간", "Time to deliver"),
            about=Text("채널이 알림을 받는 데 걸린 P95 시간입니다.", "P95 of the time that a channel takes."),
            kind=Kind.TIME_SERIES,
            unit=SECONDS,
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (le, integration) "
                    "(rate(alertmanager_notification_latency_seconds_bucket{$alertmanager}[$rate]))) > 0",
                    "{{integration}}",
                    absent="blank while nothing was to be told",
                ),
            ),
        ),
        Panel(
            id=47,
            title=Text("버려진 로그", "Logs dropped"),
            about=Text(
                "서비스가 보내지 못하고 버린 분당 로그 수입니다. queue_full은 로그 서비스가 느리다는 뜻입니다.",
                "Log entries in a minute that the service gave up; queue_full means that the log service is slow.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("logs"),
            queries=(Query("sum by (reason) (rate(photo_api_log_dropped_total{$api}[$rate])) * 60", "{{reason}}"),),
            home_of=("log-drops",),
        ),
        Panel(
            id=48,
            title=Text("침묵", "Silences"),
            about=Text(
                "적용 중인 침묵 수입니다. 끝나지 않는 침묵이 장애를 가리지 않는지 확인하세요.",
                "Silences in force; see that none that never ends hides an outage.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query(
                    'max(alertmanager_silences{$alertmanager, state="active"})', Text("침묵", "silences"), colour="blue"
                ),
            ),
        ),
    ),
)
