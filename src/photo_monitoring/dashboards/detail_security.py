"""The detail board's row on section 4 of the guide: rate limits, share links, denied images."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import PER_SECOND, RATIO, Query, Row, per_minute
from photo_monitoring.dashboards.patterns import lines, one, ratio

_HITS: Final = "photo_api_rate_limit_hits_total"
_CHECKED: Final = "photo_api_rate_limit_requests_total"
_ATTEMPTS: Final = "photo_api_share_link_brute_force_attempts_total"
_VISITS: Final = "photo_api_share_link_access_total"
_SHARED_IMAGES: Final = "photo_api_share_link_image_access_total"
_IMAGES: Final = "photo_api_image_access_total"
_SMALL: Final = "blank while no address passes the floor"


def _share_of_visits(status: str) -> str:
    return ratio(
        f'sum(rate({_VISITS}{{$picked, token_status="{status}"}}[$rate]))', f"sum(rate({_VISITS}{{$picked}}[$rate]))"
    )


SECURITY: Final = Row(
    id=6,
    title=Text("4. 보안", "4. Security"),
    panels=(
        lines(
            601,
            Text("차단 급증(DDoS)", "Jump in blocked requests (DDoS)"),
            Text(
                "분당 차단과 전체 요청을 함께 봅니다. 둘이 같이 뛰면 DDoS, 차단만 뛰면 한 클라이언트의 폭주입니다.",
                "Blocked requests beside all requests: both jumping is a DDoS, blocked ones alone a single client.",
            ),
            per_minute("blocks"),
            one(f"sum(rate({_HITS}{{$limited}}[$rate])) * 60", Text("차단", "blocked"), "red"),
            one(
                "sum(rate(http_requests_total{$asked}[$rate]))",
                Text("전체 요청", "all requests"),
                "blue",
                unit=PER_SECOND,
            ),
            limits=("rate-limit-hits",),
            points=(f"{_HITS}: DDoS: a jump in blocked requests",),
        ),
        lines(
            602,
            Text("IP 대역별 차단", "Blocked by address"),
            Text(
                "차단이 많은 IP 대역 10개입니다. 한 대역이 분당 200회를 넘으면 위험입니다.",
                "The ten networks with most blocked requests; critical from 200 a minute on.",
            ),
            per_minute("blocks"),
            Query(
                f"topk(10, sum by (client_id) (rate({_HITS}{{$limited}}[$rate])) * 60 > 0)",
                "{{client_id}}",
                absent="blank while nothing is blocked",
            ),
            limits=("rate-limit-client",),
            points=(f"{_HITS}: one address asking too much",),
        ),
        lines(
            603,
            Text("공격받는 엔드포인트", "Attacked endpoints"),
            Text("엔드포인트별 분당 차단 수입니다.", "Blocked requests in a minute by endpoint."),
            per_minute("blocks"),
            Query(
                f"topk(10, sum by (endpoint) (rate({_HITS}{{$limited}}[$rate])) * 60 > 0)",
                "{{endpoint}}",
                absent="blank while nothing is blocked",
            ),
            points=(f"{_HITS}: attacked endpoints",),
        ),
        lines(
            604,
            Text("Rate limit 적용 범위", "What the limits cover"),
            Text(
                "엔드포인트별로 Rate limit 검사를 받은 초당 요청 수입니다. 트래픽이 있는데 없으면 적용되지 않은 "
                "것입니다.",
                "Requests in a second that limits checked, by endpoint; one with traffic that is missing here is not "
                "limited.",
            ),
            PER_SECOND,
            Query(f"topk(10, sum by (endpoint) (rate({_CHECKED}{{$limited}}[$rate])) > 0)", "{{endpoint}}"),
            points=(f"{_CHECKED}: what the limits cover",),
        ),
        lines(
            605,
            Text("허용률", "Share of allowed requests"),
            Text("검사한 요청 가운데 허용한 비율입니다.", "Requests allowed, of those checked."),
            RATIO,
            one(
                ratio(
                    f'sum(rate({_CHECKED}{{$limited, status="allowed"}}[$rate]))',
                    f"sum(rate({_CHECKED}{{$limited}}[$rate]))",
                ),
                Text("허용률", "allowed"),
                "green",
            ),
            points=(f"{_CHECKED}: share of allowed requests",),
            maximum=1,
        ),
        lines(
            606,
            Text("차단률", "Share of blocked requests"),
            Text(
                "검사한 요청 가운데 차단한 비율입니다. 공격이 없는데 높으면 한도가 너무 낮습니다.",
                "Requests blocked, of those checked. High without an attack: the limits are too tight.",
            ),
            RATIO,
            one(
                ratio(
                    f'sum(rate({_CHECKED}{{$limited, status="blocked"}}[$rate]))',
                    f"sum(rate({_CHECKED}{{$limited}}[$rate]))",
                ),
                Text("차단률", "blocked"),
                "red",
            ),
            home_of=("rate-limit-ratio",),
            points=(f"{_CHECKED}: limits set too tight",),
        ),
        lines(
            607,
            Text("브루트포스 실시간", "Brute force as it happens"),
            Text(
                "무효한 토큰 시도와, 그 전에 차단된 공유 링크 요청입니다. 차단된 공격자는 시도에서 사라지므로 함께 "
                "봅니다.",
                "Attempts with invalid tokens, and share requests that were blocked before: a limited attacker "
                "vanishes "
                "from the attempts.",
            ),
            per_minute("attempts"),
            one(f"sum(rate({_ATTEMPTS}{{$picked}}[$rate])) * 60", Text("시도", "attempts"), "red"),
            one(
                f'sum(rate({_HITS}{{$picked, endpoint=~"/share/.*"}}[$rate])) * 60',
                Text("차단된 공유 요청", "blocked share requests"),
                "orange",
                absent="blank while nothing is blocked",
            ),
            limits=("brute-force",),
            points=(f"{_ATTEMPTS}: attacks as they happen",),
        ),
        lines(
            608,
            Text("IP 대역별 시도", "Attempts by address"),
            Text(
                "IP 대역별 무효한 토큰 시도입니다. 차단된 요청까지 더해 분당 200회를 넘으면 위험입니다.",
                "Attempts by network; critical from 200 a minute on, blocked requests included.",
            ),
            per_minute("attempts"),
            Query(
                f"topk(10, sum by (client_id) (rate({_ATTEMPTS}{{$picked}}[$rate])) * 60 > 0)",
                "{{client_id}}",
                absent=_SMALL,
            ),
            home_of=("brute-force-client",),
            points=(f"{_ATTEMPTS}: suspicious addresses",),
        ),
        lines(
            609,
            Text("공유 링크 위협도", "How threatened links are"),
            Text(
                "정상 방문 하나당 무효한 토큰 시도 수입니다. 1을 넘으면 공격이 정상 이용보다 많습니다.",
                "Attempts for each good visit; above 1 there are more attacks than visits.",
            ),
            "short",
            one(
                ratio(
                    f"sum(rate({_ATTEMPTS}{{$picked}}[$rate]))",
                    f'sum(rate({_VISITS}{{$picked, token_status="valid"}}[$rate]))',
                ),
                Text("방문당 시도", "attempts per visit"),
                "red",
            ),
            points=(f"{_ATTEMPTS}: how threatened links are",),
        ),
        lines(
            610,
            Text("공유 링크 이용 패턴", "How links are used"),
            Text("토큰 상태와 결과별 분당 접근 수입니다.", "Visits in a minute by state of the token and result."),
            per_minute("accesses"),
            Query(
                f"sum by (token_status, result) (rate({_VISITS}{{$picked}}[$rate])) * 60", "{{token_status}} {{result}}"
            ),
            points=(f"{_VISITS}: how links are used",),
        ),
        lines(
            611,
            Text("무효한 토큰 비율", "Share of invalid tokens"),
            Text("20%부터 경고, 50%부터 위험입니다.", "A warning above 20 %, critical above 50 %."),
            RATIO,
            one(_share_of_visits("invalid"), Text("무효", "invalid"), "red"),
            home_of=("share-tokens",),
            points=(f"{_VISITS}: share of invalid tokens",),
        ),
        lines(
            612,
            Text("만료된 토큰 비율", "Visits with expired tokens"),
            Text(
                "만료되었거나 끊은 링크로 온 비율입니다. 높으면 사용자가 옛 링크를 쓰고 있습니다.",
                "Visits by links that expired or were ended: when high, users go around with old ones.",
            ),
            RATIO,
            one(_share_of_visits("expired"), Text("만료", "expired"), "yellow"),
            points=(f"{_VISITS}: visits with expired tokens",),
        ),
        lines(
            613,
            Text("다른 앨범 사진 접근 시도", "Attempts at other albums' photos"),
            Text(
                "유효한 링크로 그 앨범에 없는 사진을 요청한 분당 횟수입니다. 10회부터 경고, 50회부터 위험입니다.",
                "Requests in a minute by valid links for photos that are not in their album: a warning from 10, "
                "critical "
                "from 50.",
            ),
            per_minute("attempts"),
            one(
                f'sum(rate({_SHARED_IMAGES}{{$picked, token_status="valid", photo_in_album="no"}}[$rate])) * 60',
                Text("시도", "attempts"),
                "red",
            ),
            home_of=("foreign-photos",),
            points=(f"{_SHARED_IMAGES}: attempts at other albums' photos",),
        ),
        lines(
            614,
            Text("공유 이미지 조회", "Ordinary image views by links"),
            Text("유효한 링크로 앨범의 사진을 본 분당 횟수입니다.", "Views in a minute of an album's own photos."),
            per_minute("views"),
            one(
                f'sum(rate({_SHARED_IMAGES}{{$picked, token_status="valid", photo_in_album="yes"}}[$rate])) * 60',
                Text("공유 조회", "shared views"),
                "green",
            ),
            points=(f"{_SHARED_IMAGES}: ordinary image views",),
        ),
        lines(
            615,
            Text("이미지 접근 패턴", "How images are used"),
            Text("접근 방식과 결과별 분당 이미지 요청입니다.", "Image requests in a minute by way and result."),
            per_minute("requests"),
            Query(
                f"sum by (access_type, result) (rate({_IMAGES}{{$picked}}[$rate])) * 60", "{{access_type}} {{result}}"
            ),
            points=(f"{_IMAGES}: how images are used",),
        ),
        lines(
            616,
            Text("이미지 거부율", "Share of denials"),
            Text(
                "거부된 이미지 요청의 비율입니다. 10%부터 경고, 30%부터 위험이며, 권한 없는 접근이 늘고 있다는 "
                "뜻입니다.",
                "Image requests denied: a warning above 10 %, critical above 30 %; somebody asks for what is not "
                "theirs.",
            ),
            RATIO,
            one(
                ratio(
                    f'sum(rate({_IMAGES}{{$picked, result="denied"}}[$rate]))',
                    f"sum(rate({_IMAGES}{{$picked}}[$rate]))",
                ),
                Text("거부율", "denied"),
                "red",
            ),
            home_of=("image-denials",),
            points=(f"{_IMAGES}: share of denials",),
        ),
        lines(
            617,
            Text("인증 사용자와 공유 링크의 비율", "Signed in against shared"),
            Text(
                "성공한 이미지 접근 가운데 공유 링크의 비율입니다.",
                "Images served through share links, of all that were served.",
            ),
            RATIO,
            one(
                ratio(
                    f'sum(rate({_IMAGES}{{$picked, access_type="shared", result="success"}}[$rate]))',
                    f'sum(rate({_IMAGES}{{$picked, result="success"}}[$rate]))',
                ),
                Text("공유 링크", "shared"),
                "purple",
            ),
            points=(f"{_IMAGES}: signed-in users against shared links",),
            maximum=1,
        ),
    ),
)
