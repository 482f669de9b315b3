"""The growth board's rows on storage (guide 7.2): how much, how fast, what it will cost, and who fills it."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import (
    BYTES,
    BYTES_PER_SECOND,
    RATIO,
    Column,
    Kind,
    Panel,
    Query,
    Row,
    Step,
)
from photo_monitoring.dashboards.patterns import speed, total

_USAGE: Final = "photo_api_object_storage_usage_bytes"
_BY_USER: Final = "photo_api_object_storage_usage_by_user_bytes"
_UPLOADED: Final = "photo_api_photo_upload_size_total_bytes"
_NAMED: Final = '$api, user_id!="other"'
_LARGEST: Final = f"topk(20, max by (user_id) ({_BY_USER}{{{_NAMED}}}))"
_USER: Final = Column("user_id", Text("사용자", "User"))

STORAGE: Final = Row(
    id=4,
    title=Text("저장 용량", "Storage"),
    panels=(
        Panel(
            id=41,
            title=Text("저장 용량 추이", "Storage over time"),
            about=Text("시간별 Object Storage 사용량입니다.", "Bytes in the object storage over time."),
            kind=Kind.TIME_SERIES,
            unit=BYTES,
            queries=(Query(total(_USAGE), Text("사용량", "used"), colour="blue"),),
            points=(f"{_USAGE}: growth over time",),
            usages=(f"{_USAGE}: GB over time",),
        ),
        Panel(
            id=42,
            title=Text("저장 용량 증가 속도", "Growth of storage"),
            about=Text("시간당 늘어난 바이트입니다.", "Bytes gained in an hour."),
            kind=Kind.TIME_SERIES,
            unit=BYTES,
            queries=(Query(speed(_USAGE), Text("시간당 증가", "gained in an hour"), colour="blue"),),
            usages=(f"{_USAGE}: growth rate",),
            minimum=None,
        ),
        Panel(
            id=43,
            title=Text("1시간 증가율", "Growth within an hour"),
            about=Text(
                "1시간 전보다 늘어난 비율입니다. 10%부터 경고, 50%부터 위험입니다. 급증하면 아래 사용자별 업로드를 "
                "보세요. "
                "한 시간 치 데이터가 쌓이기 전에는 비어 있습니다.",
                "By which share storage grew within an hour: a warning from 10 %, critical from 50 %. At a jump look "
                "at the uploads by user below. Blank until there is an hour of data.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    "job:photo_api_object_storage_usage:growth1h{$api}",
                    Text("증가율", "growth"),
                    colour="orange",
                    absent="compares with an hour ago, and needs an hour of data",
                ),
            ),
            home_of=("storage-growth",),
            points=(f"{_USAGE}: a jump in storage",),
            minimum=None,
        ),
        Panel(
            id=44,
            title=Text("비용 예측", "Cost forecast"),
            about=Text(
                "과금 단위인 GB·월(지난 30일의 평균 사용량)과, 지난 7일의 추세가 이어질 때 30일 뒤의 사용량입니다. "
                "여기에 요금표의 GB·월 단가를 곱하면 비용입니다.",
                "What storage is billed by, GB-months (the average over 30 days), and the use in 30 days if the last 7 "
                "days go on. Times the tariff's price of a GB-month it is the cost.",
            ),
            kind=Kind.TIME_SERIES,
            unit=BYTES,
            queries=(
                Query(
                    f"max(avg_over_time({_USAGE}{{$api}}[${{30d}}]))",
                    Text("지난 30일 평균(과금)", "average of 30 days (billed)"),
                    colour="green",
                ),
                Query(
                    f"clamp_min(avg(predict_linear({_USAGE}{{$api}}[${{7d}}], 30 * 86400)), 0)",
                    Text("30일 뒤 예측", "forecast in 30 days"),
                    colour="orange",
                ),
            ),
            points=(f"{_USAGE}: cost",),
        ),
    ),
)

UPLOADERS: Final = Row(
    id=5,
    title=Text("사용자별 사용량", "Use by user"),
    panels=(
        Panel(
            id=51,
            title=Text("사용자별 사용량 상위 20", "The 20 largest users"),
            about=Text("용량을 가장 많이 쓰는 사용자입니다.", "The users with most bytes."),
            kind=Kind.TABLE,
            unit=BYTES,
            queries=(Query(_LARGEST, "{{user_id}}"),),
            points=(f"{_BY_USER}: who uploads most",),
            usages=(f"{_BY_USER}: the largest users, in GB",),
            steps=(Step(None, "blue"),),
            columns=(_USER, Column("Value", Text("사용량", "Used"))),
            width=8,
        ),
        Panel(
            id=52,
            title=Text("사용자별 사용량 분포", "Use by user"),
            about=Text("상위 사용자의 사용량을 나란히 비교합니다.", "The largest users' bytes side by side."),
            kind=Kind.BARS,
            unit=BYTES,
            queries=(Query(_LARGEST, "{{user_id}}"),),
            usages=(f"{_BY_USER}: how use is spread over users",),
            columns=(_USER, Column("Value", Text("사용량", "Used"))),
            width=8,
        ),
        Panel(
            id=53,
            title=Text("상위 10명의 비중", "Share of the top ten"),
            about=Text(
                "전체 용량 가운데 상위 10명이 쓰는 비율입니다. 1에 가까우면 소수가 대부분을 씁니다.",
                "How much of all storage the ten largest users have: near 100 % a few have nearly all.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    f"sum(topk(10, max by (user_id) ({_BY_USER}{{{_NAMED}}})))\n/\n({total(_USAGE)} > 0)",
                    Text("상위 10명", "top ten"),
                    colour="purple",
                ),
            ),
            points=(f"{_BY_USER}: how use is spread over users",),
            maximum=1,
            width=8,
        ),
        Panel(
            id=54,
            title=Text("최근 1시간 업로드 상위", "Uploads within the last hour"),
            about=Text(
                "사용자별 최근 1시간 업로드 용량입니다. 1GB부터 경고, 10GB부터 위험입니다.",
                "Bytes that each user uploaded within the last hour: a warning from 1 GB, critical from 10 GB.",
            ),
            kind=Kind.TIME_SERIES,
            unit=BYTES,
            queries=(
                Query(
                    "topk(10, job_user:photo_api_photo_upload_last_hour_bytes:sum{$api})",
                    "{{user_id}}",
                    absent="a user has a series of its own above a floor of uploads an hour",
                ),
            ),
            home_of=("user-upload",),
            points=(f"{_BY_USER}: users who behave oddly",),
            width=8,
        ),
        Panel(
            id=55,
            title=Text("업로드 용량 추이", "Uploaded bytes over time"),
            about=Text(
                "초당 업로드된 바이트입니다. 용량이 언제부터 급증했는지 보여 줍니다.",
                "Bytes uploaded in a second: when a jump began.",
            ),
            kind=Kind.TIME_SERIES,
            unit=BYTES_PER_SECOND,
            queries=(Query(f"sum(rate({_UPLOADED}{{$api}}[$rate]))", Text("업로드", "uploads"), colour="orange"),),
            points=(f"{_UPLOADED}: when storage began to jump",),
            usages=(f"{_UPLOADED}: uploaded bytes over time",),
            width=8,
        ),
        Panel(
            id=56,
            title=Text("시간 × 사용자별 업로드", "Uploads by time and user"),
            about=Text(
                "시간대별로 어느 사용자가 얼마나 올렸는지 보여 줍니다. 시간당 기준 이하의 사용자는 other입니다.",
                "Which user uploaded how much when. Users below the hourly floor are other.",
            ),
            kind=Kind.HEAT_MAP,
            unit=BYTES_PER_SECOND,
            queries=(Query(f"sum by (user_id) (rate({_UPLOADED}{{$api}}[$rate]))", "{{user_id}}"),),
            points=(f"{_UPLOADED}: when each user uploads",),
            usages=(f"{_UPLOADED}: uploaded bytes by time and user",),
            width=8,
        ),
    ),
)
