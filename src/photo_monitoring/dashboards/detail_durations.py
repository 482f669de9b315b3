"""The detail board's rows on sections 2.2 and 2.3 of the guide: logins, images, share links, dependencies, sessions."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import COUNT, RATIO, SECONDS, Query, Row, per_minute
from photo_monitoring.dashboards.patterns import IMAGES, lines, one, quantile, quantile_by, quantiles_of, ratio

_LOGIN: Final = "photo_api_login_duration_seconds"
_IMAGE: Final = "photo_api_image_access_duration_seconds"
_SHARE: Final = "photo_api_share_link_access_duration_seconds"
_EXTERNAL: Final = "photo_api_external_request_duration_seconds"
_OPERATION: Final = "photo_api_external_operation_duration_seconds"
_HTTP: Final = "http_request_duration_seconds"
_NO_CDN: Final = "blank without a CDN"
_P95: Final = Text("응답 시간 P95", "response time P95")


def _http_p95(status: str) -> str:
    buckets = f'{_HTTP}_bucket{{$picked, {IMAGES}, status=~"{status}"}}'
    return f"histogram_quantile(0.95, sum by (le) (rate({buckets}[$rate]))) > 0"


BUSINESS_LOGIC: Final = Row(
    id=3,
    title=Text("2.2 핵심 비즈니스 로직", "2.2 Business logic"),
    panels=(
        lines(
            301,
            Text("성공한 로그인 시간", "Time of logins"),
            Text(
                "성공한 로그인의 P50·P95·P99입니다. 셋이 함께 오르면 해싱(CPU), P99만 오르면 DB 조회를 의심하세요.",
                "P50, P95, P99 of logins that succeed. All rising together is hashing (CPU), P99 alone the database.",
            ),
            SECONDS,
            *quantiles_of(_LOGIN, '$picked, result="success"', 50, 95, 99),
            limits=("login-time",),
            points=(f"{_LOGIN}: slow logins: hashing, database",),
        ),
        lines(
            302,
            Text("실패한 로그인", "Failed logins"),
            Text(
                "실패한 로그인의 P95 시간과 분당 횟수입니다. 횟수가 뛰면 비밀번호 대입 공격입니다.",
                "P95 of logins that fail, and how many in a minute: a jump is somebody who guesses passwords.",
            ),
            SECONDS,
            *quantiles_of(_LOGIN, '$picked, result="failure"', 95),
            one(
                f'sum(rate({_LOGIN}_count{{$picked, result="failure"}}[$rate])) * 60',
                Text("분당 실패", "failures a minute"),
                "red",
                unit=per_minute("logins"),
            ),
            points=(f"{_LOGIN}: time of failed logins: attacks",),
        ),
        lines(
            303,
            Text("로그인 품질", "Quality of signing in"),
            Text(
                "성공한 로그인 가운데 1초 안에 끝난 비율입니다.", "Logins that succeed within 1 s, of all that succeed."
            ),
            RATIO,
            one(
                ratio(
                    f'sum(rate({_LOGIN}_bucket{{$picked, result="success", le="1.0"}}[$rate]))',
                    f'sum(rate({_LOGIN}_count{{$picked, result="success"}}[$rate]))',
                ),
                Text("1초 이내", "within 1 s"),
                "green",
            ),
            points=(f"{_LOGIN}: quality of signing in",),
            maximum=1,
        ),
        lines(
            304,
            Text("이미지 로딩 시간", "Time to load an image"),
            Text("성공한 이미지 접근의 P50·P95·P99입니다.", "P50, P95, P99 of images that were served."),
            SECONDS,
            *quantiles_of(_IMAGE, '$picked, result="success"', 50, 95, 99),
            limits=("image-time",),
            points=(f"{_IMAGE}: time to load an image",),
        ),
        lines(
            305,
            Text("CDN 리다이렉트와 스트리밍", "CDN redirects against streaming"),
            Text(
                "CDN으로 보낸 302와 직접 내려보낸 200·206의 P95입니다. 차이가 CDN의 효과이며, CDN이 없으면 스트리밍만 "
                "나옵니다.",
                "P95 of redirects to the CDN (302) and of images streamed (200, 206): the difference is what the CDN "
                "brings. Without one there is streaming alone.",
            ),
            SECONDS,
            one(_http_p95("200|206"), Text("스트리밍", "streamed"), "orange"),
            one(_http_p95("302"), Text("CDN 리다이렉트", "redirected"), "purple", absent=_NO_CDN),
            points=(f"{_IMAGE}: what the CDN brings",),
        ),
        lines(
            306,
            Text("Object Storage 다운로드", "Downloads from object storage"),
            Text("Object Storage에서 읽는 데 걸린 시간입니다.", "How long reads from the object storage take."),
            SECONDS,
            *quantiles_of(_OPERATION, '$picked, service="object_storage", operation="download"', 50, 95, 99),
            limits=("external-time",),
            points=(f"{_IMAGE}: downloads from object storage",),
        ),
        lines(
            307,
            Text("인증 사용자와 공유 링크의 이미지", "Images: signed in against shared"),
            Text(
                "인증된 사용자와 공유 링크의 이미지 접근 P95입니다.",
                "P95 of images for signed-in users and through share links.",
            ),
            SECONDS,
            quantile_by(_IMAGE, '$picked, result="success"', "access_type"),
            limits=("image-time",),
            points=(f"{_IMAGE}: signed-in users against shared links",),
        ),
        lines(
            308,
            Text("공유 링크 접근 시간", "Time of shared links"),
            Text("공유 링크 접근의 P50·P95·P99입니다.", "P50, P95, P99 of visits to share links."),
            SECONDS,
            *quantiles_of(_SHARE, "$picked", 50, 95, 99),
            home_of=("share-time",),
            points=(f"{_SHARE}: time of shared links",),
        ),
        lines(
            309,
            Text("토큰 상태별 시간", "Time by state of the token"),
            Text(
                "토큰 상태별 P95입니다. valid가 느리면 DB 쿼리를, invalid가 눈에 띄면 공격을 의심하세요.",
                "P95 by state of the token. Slow valid ones point to queries of the database, conspicuous invalid ones "
                "to an attack.",
            ),
            SECONDS,
            quantile_by(_SHARE, "$picked", "token_status"),
            limits=("share-time",),
            points=(f"{_SHARE}: time to check a token", f"{_SHARE}: time of invalid tokens: attacks"),
        ),
        lines(
            310,
            Text("외부 서비스 응답 시간", "Response time of dependencies"),
            Text(
                "외부 서비스별 P95입니다. 실패와 시간 초과도 포함하며, 쓰지 않는 서비스는 나오지 않습니다.",
                "P95 by external service, failures and time-outs included; what is not used is not shown.",
            ),
            SECONDS,
            quantile_by(_EXTERNAL, "$external", "service"),
            home_of=("external-time",),
            points=(f"{_EXTERNAL}: response time of dependencies",),
        ),
        lines(
            311,
            Text("Object Storage 작업별 시간", "Object storage by operation"),
            Text(
                "업로드, 다운로드, 확인, 삭제별 P95입니다.",
                "P95 of uploads, downloads, heads and deletions.",
            ),
            SECONDS,
            quantile_by(_OPERATION, '$picked, service="object_storage"', "operation"),
            limits=("external-time",),
            points=(f"{_EXTERNAL}: object storage, up and down",),
        ),
        lines(
            312,
            Text("CDN 토큰 생성", "Making CDN tokens"),
            Text(
                "CDN 토큰을 만드는 P95 시간입니다. CDN이 없으면 비어 있습니다.",
                "P95 of making a CDN token; blank without a CDN.",
            ),
            SECONDS,
            Query(quantile_by(_OPERATION, '$picked, service="cdn"', "operation").expr, "P95", absent=_NO_CDN),
            limits=("external-time",),
            points=(f"{_EXTERNAL}: making CDN tokens",),
        ),
        lines(
            313,
            Text("로그 전송 시간", "Sending logs"),
            Text("로그 서비스로 한 묶음을 보내는 데 걸린 시간입니다.", "How long it takes to send a batch of logs."),
            SECONDS,
            *quantiles_of(_OPERATION, '$picked, service="log_service"', 50, 95, 99),
            limits=("external-time",),
            points=(f"{_EXTERNAL}: sending logs",),
        ),
        lines(
            314,
            Text("진행 중인 외부 요청", "External requests under way"),
            Text(
                "응답을 기다리는 외부 요청 수입니다. 응답 없는 서비스는 시간 초과 전까지 여기에만 보입니다.",
                "Requests that wait for an external service. One that hangs shows here alone until the time-out.",
            ),
            COUNT,
            Query("sum by (service) (photo_api_external_requests_in_flight{$external})", "{{service}}"),
        ),
    ),
)

SESSIONS: Final = Row(
    id=4,
    title=Text("2.3 동시성", "2.3 Concurrency"),
    panels=(
        lines(
            401,
            Text("활성 세션", "Active sessions"),
            Text(
                "지금 처리 중인 인증된 요청 수입니다. 임계값은 인스턴스 하나의 기준입니다.",
                "Authenticated requests in flight; the limits are for one instance.",
            ),
            COUNT,
            Query("photo_api_active_sessions{$picked}", "{{instance}}"),
            home_of=("active-sessions",),
            points=("photo_api_active_sessions: users at once",),
            width=8,
        ),
        lines(
            402,
            Text("세션과 응답 시간", "Sessions and response time"),
            Text(
                "동시 요청이 늘 때 응답 시간이 함께 오르는 지점이 이 서비스의 한계입니다.",
                "Where the response time begins to rise with the sessions is the limit of this service.",
            ),
            COUNT,
            one("sum(max_over_time(photo_api_active_sessions{$picked}[$rate]))", Text("활성 세션", "sessions"), "blue"),
            one(quantile("0.95"), _P95, "orange", unit=SECONDS),
            points=("photo_api_active_sessions: foretelling load",),
            width=8,
        ),
        lines(
            403,
            Text("세션과 CPU", "Sessions and CPU"),
            Text("동시 요청과 호스트 CPU의 상관관계입니다.", "Sessions beside the CPU of the hosts."),
            COUNT,
            one("sum(max_over_time(photo_api_active_sessions{$picked}[$rate]))", Text("활성 세션", "sessions"), "blue"),
            one(
                "max(instance:node_cpu_used:ratio_rate5m{$hosts})",
                Text("CPU(가장 바쁜 호스트)", "CPU of the busiest host"),
                "red",
                unit=RATIO,
            ),
            points=("photo_api_active_sessions: beside resource use",),
            width=8,
        ),
    ),
)
