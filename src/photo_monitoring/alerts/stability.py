"""Guide 3: exceptions, the database, external services, the log queue."""

from typing import Final

from photo_monitoring.alert_shapes import per_minute
from photo_monitoring.alerts.performance import UNREACHABLE_SERVICE
from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Firing, Level, Ratio, located

HIGH_EXCEPTION_RATE: Final = per_minute(
    "HighExceptionRate",
    subject="exceptions",
    counter="photo_api_exceptions_total",
    tiers=(warning("exceptions/warning", 10, "5m"), critical("exceptions/critical", 50, "2m")),
    summary=Text("예외 발생률이 높습니다", "Many unhandled exceptions"),
    description=Text(
        "모든 인스턴스를 합해 분당 {value}개의 처리되지 않은 예외가 발생하고 있습니다. 기준 {threshold}개 "
        "이상이 {hold} 동안 이어졌습니다.",
        "Over all instances there are {value} unhandled exceptions a minute; {threshold} or more for {hold}.",
    ),
    next_steps=(
        Text("로그에서 가장 많은 예외의 스택을 찾습니다.", "Find the most frequent stack in the logs."),
        Text("최근 배포와 겹치면 되돌립니다.", "If it began with a deployment, roll that back."),
    ),
)

HIGH_DB_ERROR_RATE: Final = per_minute(
    "HighDBErrorRate",
    subject="db-errors",
    counter="photo_api_db_errors_total",
    tiers=(warning("db-errors/warning", 5, "5m"), critical("db-errors/critical", 20, "2m")),
    summary=Text("DB 에러 발생률이 높습니다", "Many database errors"),
    description=Text(
        "모든 인스턴스를 합해 분당 {value}개의 DB 에러가 발생하고 있습니다. 기준 {threshold}개 이상이 {hold} "
        "동안 이어졌습니다.",
        "Over all instances there are {value} database errors a minute; {threshold} or more for {hold}.",
    ),
    next_steps=(
        Text("연결 풀 고갈, 잠금 대기, 디스크 부족을 확인합니다.", "Check for an exhausted pool, locks, a full disk."),
        Text("DB 서버의 로그와 상태를 확인합니다.", "Read the database server's log and state."),
    ),
)

DATABASE_UNREACHABLE: Final = Alert(
    name="HighDBErrorRate",
    subject="database-unreachable",
    group=Group.STABILITY,
    section="3.1",
    value='sum by (job) (max_over_time(photo_api_dependency_up{$api, dependency="database"}[${1m}]) == bool 0)',
    compare=">=",
    window="1m",
    by=("job",),
    unit=Unit.COUNT,
    tiers=(critical("db-errors/critical/unreachable", 1, "1m"),),
    summary=Text("DB에 연결할 수 없습니다", "The database cannot be reached"),
    description=Text(
        "인스턴스 {value}개가 {window} 내내 DB에 연결하지 못했고, 그 상태가 {hold} 이상 이어졌습니다.",
        "On {value} instances every probe of the database failed for {window}, and that for {hold}.",
    ),
    next_steps=(
        Text(
            "DB 서버가 떠 있는지, 모든 인스턴스에서 안 되는지 확인합니다.",
            "Is the server up? Do all instances fail to reach it?",
        ),
        Text(
            "연결 수 한도, 자격 증명, 방화벽 변경을 확인합니다.",
            "Check connection limits, credentials, firewall changes.",
        ),
    ),
    stimulus=Level(
        gauge='photo_api_dependency_up{dependency="database"}', level=lambda away: 1 - away, whole=True, lag="1m"
    ),
)

_CDN: Final = {"job": "photo-api", "service": "cdn"}
_STORAGE: Final = {"job": "photo-api", "service": "object_storage"}

EXTERNAL_SERVICE_FAILURE: Final = Alert(
    name="ExternalServiceFailure",
    subject="external-errors",
    group=Group.STABILITY,
    section="3.1",
    value=Recording(
        "job_service:photo_api_external_request_errors:ratio_rate5m",
        """
sum by (job, service) (rate(photo_api_external_request_errors_total{$api}[${5m}]))
/
sum by (job, service) (rate(photo_api_external_request_duration_seconds_count{$api}[${5m}]))
""",
    ),
    volume=Recording(
        "job_service:photo_api_external_requests:increase5m",
        "sum by (job, service) (increase(photo_api_external_request_duration_seconds_count{$api}[${5m}]))",
    ),
    by=("job", "service"),
    unit=Unit.RATIO,
    tiers=(
        warning("external-errors/warning", 0.05, "5m", minimum=50),
        critical("external-errors/critical", 0.2, "2m", minimum=20),
    ),
    summary=Text("외부 서비스 장애가 감지되었습니다: {service}", "External service {service} fails"),
    description=Text(
        "최근 {window} {service} 요청의 {value}가 실패했습니다. 기준 {threshold} 초과가 {hold} 이상 이어졌습니다.",
        "Of the requests to {service} in the last {window}, {value} failed; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "그 서비스의 상태와 우리 자격 증명의 만료를 확인합니다.",
            "Check the service's state and our credentials' expiry.",
        ),
        Text(
            "Object Storage면 업로드와 조회, CDN이면 이미지, Log Service면 로그가 영향을 받습니다.",
            "Object storage: uploads and images; CDN: images; log service: logs.",
        ),
    ),
    stimulus=Ratio(
        part='photo_api_external_request_errors_total{service="cdn"}',
        others='photo_api_external_request_duration_seconds_count{service="cdn"}',
        among=True,
        labels={"service": "cdn"},
    ),
    cases=(
        Case(
            name="two services that fail at once are two alerts",
            inputs={
                located(f'photo_api_external_request_{sample}{{service="{service}"}}'): "0+50x40"
                for service in ("cdn", "object_storage")
                for sample in ("errors_total", "duration_seconds_count")
            },
            expect={
                "10m": tuple(
                    Firing(severity=severity, labels=labels, value=1)
                    for severity in ("warning", "critical")
                    for labels in (_CDN, _STORAGE)
                )
            },
        ),
    ),
)

EXTERNAL_SERVICE_UNREACHABLE: Final = Alert(
    name="ExternalServiceFailure",
    subject="external-service-unreachable",
    group=Group.STABILITY,
    section="3.1",
    value=UNREACHABLE_SERVICE,
    compare=">=",
    window="1m",
    by=("job", "service"),
    unit=Unit.COUNT,
    tiers=(critical("external-errors/critical/outage", 1, "1m"),),
    summary=Text("외부 서비스가 완전히 실패했습니다: {service}", "External service {service} fails completely"),
    description=Text(
        "인스턴스 {value}개에서 {service}에 {window} 내내 닿지 못했고, 그 상태가 {hold} 이상 이어졌습니다.",
        "On {value} instances {service} could not be reached for {window}, and that for {hold}.",
    ),
    next_steps=(
        Text(
            "서비스 자체의 장애인지, 우리 쪽 자격 증명이나 네트워크인지 나눕니다.",
            "Is it the service, our credentials or our network?",
        ),
        Text(
            "복구까지 무엇이 안 되는지(업로드, 조회, 로그) 공지합니다.",
            "Announce what does not work until then: uploads, images, logs.",
        ),
    ),
    stimulus=Level(
        gauge='photo_api_dependency_up{dependency="object_storage"}',
        level=lambda away: 1 - away,
        whole=True,
        lag="1m",
        labels={"service": "object_storage"},
    ),
)

LOG_QUEUE_BACKPRESSURE: Final = Alert(
    name="LogQueueBackpressure",
    subject="log-queue",
    group=Group.STABILITY,
    section="3.2",
    symptom_of=("log_service",),
    value="max_over_time(photo_api_log_queue_size{$api}[${2m}])",
    window="2m",
    by=("job", "instance"),
    unit=Unit.COUNT,
    tiers=(warning("log-queue/warning", 1000, "5m"), critical("log-queue/critical", 5000, "2m")),
    summary=Text("인스턴스 {instance}의 로그 큐가 쌓입니다", "The log queue of instance {instance} piles up"),
    description=Text(
        "인스턴스 {instance}에서 로그 {value}건이 전송을 기다립니다. 기준 {threshold}건 초과가 {hold} 이상 "
        "이어졌습니다. Log Service 장애일 수 있습니다.",
        "On instance {instance} {value} log entries wait; above {threshold} for {hold}. The log service may be away.",
    ),
    next_steps=(
        Text("Log Service 알림과 전송 에러를 확인합니다.", "Look at the log service's alerts and sending errors."),
        Text(
            "인스턴스의 메모리와 버려진 로그 수를 확인합니다.",
            "Check the instance's memory and how many entries were dropped.",
        ),
    ),
    stimulus=Level(gauge="photo_api_log_queue_size", rest=3.0),
)

ALERTS: Final = (
    HIGH_EXCEPTION_RATE,
    HIGH_DB_ERROR_RATE,
    DATABASE_UNREACHABLE,
    EXTERNAL_SERVICE_FAILURE,
    EXTERNAL_SERVICE_UNREACHABLE,
    LOG_QUEUE_BACKPRESSURE,
)
