"""The detail board's row on the backends of a service at work: the database's pool, breakers, CDN, shared limits."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import COUNT, RATIO, SECONDS, STATE, Kind, Named, Panel, Query, Row, per_minute
from photo_monitoring.dashboards.patterns import lines, one, quantiles_of, spread

_TIMEOUTS: Final = "photo_api_external_request_timeouts_total"
_OPENINGS: Final = "photo_api_external_breaker_openings_total"
_WAIT: Final = "photo_api_db_pool_wait_duration_seconds"

BACKENDS: Final = Row(
    id=9,
    title=Text("운영 백엔드", "Production backends"),
    panels=(
        lines(
            901,
            Text("DB 연결 풀 사용률", "Use of the connection pool"),
            Text(
                "인스턴스마다 쓰이고 있는 DB 연결의 비율입니다. 90% 이상에 머물면 곧 기다리게 됩니다.",
                "Share of each instance's connections to the database in use; where it stays at 90 %, calls soon wait.",
            ),
            RATIO,
            Query("photo_api_db_pool_in_use{$picked} / photo_api_db_pool_size{$picked}", "{{instance}}"),
            home_of=("pool-use",),
            maximum=1,
        ),
        lines(
            902,
            Text("DB 연결 대기", "Waits for a connection"),
            Text(
                "DB 연결을 얻기까지 걸린 시간과 지금 기다리는 호출 수입니다. 사용률이 낮은데 길면 연결을 여는 것이 "
                "느린 것입니다.",
                "Time until a call got its connection, and calls that wait now. Long with a pool that is not full: "
                "opening connections is slow.",
            ),
            SECONDS,
            *quantiles_of(_WAIT, "$picked", 50, 95),
            one("sum(photo_api_db_pool_waiting{$picked})", Text("대기 중", "waiting"), "blue", unit=COUNT),
            home_of=("pool-wait",),
        ),
        lines(
            903,
            Text("결과별 트랜잭션", "Transactions by outcome"),
            Text(
                "분당 트랜잭션 수입니다. failed는 데이터베이스가, rolled_back은 서비스가 스스로 되돌린 것입니다.",
                "Transactions in a minute: failed is the database's doing, rolled_back the service's own wish.",
            ),
            per_minute("transactions"),
            Query("sum by (outcome) (rate(photo_api_db_transactions_total{$picked}[$rate])) * 60", "{{outcome}}"),
        ),
        Panel(
            id=904,
            title=Text("서킷 브레이커", "Circuit breakers"),
            about=Text(
                "인스턴스와 외부 서비스별 서킷 브레이커입니다. 열려 있는 동안의 호출은 보내지 않으므로 에러율에 "
                "나타나지 않습니다. 쓰지 않는 서비스는 늘 닫혀 있습니다.",
                "The breaker of each instance and external service. What an open one refuses is in no error rate; of a "
                "service that is not used it stays closed.",
            ),
            kind=Kind.STATES,
            unit=STATE,
            queries=(Query("photo_api_external_breaker_state{$external}", "{{instance}} {{service}}"),),
            home_of=("storage-circuit", "service-circuit"),
            limits=(),
            names=(
                Named(0, Text("닫힘", "closed"), "green"),
                Named(1, Text("시험 중", "half-open"), "yellow"),
                Named(2, Text("열림", "open"), "red"),
            ),
            minimum=None,
        ),
        lines(
            905,
            Text("시간 초과와 브레이커 열림", "Time-outs and openings"),
            Text(
                "시간 초과가 늘면 외부 서비스가 응답하지 않는 것, 시간 초과 없이 브레이커가 열리면 거절하는 것입니다.",
                "Time-outs are a service that is silent; breakers that open without them are one that refuses.",
            ),
            per_minute("times"),
            Query(
                f"sum by (service) (rate({_TIMEOUTS}{{$external}}[$rate])) * 60",
                Text("{{service}} 시간 초과", "{{service}} time-outs"),
            ),
            Query(
                f"sum by (service) (rate({_OPENINGS}{{$external}}[$rate])) * 60",
                Text("{{service}} 열림", "{{service}} openings"),
            ),
        ),
        lines(
            906,
            Text("사진이 나간 방법", "How pictures left"),
            Text(
                "분당 사진 수입니다. redirect는 CDN으로, stream은 CDN 없이, fallback은 CDN 대신 직접 보낸 것입니다.",
                "Pictures in a minute: redirect to the CDN, stream without one, fallback streamed for want of it.",
            ),
            per_minute("images"),
            Query("sum by (via) (rate(photo_api_image_delivery_total{$picked}[$rate])) * 60", "{{via}}"),
        ),
        lines(
            907,
            Text("CDN 대신 직접 보낸 비율", "Streamed for want of the CDN"),
            Text(
                "CDN으로 보낼 사진 가운데 직접 보낸 비율(5분)입니다. CDN이 없거나 요청이 없으면 비어 있습니다.",
                "Of the pictures that the CDN should deliver, the share that was streamed (5 minutes); blank without a "
                "CDN, and without requests.",
            ),
            RATIO,
            one(
                "job:photo_api_image_delivery_fallback:ratio_rate5m{$api}",
                Text("직접 보낸 비율", "streamed instead"),
                "orange",
                absent="blank where no CDN is used",
            ),
            home_of=("cdn-fallback",),
            maximum=1,
        ),
        lines(
            908,
            Text("따로 센 Rate limit", "Limits counted alone"),
            Text(
                "Redis 없이 인스턴스 혼자 센 Rate limit 검사의 분당 수입니다. 0이 정상입니다.",
                "Rate limit checks in a minute that an instance made without Redis; 0 is normal.",
            ),
            per_minute("checks"),
            *spread("photo_api_rate_limit_fallbacks_total"),
            home_of=("rate-limits-not-shared",),
        ),
    ),
)
