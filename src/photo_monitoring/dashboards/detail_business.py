"""The detail board's row on section 6 of the guide: registrations, logins, uploads, image views."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import COUNT, RATIO, Query, Row, per_minute
from photo_monitoring.dashboards.patterns import IMAGES, SERVED, lines, one, ratio, succeeded

_REGISTER: Final = "/auth/register"
_LOGIN: Final = "/auth/login"
_PRESIGNED: Final = "/photos/presigned-url"
_CONFIRM: Final = "/photos/confirm"
_IMAGE: Final = "/photos/.*image"
_SUCCESS: Final = Text("성공률", "success")
_FAILURE: Final = Text("실패율", "failure")
_AN_HOUR: Final = "in an hour, if the last hour goes on"


def _asked(handler: str, status: str = "") -> str:
    also = f', status=~"{status}"' if status else ""
    return f'sum(rate(http_requests_total{{$picked, handler="{handler}", method="POST"{also}}}[$rate]))'


def _success(handler: str) -> Query:
    return one(ratio(_asked(handler, "2.."), _asked(handler)), _SUCCESS, "green")


def _failure(handler: str) -> Query:
    return one(ratio(_asked(handler, "[45].."), _asked(handler)), _FAILURE, "red")


def _causes(handler: str) -> Query:
    """Return the failures of a route in a minute, by status."""
    selector = f'$picked, handler="{handler}", method="POST", status=~"[45].."'
    return Query(f"sum by (status) (rate(http_requests_total{{{selector}}}[$rate])) * 60", "{{status}}")


def _forecast(recording: str) -> Query:
    """Return what a recorded count of 5 minutes will be in an hour, by the minute."""
    return one(
        f"clamp_min(sum(predict_linear({recording}{{$api}}[${{1h}}], 3600)), 0) / 5",
        Text("1시간 뒤 예측", "in an hour"),
        "orange",
    )


def _image_share(status: str) -> str:
    return ratio(
        f'sum(rate(http_requests_total{{$picked, {IMAGES}, status=~"{status}"}}[$rate]))',
        f"sum(rate(http_requests_total{{$picked, {IMAGES}, {SERVED}}}[$rate]))",
    )


BUSINESS: Final = Row(
    id=8,
    title=Text("6. 비즈니스", "6. Business"),
    panels=(
        lines(
            801,
            Text("신규 회원 추세", "New members"),
            Text("분당 회원가입 성공 수입니다.", "Registrations that succeed in a minute."),
            per_minute("registrations"),
            one(succeeded(_REGISTER), Text("회원가입", "registrations"), "blue"),
            points=(f"{_REGISTER}: new members",),
        ),
        lines(
            802,
            Text("회원가입 성공률과 실패율", "Registrations that succeed"),
            Text(
                "실패율 10%부터 경고, 30%부터 위험입니다. 가입이 없으면 비어 있습니다.",
                "A warning above 10 % failures, critical above 30 %; blank while nobody registers.",
            ),
            RATIO,
            _success(_REGISTER),
            _failure(_REGISTER),
            home_of=("registration",),
            points=(f"{_REGISTER}: share of registrations that succeed",),
            maximum=1,
        ),
        lines(
            803,
            Text("회원가입 실패 원인", "Why registrations fail"),
            Text(
                "상태 코드별 분당 실패입니다. 409·422는 입력, 429는 차단, 5xx는 우리 잘못입니다.",
                "Failures in a minute by status: 409 and 422 are input, 429 limits, 5xx our own fault.",
            ),
            per_minute("failures"),
            _causes(_REGISTER),
            points=(f"{_REGISTER}: why they fail: 4xx or 5xx",),
        ),
        lines(
            804,
            Text("활성 사용자 추정", "Estimate of active users"),
            Text(
                "24시간 동안의 로그인 수와 30일 활성 회원수입니다.",
                "Logins within 24 hours, and the members active within 30 days.",
            ),
            COUNT,
            one(
                f'sum(increase(http_requests_total{{$picked, handler="{_LOGIN}", method="POST", status=~"2.."}}'
                "[${1d}]))",
                Text("24시간 로그인", "logins, 24 h"),
                "blue",
            ),
            one('max(photo_api_users_total{$api, status="active"})', Text("활성 회원", "active members"), "green"),
            points=(f"{_LOGIN}: estimate of active users",),
        ),
        lines(
            805,
            Text("로그인 성공률과 실패율", "Logins that succeed"),
            Text("실패율 20%부터 경고, 50%부터 위험입니다.", "A warning above 20 % failures, critical above 50 %."),
            RATIO,
            _success(_LOGIN),
            _failure(_LOGIN),
            home_of=("login",),
            points=(f"{_LOGIN}: share of logins that succeed",),
            maximum=1,
        ),
        lines(
            806,
            Text("로그인 실패 패턴", "How logins fail"),
            Text(
                "401이 꾸준히 높으면 비밀번호 대입, 429가 함께 오르면 이미 차단하고 있는 것입니다.",
                "Steady 401 is guessing of passwords; with 429 it is being blocked already.",
            ),
            per_minute("failures"),
            _causes(_LOGIN),
            points=(f"{_LOGIN}: how they fail: password guessing",),
        ),
        lines(
            807,
            Text("업로드 시작", "Upload activity"),
            Text("분당 Presigned URL 생성 수입니다.", "Presigned URLs made in a minute: uploads begun."),
            per_minute("uploads"),
            one(succeeded(_PRESIGNED), Text("업로드 시작", "uploads begun"), "blue"),
            points=(f"{_PRESIGNED}: upload activity",),
        ),
        lines(
            808,
            Text("Presigned URL 성공률과 실패율", "Presigned URLs made"),
            Text("실패율 5%부터 경고, 15%부터 위험입니다.", "A warning above 5 % failures, critical above 15 %."),
            RATIO,
            _success(_PRESIGNED),
            _failure(_PRESIGNED),
            home_of=("presigned-url",),
            points=(f"{_PRESIGNED}: share of URLs made",),
            maximum=1,
        ),
        lines(
            809,
            Text("업로드 트래픽 예측", "Forecast of uploads"),
            Text(
                "지금의 분당 업로드와, 최근 1시간의 추세가 이어질 때 1시간 뒤의 값입니다.",
                f"Uploads in a minute now and {_AN_HOUR}.",
            ),
            per_minute("uploads"),
            one("sum(job:http_requests_presigned_url:increase5m{$api}) / 5", Text("지금", "now"), "blue"),
            _forecast("job:http_requests_presigned_url:increase5m"),
            points=(f"{_PRESIGNED}: foretelling upload traffic",),
        ),
        lines(
            810,
            Text("시작한 업로드와 완료한 업로드", "Uploads begun and completed"),
            Text(
                "분당 시작(Presigned URL)과 완료(확인)입니다. 사이가 벌어지면 업로드가 도중에 끊기고 있습니다.",
                "Uploads begun and completed in a minute; where they part, uploads break off.",
            ),
            per_minute("uploads"),
            one(succeeded(_PRESIGNED), Text("시작", "begun"), "blue"),
            one(succeeded(_CONFIRM), Text("완료", "completed"), "green"),
            points=(f"{_CONFIRM}: uploads completed",),
        ),
        lines(
            811,
            Text("업로드 완료율", "Share of uploads completed"),
            Text(
                "30분 동안의 완료율입니다. 80% 아래면 경고, 60% 아래면 위험입니다.",
                "Over 30 minutes; a warning below 80 %, critical below 60 %.",
            ),
            RATIO,
            one(
                "max(job:http_requests_uploads_completed:ratio_increase30m{$api})",
                Text("완료율", "completed"),
                "green",
                absent="needs uploads begun at least 5 minutes ago",
            ),
            home_of=("upload-completion",),
            points=(f"{_CONFIRM}: share of uploads completed",),
        ),
        lines(
            812,
            Text("업로드 실패 원인", "Why uploads fail"),
            Text(
                "확인 요청의 상태 코드별 분당 실패입니다. 409는 올라오지 않은 파일, 410은 늦은 확인, 422는 내용 "
                "불일치입니다.",
                "Failed confirmations in a minute by status: 409 was never uploaded, 410 came too late, 422 is not "
                "what was announced.",
            ),
            per_minute("failures"),
            _causes(_CONFIRM),
            points=(f"{_CONFIRM}: why uploads fail",),
        ),
        lines(
            813,
            Text("이미지 조회 활동", "Image views"),
            Text("분당 이미지 조회 수입니다.", "Images viewed in a minute."),
            per_minute("views"),
            one(
                f"sum(rate(http_requests_total{{$picked, {IMAGES}, {SERVED}}}[$rate])) * 60",
                Text("조회", "views"),
                "purple",
            ),
            points=(f"{_IMAGE}: image views",),
        ),
        lines(
            814,
            Text("이미지 조회 실패율", "Image views that fail"),
            Text("5%부터 경고, 15%부터 위험입니다.", "A warning above 5 %, critical above 15 %."),
            RATIO,
            one(
                ratio(
                    f'sum(rate(http_requests_total{{$picked, {IMAGES}, status=~"[45].."}}[$rate]))',
                    f"sum(rate(http_requests_total{{$picked, {IMAGES}}}[$rate]))",
                ),
                _FAILURE,
                "red",
            ),
            home_of=("image-views",),
        ),
        lines(
            815,
            Text("CDN·캐시 효율", "How well caches work"),
            Text(
                "이미지 조회 가운데 CDN으로 보낸 302와 브라우저 캐시로 끝난 304의 비율입니다. 나머지는 우리가 직접 "
                "내려보냅니다. "
                "CDN 안의 적중률은 CDN 사업자의 통계에서 확인하세요.",
                "Image views sent to the CDN (302) and answered from the browser's own copy (304); the rest we stream. "
                "Hits within the CDN are in its provider's statistics.",
            ),
            RATIO,
            one(_image_share("302"), Text("CDN(302)", "CDN (302)"), "purple", absent="blank without a CDN"),
            one(_image_share("304"), Text("브라우저 캐시(304)", "browser (304)"), "blue"),
            one(_image_share("2.."), Text("직접 전송", "streamed"), "orange"),
            points=(f"{_IMAGE}: how well the CDN caches",),
            maximum=1,
        ),
        lines(
            816,
            Text("이미지 트래픽 예측", "Forecast of image views"),
            Text(
                "지금의 분당 이미지 조회와, 최근 1시간의 추세가 이어질 때 1시간 뒤의 값입니다.",
                f"Image views in a minute now and {_AN_HOUR}.",
            ),
            per_minute("views"),
            one("sum(job:http_requests_image:increase5m{$api}) / 5", Text("지금", "now"), "blue"),
            _forecast("job:http_requests_image:increase5m"),
            points=(f"{_IMAGE}: foretelling image traffic",),
        ),
    ),
)
