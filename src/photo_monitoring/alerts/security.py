"""Guide 4: blocked requests, guessed share tokens, and access that was denied."""

from typing import Final

from photo_monitoring.alert_shapes import per_minute
from photo_monitoring.criteria import Alert, Group, Recording, Text, Unit, critical, warning
from photo_monitoring.proofs.stimuli import Case, Firing, PerMinute, Ratio, located

_CLIENT: Final = "203.0.113.0/24"
_BY_CLIENT: Final = {"job": "photo-api", "client_id": _CLIENT}
_IP_STEPS: Final = (
    Text("이 대역이 무엇을 요청하는지 엔드포인트별로 확인합니다.", "See what this network asks for, by endpoint."),
    Text(
        "공유기 뒤의 많은 사용자가 아니라면 앞단에서 차단합니다.",
        "Unless many users share it, block it in front of the service.",
    ),
)
_ATTACK_STEPS: Final = (
    Text("상위 클라이언트와 엔드포인트를 확인합니다.", "Look at the top clients and endpoints."),
    Text(
        "정상 사용자가 영향을 받는지 에러율과 응답 시간을 봅니다.",
        "See by error rate and response time whether users suffer.",
    ),
)

POSSIBLE_DDOS_ATTACK: Final = per_minute(
    "PossibleDDoSAttack",
    subject="rate-limit-hits",
    group=Group.SECURITY,
    section="4.1",
    counter="photo_api_rate_limit_hits_total",
    tiers=(warning("rate-limit-hits/warning", 100, "5m"), critical("rate-limit-hits/critical", 500, "2m")),
    summary=Text("DDoS 공격 가능성이 있습니다", "Perhaps a DDoS attack"),
    description=Text(
        "모든 클라이언트를 합해 분당 {value}개의 요청이 Rate limit에 차단되고 있습니다. 기준 {threshold}개 "
        "이상이 {hold} 동안 이어졌습니다.",
        "Over all clients {value} requests a minute are blocked by the rate limit; {threshold} or more for {hold}.",
    ),
    next_steps=_ATTACK_STEPS,
    fed='photo_api_rate_limit_hits_total{endpoint="/auth/login",client_id="other"}',
    cases=(
        Case(
            name="an attack spread over clients and endpoints fires",
            inputs={
                located(
                    f'photo_api_rate_limit_hits_total{{endpoint="/photos/{n}",client_id="198.51.{n}.0/24"}}'
                ): "0+32x40"
                for n in range(8)
            },
            expect={
                "15m": (
                    Firing(severity="warning", labels={"job": "photo-api"}, value=512),
                    Firing(severity="critical", labels={"job": "photo-api"}, value=512),
                )
            },
        ),
    ),
)

BLOCKED_CLIENT: Final = Alert(
    name="SuspiciousIPActivity",
    subject="rate-limit-client",
    group=Group.SECURITY,
    section="4.1",
    value='sum by (job, client_id) (rate(photo_api_rate_limit_hits_total{$api, client_id!="other"}[${5m}])) * 60',
    compare=">=",
    by=("job", "client_id"),
    unit=Unit.PER_MINUTE,
    tiers=(critical("rate-limit-hits/critical/single-ip", 200, "2m"),),
    summary=Text("의심스러운 IP 활동: {client_id}", "Suspicious client: {client_id}"),
    description=Text(
        "IP 대역 {client_id}에서 분당 {value}개의 요청이 차단되고 있습니다. 기준 {threshold}개 이상이 {hold} "
        "동안 이어졌습니다.",
        "From {client_id} {value} requests a minute are blocked; {threshold} or more for {hold}.",
    ),
    next_steps=_IP_STEPS,
    stimulus=PerMinute(
        counter=f'photo_api_rate_limit_hits_total{{endpoint="/auth/login",client_id="{_CLIENT}"}}',
        labels={"client_id": _CLIENT},
    ),
    cases=(
        Case(
            name="the crowd of small clients together is no single client",
            inputs={located('photo_api_rate_limit_hits_total{endpoint="/auth/login",client_id="other"}'): "0+400x40"},
            expect={"15m": ()},
        ),
    ),
)

HIGH_BLOCK_RATIO: Final = Alert(
    name="HighBlockRatio",
    subject="rate-limit-ratio",
    group=Group.SECURITY,
    section="4.1",
    value=Recording(
        "job:photo_api_rate_limit_blocked:ratio_rate5m",
        """
sum by (job) (rate(photo_api_rate_limit_requests_total{$api, status="blocked"}[${5m}]))
/
sum by (job) (rate(photo_api_rate_limit_requests_total{$api}[${5m}]))
""",
    ),
    volume=Recording(
        "job:photo_api_rate_limit_requests:increase5m",
        "sum by (job) (increase(photo_api_rate_limit_requests_total{$api}[${5m}]))",
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        warning("rate-limit-ratio/warning", 0.1, "5m", minimum=100),
        critical("rate-limit-ratio/critical", 0.3, "2m", minimum=100),
    ),
    summary=Text("Rate limit 차단률이 높습니다", "The rate limit blocks a large share"),
    description=Text(
        "최근 {window} 검사한 요청의 {value}가 차단되었습니다. 기준 {threshold} 초과가 {hold} 이상 이어졌습니다.",
        "Of the requests checked in the last {window}, {value} were blocked; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "소수 클라이언트의 공격인지, 한도가 너무 낮은지 나눕니다.",
            "A few clients attacking, or limits set too low?",
        ),
        Text("한도가 낮다면 해당 분류의 설정을 조정합니다.", "If too low, change the setting of that class."),
    ),
    stimulus=Ratio(
        part='photo_api_rate_limit_requests_total{endpoint="/photos/",status="blocked"}',
        others='photo_api_rate_limit_requests_total{endpoint="/photos/",status="allowed"}',
    ),
)

BRUTE_FORCE_ATTACK: Final = per_minute(
    "BruteForceAttack",
    subject="brute-force",
    group=Group.SECURITY,
    section="4.2",
    counter="photo_api_share_link_brute_force_attempts_total",
    tiers=(warning("brute-force/warning", 50, "5m"), critical("brute-force/critical", 100, "2m")),
    summary=Text("브루트포스 공격이 탐지되었습니다", "Share tokens are being guessed"),
    description=Text(
        "모든 클라이언트를 합해 분당 {value}번 무효한 공유 토큰이 시도되고 있습니다. 기준 {threshold}번 이상이 "
        "{hold} 동안 이어졌습니다.",
        "Over all clients invalid share tokens are tried {value} times a minute; {threshold} or more for {hold}.",
    ),
    next_steps=_ATTACK_STEPS,
    fed='photo_api_share_link_brute_force_attempts_total{client_id="other"}',
)

# The limiter answers before the handler: what an attacker tries beyond the limit shows as blocked share requests.
GUESSING_CLIENT: Final = Alert(
    name="SuspiciousIPActivity",
    subject="brute-force-client",
    group=Group.SECURITY,
    section="4.2",
    value="""
sum by (job, client_id) (
  rate(photo_api_share_link_brute_force_attempts_total{$api, client_id!="other"}[${5m}])
  or
  rate(photo_api_rate_limit_hits_total{$api, client_id!="other", endpoint=~"/share/.*"}[${5m}])
) * 60
""",
    compare=">=",
    by=("job", "client_id"),
    unit=Unit.PER_MINUTE,
    tiers=(critical("brute-force/critical/single-ip", 200, "2m"),),
    summary=Text("의심스러운 IP 활동: {client_id}", "Suspicious client: {client_id}"),
    description=Text(
        "IP 대역 {client_id}에서 분당 {value}번 공유 링크를 추측하고 있습니다(무효한 토큰과 차단된 시도). 기준 "
        "{threshold}번 이상이 {hold} 동안 이어졌습니다.",
        "From {client_id} share links are guessed {value} times a minute, blocked tries included; {threshold} "
        "or more for {hold}.",
    ),
    next_steps=_IP_STEPS,
    stimulus=PerMinute(
        counter=f'photo_api_share_link_brute_force_attempts_total{{client_id="{_CLIENT}"}}',
        labels={"client_id": _CLIENT},
    ),
    cases=(
        Case(
            name="an attacker held at the limit is seen by what was blocked",
            inputs={
                located(f'photo_api_share_link_brute_force_attempts_total{{client_id="{_CLIENT}"}}'): "0+30x40",
                located(
                    f'photo_api_rate_limit_hits_total{{endpoint="/share/{{token}}",client_id="{_CLIENT}"}}',
                    instance="api-2",
                ): "0+75x40",
            },
            expect={"15m": (Firing(severity="critical", labels=_BY_CLIENT, value=210),)},
        ),
    ),
)

HIGH_INVALID_TOKEN_RATIO: Final = Alert(
    name="HighInvalidTokenRatio",
    subject="share-tokens",
    group=Group.SECURITY,
    section="4.2",
    value=Recording(
        "job:photo_api_share_link_invalid_tokens:ratio_rate5m",
        """
sum by (job) (rate(photo_api_share_link_access_total{$api, token_status="invalid"}[${5m}]))
/
sum by (job) (rate(photo_api_share_link_access_total{$api}[${5m}]))
""",
    ),
    volume=Recording(
        "job:photo_api_share_link_access:increase5m",
        "sum by (job) (increase(photo_api_share_link_access_total{$api}[${5m}]))",
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        # A bot that tries a few tokens a minute at night is most of the visits then, and no attack: 50 visits, half of
        # them invalid, are five guesses a minute.
        warning("share-tokens/warning", 0.2, "5m", minimum=50),
        critical("share-tokens/critical", 0.5, "2m", minimum=50),
    ),
    summary=Text("무효한 공유 토큰의 비율이 높습니다", "A large share of invalid share tokens"),
    description=Text(
        "최근 {window} 공유 링크 접근의 {value}가 무효한 토큰이었습니다. 기준 {threshold} 초과가 {hold} 이상 "
        "이어졌습니다.",
        "Of the visits to share links in the last {window}, {value} had an invalid token; above {threshold} for "
        "{hold}.",
    ),
    next_steps=(
        Text(
            "한 대역에서 오는지(추측) 여러 곳에서 오는지(잘못 퍼진 링크) 나눕니다.",
            "One network guessing, or a broken link spread widely?",
        ),
        Text("추측이면 그 대역을 앞단에서 차단합니다.", "If guessing, block that network in front of the service."),
    ),
    stimulus=Ratio(
        part='photo_api_share_link_access_total{token_status="invalid",result="denied"}',
        others='photo_api_share_link_access_total{token_status="valid",result="success"}',
    ),
    cases=(
        Case(
            name="a slow bot among few visitors at night is silent",
            inputs={
                located('photo_api_share_link_access_total{token_status="invalid",result="denied"}'): "0+1.5x60",
                located('photo_api_share_link_access_total{token_status="valid",result="success"}'): "0+1x60",
            },
            expect={"15m": (), "30m": ()},
        ),
    ),
)

FOREIGN_PHOTO_ACCESS: Final = Alert(
    name="ForeignPhotoAccess",
    subject="foreign-photos",
    group=Group.SECURITY,
    section="4.2",
    value=Recording(
        "job:photo_api_share_link_foreign_photos_per_minute:rate5m",
        """
sum by (job) (
  rate(photo_api_share_link_image_access_total{$api, token_status="valid", photo_in_album="no"}[${5m}])
) * 60
""",
    ),
    compare=">=",
    by=("job",),
    unit=Unit.PER_MINUTE,
    tiers=(warning("foreign-photos/warning", 10, "5m"), critical("foreign-photos/critical", 50, "2m")),
    summary=Text(
        "공유 링크로 다른 앨범의 사진에 접근하려 합니다", "Share links are used to reach other albums' photos"
    ),
    description=Text(
        "유효한 공유 링크로 분당 {value}번 앨범에 없는 사진을 요청하고 있습니다. 기준 {threshold}번 이상이 "
        "{hold} 동안 이어졌습니다.",
        "Through valid share links {value} photos a minute outside their album are asked for; {threshold} or "
        "more for {hold}.",
    ),
    next_steps=(
        Text(
            "어느 공유 링크로 들어오는지 로그에서 찾아 필요하면 폐기합니다.",
            "Find the link in the logs and revoke it if need be.",
        ),
        Text("사진을 지운 뒤의 낡은 화면인지 확인합니다.", "Rule out stale pages after photos were removed."),
    ),
    stimulus=PerMinute(counter='photo_api_share_link_image_access_total{token_status="valid",photo_in_album="no"}'),
    cases=(
        Case(
            name="invalid tokens, whose photos are in no album, belong to another alert",
            inputs={
                located(
                    'photo_api_share_link_image_access_total{token_status="invalid",photo_in_album="no"}'
                ): "0+100x40"
            },
            expect={"15m": ()},
        ),
    ),
)

HIGH_IMAGE_DENIAL_RATIO: Final = Alert(
    name="HighImageDenialRatio",
    subject="image-denials",
    group=Group.SECURITY,
    section="4.3",
    value=Recording(
        "job:photo_api_image_access_denied:ratio_rate5m",
        """
sum by (job) (rate(photo_api_image_access_total{$api, result="denied"}[${5m}]))
/
sum by (job) (rate(photo_api_image_access_total{$api}[${5m}]))
""",
    ),
    volume=Recording(
        "job:photo_api_image_access:increase5m",
        "sum by (job) (increase(photo_api_image_access_total{$api}[${5m}]))",
    ),
    by=("job",),
    unit=Unit.RATIO,
    tiers=(
        warning("image-denials/warning", 0.1, "5m", minimum=25),
        critical("image-denials/critical", 0.3, "2m", minimum=20),
    ),
    summary=Text("이미지 접근 거부율이 높습니다", "A large share of image requests is denied"),
    description=Text(
        "최근 {window} 이미지 접근의 {value}가 거부되었습니다. 기준 {threshold} 초과가 {hold} 이상 이어졌습니다.",
        "Of the requests for images in the last {window}, {value} were denied; above {threshold} for {hold}.",
    ),
    next_steps=(
        Text(
            "5xx 때문인지(거부로 함께 셉니다) 권한 때문인지 나눕니다.", "5xx (counted as denied too), or permissions?"
        ),
        Text(
            "권한이면 한 사용자가 남의 사진 번호를 훑는지 확인합니다.",
            "If permissions: is one user walking through photo ids?",
        ),
    ),
    stimulus=Ratio(
        part='photo_api_image_access_total{access_type="authenticated",result="denied"}',
        others='photo_api_image_access_total{access_type="authenticated",result="success"}',
    ),
)

ALERTS: Final = (
    POSSIBLE_DDOS_ATTACK,
    BLOCKED_CLIENT,
    HIGH_BLOCK_RATIO,
    BRUTE_FORCE_ATTACK,
    GUESSING_CLIENT,
    HIGH_INVALID_TOKEN_RATIO,
    FOREIGN_PHOTO_ACCESS,
    HIGH_IMAGE_DENIAL_RATIO,
)
