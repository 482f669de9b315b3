"""Guide 7: storage that grows too fast, in all or by one user. Every instance publishes the totals: max, never sum."""

from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Deadline, Firing, Level

_GB: Final = 1_000_000_000
_JOB: Final = {"job": "photo-api"}
_USER: Final = "0198b2c4-6f00-7000-8000-00000000002a"
_AT: Final = 'instance="{}",job="photo-api"'
_GROWN: Final = Recording(
    "job:photo_api_object_storage_usage_bytes:delta1h",
    """
max by (job) (max_over_time(photo_api_object_storage_usage_bytes{$api}[${2m}]))
-
max by (job) (max_over_time(photo_api_object_storage_usage_bytes{$api}[${2m}] offset ${1h}))
""",
)

STORAGE_SURGE: Final = Alert(
    name="StorageSurge",
    subject="storage-growth",
    group=Group.GROWTH,
    section="7.2",
    helpers=(_GROWN,),
    value=Recording(
        "job:photo_api_object_storage_usage:growth1h",
        """
job:photo_api_object_storage_usage_bytes:delta1h
/
max by (job) (max_over_time(photo_api_object_storage_usage_bytes{$api}[${2m}] offset ${1h}))
""",
    ),
    compare=">=",
    volume=_GROWN,
    window="1h",
    by=("job",),
    unit=Unit.RATIO,
    # A new store doubles with its first photos: under 10 GB an hour nothing surges.
    tiers=(
        warning("storage-growth/warning", 0.1, "2m", minimum=10 * _GB),
        critical("storage-growth/critical", 0.5, "2m", minimum=10 * _GB),
    ),
    summary=Text("Object Storage 사용량이 급증했습니다", "Object storage use surges"),
    description=Text(
        "Object Storage 사용량이 최근 {window} 동안 {value} 늘었습니다. 기준은 {threshold} 이상입니다. 비정상적 "
        "업로드일 수 있습니다.",
        "Object storage use grew by {value} in the last {window}; the limit is {threshold}. Perhaps an abnormal "
        "upload.",
    ),
    next_steps=(
        Text("업로드가 많은 사용자를 확인합니다.", "See which users upload most."),
        Text(
            "비용과 용량 한도를 확인하고, 필요하면 사용자의 업로드를 멈춥니다.",
            "Check cost and quota; stop a user's uploads if need be.",
        ),
    ),
    stimulus=Level(
        gauge="photo_api_object_storage_usage_bytes",
        level=lambda growth: (1 + growth) * 1000 * _GB,
        volume=lambda growth: growth * 1000 * _GB,
        history="1h",
    ),
    cases=(
        Case(
            name="a small store that doubles is under the floor",
            inputs={f"photo_api_object_storage_usage_bytes{{{_AT.format('api-1')}}}": "4e9+0x130 13.9e9+0x20"},
            expect={"1h10m": ()},
        ),
        Case(
            name="totals of several instances are one total",
            inputs={
                f"photo_api_object_storage_usage_bytes{{{_AT.format(name)}}}": "1e12+0x130 1.2e12+0x20"
                for name in ("api-1", "api-2", "api-3")
            },
            expect={"1h10m": (Firing(severity="warning", labels=_JOB, value=0.2),)},
        ),
        Case(
            name="an instance that starts does not make the store grow",
            inputs={
                f"photo_api_object_storage_usage_bytes{{{_AT.format('api-1')}}}": "1e12+0x150",
                f"photo_api_object_storage_usage_bytes{{{_AT.format('api-2')}}}": "_x130 1e12+0x20",
            },
            expect={"1h10m": ()},
        ),
    ),
)

# The gauge of the heading shows the largest users only: one who was small and uploads much is seen by what was counted.
HEAVY_UPLOADER: Final = Alert(
    name="HeavyUploader",
    subject="user-upload",
    group=Group.GROWTH,
    section="7.2",
    value=Recording(
        "job_user:photo_api_photo_upload_last_hour_bytes:sum",
        """
sum by (job, user_id) (max_over_time(photo_api_photo_upload_last_hour_bytes{$api, user_id!="other"}[${2m}]))
""",
    ),
    compare=">=",
    window="1h",
    by=("job", "user_id"),
    unit=Unit.BYTES,
    tiers=(warning("user-upload/warning", _GB, "2m"), critical("user-upload/critical", 10 * _GB, "2m")),
    summary=Text("한 사용자가 많은 용량을 업로드했습니다", "One user uploads very much"),
    description=Text(
        "사용자({user_id})가 최근 {window} 동안 {value}를 업로드했습니다. 기준은 {threshold} 이상입니다.",
        "User {user_id} uploaded {value} within {window}; the limit is {threshold}.",
    ),
    next_steps=(
        Text("이 사용자의 평소 사용량과 비교합니다.", "Compare with what this user usually does."),
        Text(
            "계정이 도용되었거나 규약 위반이면 계정을 정지합니다.",
            "If the account was stolen or breaks the terms, disable it.",
        ),
    ),
    stimulus=Level(gauge=f'photo_api_photo_upload_last_hour_bytes{{user_id="{_USER}"}}', labels={"user_id": _USER}),
    cases=(
        Case(
            name="uploads spread over instances add up, also those of a newcomer",
            inputs={
                f'photo_api_photo_upload_last_hour_bytes{{user_id="{_USER}",{_AT.format(name)}}}': "_x20 6e9+0x20"
                for name in ("api-1", "api-2")
            },
            expect={
                "10m": (),
                "13m": (
                    Firing(severity="warning", labels={**_JOB, "user_id": _USER}, value=12e9),
                    Firing(severity="critical", labels={**_JOB, "user_id": _USER}, value=12e9),
                ),
            },
        ),
    ),
)

BUSINESS_METRICS_STALE: Final = Alert(
    name="BusinessMetricsStale",
    subject="business-metrics",
    group=Group.GROWTH,
    section="7.3",
    symptom_of=("database",),
    value="time() - max by (job) (photo_api_business_metrics_last_success_timestamp_seconds{$api})",
    window="5m",
    by=("job",),
    unit=Unit.SECONDS,
    tiers=(warning(None, 300, "5m"),),
    summary=Text("비즈니스 지표가 갱신되지 않습니다", "Business totals are stale"),
    description=Text(
        "어느 인스턴스도 {value}초 동안 비즈니스 합계를 읽지 못했습니다. 기준 {threshold}초 초과가 {hold} 이상 "
        "이어졌습니다.",
        "No instance has read the business totals for {value} seconds; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text("DB 알림이 함께 울리는지 확인합니다.", "See whether database alerts fire too."),
        Text(
            "인스턴스 로그에서 합계를 읽는 작업의 에러를 찾습니다.",
            "Find the reading task's errors in the instances' logs.",
        ),
    ),
    stimulus=Deadline(gauge="photo_api_business_metrics_last_success_timestamp_seconds", unit_seconds=-1, rest=30),
    cases=(
        Case(
            name="totals that stop fire, ten minutes on, and are silent when they go on",
            inputs={
                f"photo_api_business_metrics_last_success_timestamp_seconds{{{_AT.format('api-1')}}}": (
                    "0+30x20 600+0x21 1260+30x20"
                )
            },
            expect={
                "15m": (),
                "20m": (),
                "20m30s": (Firing(severity="warning", labels=_JOB, value=630),),
                "22m": (),
            },
        ),
    ),
)

ALERTS: Final = (STORAGE_SURGE, HEAVY_UPLOADER, BUSINESS_METRICS_STALE)
