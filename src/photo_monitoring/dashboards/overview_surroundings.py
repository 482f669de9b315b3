"""The lower three rows of the guide's board: attacks, the hosts' resources, what users do."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import MEGABITS, RATIO, Column, Kind, Panel, Query, Row, per_minute
from photo_monitoring.dashboards.patterns import IMAGES, SERVED, succeeded

SECURITY: Final = Row(
    id=4,
    title=Text("보안 지표", "Security Metrics"),
    panels=(
        Panel(
            id=41,
            title=Text("Rate Limit 차단 추이", "Requests blocked by rate limits"),
            about=Text(
                "분당 Rate limit 차단 수입니다. 갑자기 늘면 DDoS를 의심하고 옆의 IP 표를 확인하세요.",
                "Requests that rate limits block in a minute. A jump may be a DDoS: see the table of addresses.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("blocks"),
            queries=(
                Query(
                    "sum(rate(photo_api_rate_limit_hits_total{$limited}[$rate])) * 60",
                    Text("차단", "blocks"),
                    colour="red",
                ),
            ),
            home_of=("rate-limit-hits",),
        ),
        Panel(
            id=42,
            title=Text("브루트포스 공격 시도", "Brute force attempts"),
            about=Text(
                "분당 브루트포스 공격 시도 수, 곧 무효한 토큰으로 공유 링크를 연 횟수입니다.",
                "Visits to share links with invalid tokens in a minute.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("attempts"),
            queries=(
                Query(
                    "sum(rate(photo_api_share_link_brute_force_attempts_total{$picked}[$rate])) * 60",
                    Text("시도", "attempts"),
                    colour="red",
                ),
            ),
            home_of=("brute-force",),
        ),
        Panel(
            id=43,
            title=Text("공유 링크 접근 패턴", "Share link visits"),
            about=Text(
                "토큰 상태별 분당 공유 링크 접근 수입니다. "
                "invalid가 늘면 공격, expired가 늘면 오래된 링크가 돌고 있습니다.",
                "Visits to share links in a minute by state of the token: many invalid ones are an attack, many "
                "expired ones an old link that still goes around.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("accesses"),
            queries=(
                Query(
                    "sum by (token_status, result) (rate(photo_api_share_link_access_total{$picked}[$rate])) * 60",
                    "{{token_status}} {{result}}",
                ),
            ),
        ),
        Panel(
            id=44,
            title=Text("의심스러운 IP 활동", "Suspicious addresses"),
            about=Text(
                "Rate limit 차단이 많은 상위 10개 IP 대역(IPv4 /24, IPv6 /48)입니다. other는 작은 대역을 모은 값이며, "
                "차단이 없으면 비어 있습니다.",
                "The ten networks (IPv4 /24, IPv6 /48) with most blocked requests; other is the small ones together. "
                "Blank where nothing is blocked.",
            ),
            kind=Kind.TABLE,
            unit=per_minute("blocks"),
            queries=(
                Query(
                    "topk(10, sum by (client_id) (rate(photo_api_rate_limit_hits_total{$limited}[$rate])) * 60 > 0)",
                    "{{client_id}}",
                    absent="blank while nothing is blocked",
                ),
            ),
            home_of=("rate-limit-client",),
            columns=(
                Column("client_id", Text("IP 대역", "Network")),
                Column("Value", Text("분당 차단", "Blocked a minute")),
            ),
        ),
    ),
)

RESOURCES: Final = Row(
    id=5,
    title=Text("리소스 사용량", "Resource Usage"),
    panels=(
        Panel(
            id=51,
            title=Text("CPU 사용률", "CPU use"),
            about=Text(
                "호스트별 CPU 사용률(5분 평균)입니다. 평균을 내지 않으므로 100%인 호스트가 묻히지 않습니다.",
                "CPU use of each host over 5 minutes; not averaged over hosts, so that one at 100 % shows.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(Query("instance:node_cpu_used:ratio_rate5m{$hosts}", "{{instance}}"),),
            home_of=("cpu",),
            maximum=1,
        ),
        Panel(
            id=52,
            title=Text("메모리 사용률", "Memory use"),
            about=Text(
                "호스트별 메모리 사용률입니다. 95%를 넘으면 OOM으로 프로세스가 죽을 수 있습니다.",
                "Memory use of each host. Above 95 % the kernel may kill processes.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(Query("instance:node_memory_used:ratio{$hosts}", "{{instance}}"),),
            home_of=("memory",),
            maximum=1,
        ),
        Panel(
            id=53,
            title=Text("디스크 사용률", "Disk use"),
            about=Text(
                "루트를 포함한 모든 실제 파일시스템의 사용률입니다. 읽기 전용은 뺍니다.",
                "Use of every real file system, the root among them; read-only ones are left out.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(
                Query(
                    "max by (instance, mountpoint) (instance_mountpoint:node_filesystem_used:ratio{$hosts})",
                    "{{instance}} {{mountpoint}}",
                    absent="a container on overlay file systems alone has no disk of its own",
                ),
            ),
            home_of=("disk",),
            maximum=1,
        ),
        Panel(
            id=54,
            title=Text("네트워크 트래픽", "Network traffic"),
            about=Text(
                "호스트별 네트워크 대역폭 사용량입니다. 루프백과 컨테이너 브리지는 두 번 세게 되므로 뺍니다.",
                "Bandwidth used by each host. Loopback and container bridges, which would count bytes twice, are left "
                "out.",
            ),
            kind=Kind.TIME_SERIES,
            unit=MEGABITS,
            queries=tuple(
                Query(
                    f'instance_direction:node_network_bytes:rate5m{{$hosts, direction="{direction}"}} * 8 / 1e6',
                    Text(f"{ko} {{{{instance}}}}", f"{direction} {{{{instance}}}}"),
                    absent="a machine without a network card has loopback alone",
                )
                for direction, ko in (("receive", "수신"), ("transmit", "송신"))
            ),
        ),
    ),
)

BUSINESS: Final = Row(
    id=6,
    title=Text("비즈니스 지표", "Business Metrics"),
    panels=(
        Panel(
            id=61,
            title=Text("회원가입 추이", "Registrations"),
            about=Text("분당 회원가입 성공 수입니다.", "Registrations that succeed in a minute."),
            kind=Kind.TIME_SERIES,
            unit=per_minute("registrations"),
            queries=(Query(succeeded("/auth/register"), Text("회원가입", "registrations"), colour="blue"),),
        ),
        Panel(
            id=62,
            title=Text("로그인 추이", "Logins"),
            about=Text("분당 로그인 성공 수입니다.", "Logins that succeed in a minute."),
            kind=Kind.TIME_SERIES,
            unit=per_minute("logins"),
            queries=(Query(succeeded("/auth/login"), Text("로그인", "logins"), colour="green"),),
        ),
        Panel(
            id=63,
            title=Text("사진 업로드 추이", "Photo uploads"),
            about=Text(
                "분당 사진 업로드 완료 수입니다. 검증까지 끝난 업로드만 셉니다.",
                "Uploads completed in a minute, verified and visible.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("uploads"),
            queries=(Query(succeeded("/photos/confirm"), Text("업로드", "uploads"), colour="orange"),),
        ),
        Panel(
            id=64,
            title=Text("이미지 조회 추이", "Image views"),
            about=Text(
                "분당 이미지 조회 수입니다. "
                "공유 링크의 이미지, CDN으로 보낸 302와 브라우저 캐시를 확인한 304를 포함합니다.",
                "Images viewed in a minute, through share links too; a 302 to the CDN and a 304 for a browser's own "
                "copy count.",
            ),
            kind=Kind.TIME_SERIES,
            unit=per_minute("views"),
            queries=(
                Query(
                    f"sum(rate(http_requests_total{{$picked, {IMAGES}, {SERVED}}}[$rate])) * 60",
                    Text("이미지 조회", "image views"),
                    colour="purple",
                ),
            ),
        ),
    ),
)
