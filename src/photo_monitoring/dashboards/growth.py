"""The board of the guide's section 7: how the service grows, by whom, and what it will need."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.growth_storage import STORAGE, UPLOADERS
from photo_monitoring.dashboards.panels import (
    BYTES,
    COUNT,
    RATIO,
    SECONDS,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    Step,
    per_hour,
)
from photo_monitoring.dashboards.patterns import share_of, speed, total

_ALL: Final = Text("전체", "all")
_ACTIVE: Final = Text("활성", "active")
_SHARED: Final = Text("공유", "shared")
_BLUE: Final = (Step(None, "blue"),)

_ALL_USERS: Final = total("photo_api_users_total", 'status="total"')
_ALL_ALBUMS: Final = total("photo_api_albums_total", 'type="total"')
_ALL_PHOTOS: Final = total("photo_api_photos_total")
_USERS: Final = (
    Query(_ALL_USERS, _ALL, colour="blue"),
    Query(total("photo_api_users_total", 'status="active"'), _ACTIVE, colour="green"),
)
_ALBUMS: Final = (
    Query(_ALL_ALBUMS, _ALL, colour="blue"),
    Query(total("photo_api_albums_total", 'type="shared"'), _SHARED, colour="purple"),
)
_PHOTOS: Final = (Query(_ALL_PHOTOS, _ALL, colour="blue"),)
_LINKS: Final = (
    Query(total("photo_api_share_links_total", 'status="total"'), _ALL, colour="blue"),
    Query(total("photo_api_share_links_total", 'status="active"'), _ACTIVE, colour="green"),
)

_NOW: Final = Row(
    id=1,
    title=Text("지금", "Now"),
    panels=(
        Panel(
            id=11,
            title=Text("회원수", "Members"),
            about=Text(
                "현재 전체 회원과 활성 회원(30일 안에 로그인) 수입니다.",
                "Members now: all, and those active (logged in within 30 days).",
            ),
            kind=Kind.STAT,
            unit=COUNT,
            queries=_USERS,
            usages=("photo_api_users_total: members now, all and active",),
            steps=_BLUE,
            width=5,
            height=5,
        ),
        Panel(
            id=12,
            title=Text("앨범 수", "Albums"),
            about=Text("현재 전체 앨범과 공유 앨범 수입니다.", "Albums now: all, and those shared."),
            kind=Kind.STAT,
            unit=COUNT,
            queries=_ALBUMS,
            usages=("photo_api_albums_total: albums now, all and shared",),
            steps=_BLUE,
            width=5,
            height=5,
        ),
        Panel(
            id=13,
            title=Text("사진 수", "Photos"),
            about=Text("현재 전체 사진 수입니다. 확인이 끝난 사진만 셉니다.", "Confirmed photos now."),
            kind=Kind.STAT,
            unit=COUNT,
            queries=_PHOTOS,
            usages=("photo_api_photos_total: photos now",),
            steps=_BLUE,
            width=3,
            height=5,
        ),
        Panel(
            id=14,
            title=Text("공유 링크 수", "Share links"),
            about=Text("현재 전체 공유 링크와 열려 있는 링크 수입니다.", "Share links now: all, and those open."),
            kind=Kind.STAT,
            unit=COUNT,
            queries=_LINKS,
            usages=("photo_api_share_links_total: share links now, all and active",),
            steps=_BLUE,
            width=5,
            height=5,
        ),
        Panel(
            id=15,
            title=Text("저장 용량", "Storage"),
            about=Text("현재 Object Storage 사용량입니다.", "Bytes of all photos in the object storage now."),
            kind=Kind.STAT,
            unit=BYTES,
            queries=(Query(total("photo_api_object_storage_usage_bytes"), _ALL),),
            usages=("photo_api_object_storage_usage_bytes: GB now",),
            steps=_BLUE,
            decimals=2,
            width=3,
            height=5,
        ),
        Panel(
            id=16,
            title=Text("집계 경과 시간", "Age of the totals"),
            about=Text(
                "위 합계를 DB에서 마지막으로 읽은 뒤 지난 시간입니다. 커지면 이 보드의 숫자는 옛것입니다.",
                "Time since the totals were last read from the database. When it grows, this board's numbers are old.",
            ),
            kind=Kind.STAT,
            unit=SECONDS,
            queries=(
                Query(
                    "time() - max(photo_api_business_metrics_last_success_timestamp_seconds{$api})",
                    Text("경과", "age"),
                ),
            ),
            home_of=("business-metrics",),
            decimals=0,
            width=3,
            height=5,
        ),
    ),
)

_MEMBERS: Final = Row(
    id=2,
    title=Text("회원", "Members"),
    panels=(
        Panel(
            id=21,
            title=Text("회원수 추이", "Members over time"),
            about=Text("시간별 전체·활성 회원수로 서비스 성장을 봅니다.", "All and active members: how it grows."),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=_USERS,
            points=("photo_api_users_total: growth of the service",),
            usages=("photo_api_users_total: members over time",),
        ),
        Panel(
            id=22,
            title=Text("회원 증가 속도", "Growth of members"),
            about=Text(
                "시간당 늘어난 회원수입니다. 합계 게이지이므로 rate가 아니라 deriv로 잽니다.",
                "Members gained in an hour; of a gauge, so by deriv, not rate.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_hour("members"),
            queries=(Query(speed("photo_api_users_total", 'status="total"'), Text("증가", "gained"), colour="blue"),),
            usages=("photo_api_users_total: growth rate",),
            minimum=None,
        ),
        Panel(
            id=23,
            title=Text("활성 회원 비율", "Share of active members"),
            about=Text(
                "전체 회원 가운데 활성 회원의 비율입니다. 회원은 느는데 비율이 떨어지면 떠나는 회원이 많습니다.",
                "Active members among all. When it falls while members grow, many leave.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(share_of("photo_api_users_total", 'status="active"', 'status="total"'), _ACTIVE, colour="green"),
            ),
            points=("photo_api_users_total: share of active members",),
            maximum=1,
        ),
        Panel(
            id=24,
            title=Text("회원가입 추세", "Registrations by day"),
            about=Text("지난 24시간 동안 성공한 회원가입 수입니다.", "Registrations within the last 24 hours."),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query(
                    'sum(increase(http_requests_total{$api, handler="/auth/register", method="POST", status=~"2.."}'
                    "[${1d}]))",
                    Text("24시간 회원가입", "registrations, 24 h"),
                    colour="blue",
                ),
            ),
            points=("photo_api_users_total: trend of registrations",),
        ),
    ),
)

_CONTENT: Final = Row(
    id=3,
    title=Text("앨범·사진·공유", "Albums, photos, sharing"),
    panels=(
        Panel(
            id=31,
            title=Text("앨범 수 추이", "Albums over time"),
            about=Text("시간별 전체·공유 앨범 수입니다.", "All and shared albums."),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=_ALBUMS,
            points=("photo_api_albums_total: albums made",),
            usages=("photo_api_albums_total: albums over time",),
        ),
        Panel(
            id=32,
            title=Text("앨범 공유율", "Share of shared albums"),
            about=Text("전체 앨범 가운데 공유 앨범의 비율입니다.", "Shared albums among all."),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(share_of("photo_api_albums_total", 'type="shared"', 'type="total"'), _SHARED, colour="purple"),
            ),
            points=("photo_api_albums_total: share of shared albums",),
            usages=("photo_api_albums_total: share of shared albums",),
            maximum=1,
        ),
        Panel(
            id=33,
            title=Text("사진 수 추이", "Photos over time"),
            about=Text("시간별 전체 사진 수입니다.", "Photos over time."),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=_PHOTOS,
            points=("photo_api_photos_total: photos uploaded",),
            usages=("photo_api_photos_total: photos over time",),
        ),
        Panel(
            id=34,
            title=Text("사진 업로드 속도", "Upload speed"),
            about=Text("시간당 늘어난 사진 수입니다.", "Photos gained in an hour."),
            kind=Kind.TIME_SERIES,
            unit=per_hour("photos"),
            queries=(Query(speed("photo_api_photos_total"), Text("증가", "gained"), colour="blue"),),
            usages=("photo_api_photos_total: upload speed",),
            minimum=None,
        ),
        Panel(
            id=35,
            title=Text("평균 보유량", "Averages"),
            about=Text(
                "사용자당 앨범 수와 사진 수, 앨범당 사진 수입니다.",
                "Albums and photos per member, and photos per album.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(
                Query(
                    f"{_ALL_ALBUMS}\n/\n({_ALL_USERS} > 0)",
                    Text("사용자당 앨범", "albums per member"),
                    colour="purple",
                ),
                Query(
                    f"{_ALL_PHOTOS}\n/\n({_ALL_USERS} > 0)",
                    Text("사용자당 사진", "photos per member"),
                    colour="blue",
                ),
                Query(
                    f"{_ALL_PHOTOS}\n/\n({_ALL_ALBUMS} > 0)",
                    Text("앨범당 사진", "photos per album"),
                    colour="orange",
                ),
            ),
            points=(
                "photo_api_albums_total: albums per user",
                "photo_api_photos_total: photos per user",
                "photo_api_photos_total: photos per album",
            ),
            decimals=1,
        ),
        Panel(
            id=36,
            title=Text("공유 링크 수 추이", "Share links over time"),
            about=Text("시간별 전체·활성 공유 링크 수입니다.", "All and open share links."),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=_LINKS,
            points=("photo_api_share_links_total: links made",),
            usages=("photo_api_share_links_total: share links over time",),
        ),
        Panel(
            id=37,
            title=Text("활성 공유 링크 비율", "Share of open links"),
            about=Text(
                "전체 공유 링크 가운데 열려 있는 링크의 비율입니다. 나머지는 만료되었거나 끊었습니다.",
                "Open links among all; the rest expired or were ended.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    share_of("photo_api_share_links_total", 'status="active"', 'status="total"'),
                    _ACTIVE,
                    colour="green",
                ),
            ),
            points=("photo_api_share_links_total: share of active links",),
            maximum=1,
        ),
        Panel(
            id=38,
            title=Text("공유 기능 사용률", "Use of sharing"),
            about=Text(
                "이미지 조회 가운데 공유 링크로 본 비율(24시간)입니다. 공유가 실제로 쓰이는지 보여 줍니다.",
                "Image views through share links among all, over 24 hours: whether sharing is really used.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    """
sum(increase(photo_api_image_access_total{$api, access_type="shared", result="success"}[${1d}]))
/
(sum(increase(photo_api_image_access_total{$api, result="success"}[${1d}])) > 0)
""",
                    _SHARED,
                    colour="purple",
                ),
            ),
            points=("photo_api_share_links_total: how much sharing is used",),
            maximum=1,
        ),
    ),
)

GROWTH: Final = Board(
    uid="photo-api-growth",
    title=Text("Photo API 비즈니스 성장", "Photo API: growth"),
    about=Text(
        "가이드 7장: 회원, 앨범, 사진, 공유 링크, 저장 용량의 추이와 사용자별 사용량입니다.",
        "The guide's section 7: members, albums, photos, share links and storage over time, and use by user.",
    ),
    rows=(_NOW, _MEMBERS, _CONTENT, STORAGE, UPLOADERS),
    since="now-30d",
    ranges=("24h", "7d", "30d"),
)
