"""Backends of a service at work, beyond the guide: breakers, the database's pool, the CDN, shared rate limits."""

from typing import Final

from photo_monitoring.alert_shapes import per_minute, share_of, slow
from photo_monitoring.criteria import Alert, Group, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Firing, Level, located

_STATE: Final = "photo_api_external_breaker_state"
_OPEN_CIRCUIT: Final = Text(
    "인스턴스 {value}개가 최근 {window}의 절반 이상 {service} 호출을 보내지도 않고 거절했고, 그 상태가 {hold} 이상 "
    "이어졌습니다.",
    "For half of the last {window} or more, {value} instances refused calls to {service} without sending them; {hold} "
    "of that.",
)
_WHY_OPEN: Final = Text(
    "로그 circuit_open의 reason에서 무엇이 실패했는지 봅니다.",
    "See which failure opened it: circuit_open in the log.",
)


def _open_circuits(services: str) -> str:
    # While trials fail the state goes back and forth between 1 and 2, and a single scrape may see either, or a 0.
    return f'sum by (job, service) (avg_over_time({_STATE}{{$api, service=~"{services}"}}[${{2m}}]) >= bool 1)'


def _open(service: str) -> Level:
    return Level(
        gauge=f'{_STATE}{{service="{service}"}}',
        level=lambda instances: 2 * instances,
        whole=True,
        lag="1m",
        labels={"service": service},
    )


STORAGE_CIRCUIT_OPEN: Final = Alert(
    name="ExternalServiceCircuitOpen",
    subject="storage-circuit",
    group=Group.STABILITY,
    section="3.1",
    symptom_of=("ExternalServiceFailure",),
    value=_open_circuits("object_storage"),
    compare=">=",
    window="2m",
    by=("job", "service"),
    unit=Unit.COUNT,
    tiers=(critical(None, 1, "2m"),),
    summary=Text("업로드와 사진이 거절되고 있습니다: {service}", "Uploads and pictures are refused: {service}"),
    description=_OPEN_CIRCUIT,
    next_steps=(
        _WHY_OPEN,
        Text("모든 인스턴스인지 한 대인지 보고, 한 대면 드레인합니다.", "All instances, or one? Drain a single one."),
    ),
    stimulus=_open("object_storage"),
    cases=(
        Case(
            name="a breaker whose trials keep failing is open, whatever single scrapes see",
            inputs={located(f'{_STATE}{{service="object_storage"}}'): "0+0x10" + " 2 1 2 0 2 1 2 2" * 3},
            expect={
                "10m": (Firing(severity="critical", labels={"job": "photo-api", "service": "object_storage"}, value=1),)
            },
        ),
        Case(
            name="a breaker that opened, and closed with its first trial, is silent",
            inputs={located(f'{_STATE}{{service="object_storage"}}'): "0+0x10 2 1 0+0x20"},
            expect={"6m": (), "8m": (), "10m": ()},
        ),
    ),
)

SERVICE_CIRCUIT_OPEN: Final = Alert(
    name="ExternalServiceCircuitOpen",
    subject="service-circuit",
    group=Group.STABILITY,
    section="3.1",
    symptom_of=("ExternalServiceFailure",),
    value=_open_circuits("cdn|log_service"),
    compare=">=",
    window="2m",
    by=("job", "service"),
    unit=Unit.COUNT,
    tiers=(warning(None, 1, "5m"),),
    summary=Text("외부 서비스 호출을 멈췄습니다: {service}", "Calls to {service} are held back"),
    description=_OPEN_CIRCUIT,
    next_steps=(
        _WHY_OPEN,
        Text(
            "CDN이면 사진을 직접 보내므로 대역폭을, Log Service면 로그 큐를 봅니다.",
            "CDN: watch the bandwidth, for pictures are streamed; log service: watch the queue.",
        ),
    ),
    stimulus=_open("cdn"),
)

DATABASE_POOL_WAITS: Final = slow(
    "DatabasePoolSaturated",
    subject="pool-wait",
    histogram="photo_api_db_pool_wait_duration_seconds",
    symptom_of=("database",),
    tiers=(warning(None, 0.1, "5m", minimum=100), critical(None, 1, "2m", minimum=100)),
    summary=Text("DB 연결을 기다리고 있습니다", "Requests wait for a connection to the database"),
    description=Text(
        "최근 {window} DB 연결을 얻은 호출의 {value}가 {threshold}초보다 오래 기다렸습니다. 기준 {share} 초과가 {hold} "
        "이상 이어졌습니다.",
        "Of the calls that asked for a connection in the last {window}, {value} waited longer than {threshold} s; "
        "above {share} for {hold}.",
    ),
    next_steps=(
        Text(
            "연결을 오래 쥔 문장과 잠금을 pg_stat_activity에서 찾습니다.",
            "Find in pg_stat_activity who holds connections: slow statements, locks.",
        ),
        Text(
            "늘리기 전에 인스턴스 수 × 풀 크기가 max_connections보다 작은지 봅니다.",
            "Before you raise the pool: instances × pool must stay under max_connections.",
        ),
    ),
)

DATABASE_POOL_IN_USE: Final = Alert(
    name="DatabasePoolSaturated",
    subject="pool-use",
    group=Group.STABILITY,
    section="3.1",
    symptom_of=("database",),
    value="min_over_time(photo_api_db_pool_in_use{$api}[${2m}]) / photo_api_db_pool_size{$api}",
    compare=">=",
    window="2m",
    by=("job", "instance"),
    unit=Unit.RATIO,
    tiers=(warning(None, 0.9, "5m"),),
    summary=Text("인스턴스 {instance}의 DB 연결 풀이 찼습니다", "The connection pool of instance {instance} is full"),
    description=Text(
        "인스턴스 {instance}의 DB 연결은 최근 {window} 동안 가장 적을 때도 {value}가 쓰이고 있었습니다. 기준 "
        "{threshold} 이상이 {hold} 동안 이어졌습니다.",
        "At no moment of the last {window} was less than {value} of the connections of instance {instance} in use; "
        "{threshold} or more for {hold}.",
    ),
    next_steps=(
        Text(
            "요청이 늘지 않았는데 찼으면 느린 문장이나 돌려주지 않은 연결입니다.",
            "Full without more requests: slow statements, or connections that nobody gives back.",
        ),
    ),
    stimulus=Level(
        gauge="photo_api_db_pool_in_use",
        level=lambda share: 10 * share,
        lag="2m",
        constant={"photo_api_db_pool_size": 10},
    ),
)

CDN_FALLBACK: Final = share_of(
    "CDNFallback",
    part='photo_api_image_delivery_total{via="fallback"}',
    others='photo_api_image_delivery_total{via="redirect"}',
    symptom_of=("cdn",),
    tiers=(warning(None, 0.1, "5m", minimum=50),),
    summary=Text("CDN 대신 직접 사진을 보내고 있습니다", "Pictures are streamed for want of the CDN"),
    description=Text(
        "최근 {window} CDN으로 보낼 사진의 {value}를 서비스가 직접 보냈습니다. 기준 {threshold} 초과가 {hold} 이상 "
        "이어졌습니다.",
        "Of the pictures of the last {window} that the CDN should deliver, the service streamed {value}; above "
        "{threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "CDN의 인증 토큰 API와 엣지 가운데 어느 쪽이 안 되는지 봅니다.",
            "Which fails: the CDN's token API or its edge?",
        ),
        Text(
            "서비스와 스토리지의 대역폭이 버티는지 봅니다.",
            "See whether the service's and the storage's bandwidth bears it.",
        ),
    ),
)

RATE_LIMITS_NOT_SHARED: Final = per_minute(
    "RateLimitsNotShared",
    group=Group.SECURITY,
    section="4.1",
    counter="photo_api_rate_limit_fallbacks_total",
    tiers=(warning(None, 1, "10m"),),
    summary=Text("Rate limit을 인스턴스마다 따로 셉니다", "Each instance counts rate limits alone"),
    description=Text(
        "Redis 없이 센 Rate limit 검사가 분당 {value}건입니다. 그동안 클라이언트는 인스턴스 수만큼 한도를 더 쓸 수 "
        "있습니다. 기준 {threshold}건 이상이 {hold} 동안 이어졌습니다.",
        "{value} rate limit checks a minute are made without Redis: a client may use the limit once for each instance; "
        "{threshold} or more for {hold}.",
    ),
    next_steps=(
        Text("Redis가 떠 있는지, 비밀번호와 메모리를 확인합니다.", "Is Redis up? Check its password and its memory."),
    ),
)

ALERTS: Final = (
    STORAGE_CIRCUIT_OPEN,
    SERVICE_CIRCUIT_OPEN,
    DATABASE_POOL_WAITS,
    DATABASE_POOL_IN_USE,
    CDN_FALLBACK,
    RATE_LIMITS_NOT_SHARED,
)
