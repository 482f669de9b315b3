"""The board of the service level objectives: kept or not, the error budget left, and how fast it burns."""

from typing import Final

from photo_monitoring.alerts.slo import AVAILABILITY, OBJECTIVES
from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import (
    COUNT,
    DAYS,
    PER_SECOND,
    RATIO,
    TIMES,
    Board,
    Colour,
    Column,
    Kind,
    Panel,
    Query,
    Row,
    Step,
)
from photo_monitoring.dashboards.variables import SLO as CHOSEN
from photo_monitoring.slos import PERIOD_DAYS

_OWN: Final = '{sloth_slo=~"$slo"}'
_NAME: Final = "{{sloth_slo}}"
_OBJECTIVE: Final = Column("sloth_slo", Text("목표", "Objective"))
_QUIET: Final = "blank while nothing was asked: no traffic spends no budget"

_SUMMARY: Final = Row(
    id=1,
    title=Text("목표 달성", "Objectives"),
    panels=(
        Panel(
            id=11,
            title=Text("30일 가용성", "Availability, 30 days"),
            about=Text(
                "최근 30일 요청 가용성입니다. 목표(가이드는 99.9%) 아래면 빨간색입니다. 로드 밸런서에서 재므로 전체 "
                "장애도 셉니다.",
                "Availability of requests over 30 days; red below what is promised (the guide: 99.9 %). Measured at "
                "the load balancer, "
                "so that an outage of the whole fleet counts.",
            ),
            kind=Kind.STAT,
            unit=RATIO,
            queries=(
                Query('slo:period_compliance:ratio{sloth_slo="requests-availability"}', Text("가용성", "availability")),
            ),
            promise=AVAILABILITY.slo,
            decimals=3,
            minimum=None,
        ),
        Panel(
            id=12,
            title=Text("남은 오류 예산", "Error budget left"),
            about=Text(
                "30일 오류 예산 가운데 남은 비율입니다. 0 아래면 목표를 어긴 것이며, 25% 아래면 위험한 배포를 "
                "미루세요.",
                "How much of the 30 days' error budget is left. Below 0 the promise is broken; below 25 % put off what "
                "is risky.",
            ),
            kind=Kind.STAT,
            unit=RATIO,
            queries=(Query(f"slo:period_error_budget_remaining:ratio{_OWN}", _NAME),),
            steps=(Step(None, "red"), Step(0, "orange"), Step(0.25, "green")),
            minimum=None,
            maximum=1,
            width=10,
        ),
        Panel(
            id=13,
            title=Text("목표별 현황", "By objective"),
            about=Text(
                "목표, 최근 30일 달성률, 남은 예산, 지금의 소진 속도(1이면 30일에 딱 다 씀)입니다.",
                "The promise, what was kept over 30 days, the budget left, and how fast it burns now (at 1 it lasts "
                "exactly 30 days).",
            ),
            kind=Kind.TABLE,
            unit=RATIO,
            queries=(
                Query(f"max by (sloth_slo) (slo:objective:ratio{_OWN})", _NAME),
                Query(f"max by (sloth_slo) (slo:period_compliance:ratio{_OWN})", _NAME),
                Query(f"max by (sloth_slo) (slo:period_error_budget_remaining:ratio{_OWN})", _NAME),
                Query(f"max by (sloth_slo) (slo:current_burn_rate:ratio{_OWN})", _NAME, absent=_QUIET),
            ),
            steps=(Step(None, "text"),),
            columns=(
                _OBJECTIVE,
                Column("Value #A", Text("약속", "Promised")),
                Column("Value #B", Text("달성(30일)", "Kept, 30 days")),
                Column("Value #C", Text("남은 예산", "Budget left")),
                Column("Value #D", Text("소진 속도", "Burn rate"), unit=TIMES),
            ),
            minimum=None,
            width=8,
        ),
    ),
)

_COURSE: Final = Row(
    id=2,
    title=Text("추이", "Over time"),
    panels=(
        Panel(
            id=21,
            title=Text("남은 오류 예산 추이", "Error budget over time"),
            about=Text(
                "남은 예산의 추이입니다. 가파르게 떨어진 곳이 장애이고, 장애가 30일을 벗어나면 다시 오릅니다.",
                "The budget left over time: a steep fall is an outage; it comes back once that is 30 days old.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(Query(f"slo:period_error_budget_remaining:ratio{_OWN}", _NAME),),
            steps=(Step(None, "red"), Step(0, "orange"), Step(0.25, "green")),
            minimum=None,
            maximum=1,
            width=8,
        ),
        Panel(
            id=22,
            title=Text("목표별 실패율", "Failures by objective"),
            about=Text(
                "최근 1시간 동안 목표를 어긴 요청의 비율입니다.",
                "The share of events within the last hour that broke the promise.",
            ),
            kind=Kind.TIME_SERIES,
            unit=RATIO,
            queries=(Query(f"slo:sli_error:ratio_rate1h{_OWN}", _NAME),),
            width=8,
        ),
        Panel(
            id=23,
            title=Text("예산이 버틸 날", "Days that the budget lasts"),
            about=Text(
                "최근 6시간의 속도로 계속 실패하면 예산이 며칠 뒤에 바닥나는지 보여 줍니다. 실패가 없으면 비어 "
                "있습니다.",
                "In how many days the budget is used up if failures go on as in the last 6 hours. Blank without "
                "failures.",
            ),
            kind=Kind.TIME_SERIES,
            unit=DAYS,
            queries=(
                Query(
                    f"""
clamp_min(slo:period_error_budget_remaining:ratio{_OWN}, 0) * {PERIOD_DAYS}
*
slo:error_budget:ratio{_OWN}
/
(max without (sloth_window) (slo:sli_error:ratio_rate6h{_OWN}) > 0)
""",
                    _NAME,
                    absent="blank while nothing fails",
                ),
            ),
            decimals=1,
            width=8,
        ),
        Panel(
            id=24,
            title=Text("사용자가 받은 응답", "What users were answered"),
            about=Text(
                "로드 밸런서에서 잰 초당 응답과 그 가운데 실패입니다. 가용성 목표가 이 둘로 계산됩니다.",
                "Answers in a second as the load balancer counts them, and those that failed: the availability "
                "objective is made of these two.",
            ),
            kind=Kind.TIME_SERIES,
            unit=PER_SECOND,
            queries=(
                Query("slo:requests_answered:rate5m", Text("응답", "answered"), colour="blue"),
                Query("slo:requests_failed:rate5m", Text("실패", "failed"), colour="red"),
            ),
            width=12,
        ),
        Panel(
            id=25,
            title=Text("목표별 표본 수", "Events by objective"),
            about=Text(
                "목표마다 5분 동안 센 요청 수입니다. 적으면 비율이 크게 흔들립니다.",
                "How many events each objective counted within 5 minutes; ratios of few jump about.",
            ),
            kind=Kind.TIME_SERIES,
            unit=COUNT,
            queries=(Query(f"slo:sli_total:rate5m{_OWN} * 300", _NAME),),
            width=12,
        ),
    ),
)

# A panel's number is its objective's for ever: a new objective gets a new one.
_NUMBERS: Final = {
    "requests-availability": 31,
    "requests-latency": 32,
    "image-delivery": 33,
    "upload-completion": 34,
    "share-views": 35,
}
_WINDOWS: Final[tuple[tuple[str, Colour], ...]] = (("5m", "text"), ("1h", "orange"), ("6h", "blue"), ("3d", "purple"))


def _burn_panel(slo: str, number: int, promise: Text) -> Panel:
    own = f'{{sloth_slo="{slo}"}}'
    return Panel(
        id=number,
        title=Text(f"소진 속도: {promise.ko}", f"Burn rate: {promise.en}"),
        about=Text(
            "오류 예산이 허용 속도의 몇 배로 줄어드는지 창 길이별로 보여 줍니다. 1이면 30일에 딱 다 씁니다. "
            "긴 창과 짧은 창이 함께 기준을 넘으면 알림이 울립니다.",
            "How many times too fast the error budget burns, by window; at 1 it lasts exactly 30 days. The alert fires "
            "when a long and a short window are both over the limit.",
        ),
        kind=Kind.TIME_SERIES,
        unit=TIMES,
        queries=tuple(
            Query(
                f"slo:sli_error:ratio_rate{window}{own} / on (sloth_id) slo:error_budget:ratio{own}",
                window,
                colour=colour,
                absent=_QUIET if window == "5m" else None,
            )
            for window, colour in _WINDOWS
        ),
        home_of=(f"slo-{slo}",),
        width=8,
    )


_BURNS: Final = Row(
    id=3,
    title=Text("오류 예산 소진 속도", "Burn rates"),
    panels=tuple(_burn_panel(one.slo, _NUMBERS[one.slo], one.promise) for one in OBJECTIVES),
)

SLO: Final = Board(
    uid="photo-api-slo",
    title=Text("Photo API SLO와 오류 예산", "Photo API: objectives and error budgets"),
    about=Text(
        "가용성 99.9%를 비롯한 목표의 달성 여부와 남은 오류 예산입니다.",
        "Whether the objectives, 99.9 % availability first, are kept, and the error budget left.",
    ),
    rows=(_SUMMARY, _COURSE, _BURNS),
    variables=(CHOSEN,),
    since="now-30d",
    ranges=("24h", "7d", "30d"),
)
