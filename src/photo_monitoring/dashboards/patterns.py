"""PromQL that several panels share."""

from typing import Final

from photo_monitoring.criteria import Text
from photo_monitoring.dashboards.panels import Colour, Kind, Panel, Query

IMAGES: Final = 'handler=~"(/share/.+)?/photos/.+/image"'
SERVED: Final = 'status=~"2..|30[24]"'
"""An image is delivered by 302 where a CDN is in front, and a browser's own copy is confirmed by 304."""

TOTAL: Final = Text("합계", "total")


def quantile(part: str, by: str = "", also: str = "") -> str:
    """Return the PromQL of a quantile of response times, direct uploads left out, whose duration is the client's."""
    buckets = "http_request_duration_seconds_bucket"
    return f"""
histogram_quantile({part}, sum by (le{by}) (
  rate({buckets}{{$timed_asked{also}}}[$rate])
  unless
  rate({buckets}{{$picked, $uploads}}[$rate])
))
"""


def spread(counter: str, selector: str = "$picked") -> tuple[Query, Query]:
    """Return a counter by the minute: over all instances, and for each."""
    return (
        Query(f"sum(rate({counter}{{{selector}}}[$rate])) * 60", TOTAL, colour="text"),
        Query(f"sum by (instance) (rate({counter}{{{selector}}}[$rate])) * 60", "{{instance}}"),
    )


def succeeded(handler: str) -> str:
    """Return how many requests to a route succeed in a minute."""
    selector = f'$picked, handler="{handler}", method="POST", status=~"2.."'
    return f"sum(rate(http_requests_total{{{selector}}}[$rate])) * 60"


def total(gauge: str, selector: str = "") -> str:
    """Return a total of the database, which every instance publishes: the same number, so the largest of them."""
    return f"max({gauge}{{{', '.join(filter(None, ('$api', selector)))}}})"


def speed(gauge: str, selector: str = "") -> str:
    """Return by how much a total grows in an hour."""
    return f"avg(deriv({gauge}{{{', '.join(filter(None, ('$api', selector)))}}}[${{1h}}])) * 3600"


def share_of(gauge: str, part: str, whole: str) -> str:
    """Return the share of one total in another; nothing where there is none yet."""
    return f"{total(gauge, part)}\n/\n({total(gauge, whole)} > 0)"


def lines(
    number: int,
    title: Text,
    about: Text,
    unit: str,
    *queries: Query,
    home_of: tuple[str, ...] = (),
    limits: tuple[str, ...] | None = None,
    points: tuple[str, ...] = (),
    minimum: float | None = 0,
    maximum: float | None = None,
    stacked: bool = False,
    width: int = 6,
) -> Panel:
    """Return a panel of time series, which most panels are."""
    return Panel(
        id=number,
        title=title,
        about=about,
        kind=Kind.TIME_SERIES,
        unit=unit,
        queries=queries,
        home_of=home_of,
        limits=limits,
        points=points,
        minimum=minimum,
        maximum=maximum,
        stacked=stacked,
        width=width,
    )


def quantiles_of(histogram: str, selector: str, *parts: int) -> tuple[Query, ...]:
    """Return quantiles of a histogram, one query for each; nothing where nothing happened."""
    return tuple(
        Query(
            f"histogram_quantile(0.{part}, sum by (le) (rate({histogram}_bucket{{{selector}}}[$rate]))) > 0", f"P{part}"
        )
        for part in parts
    )


def quantile_by(histogram: str, selector: str, label: str, part: int = 95) -> Query:
    """Return a quantile of a histogram by a label; nothing for values that did not occur."""
    return Query(
        f"histogram_quantile(0.{part}, sum by (le, {label}) (rate({histogram}_bucket{{{selector}}}[$rate]))) > 0",
        f"{{{{{label}}}}}",
    )


def ratio(part: str, whole: str) -> str:
    """Return the share of a rate in another; nothing while there is nothing to take a share of."""
    return f"{part}\n/\n({whole} > 0)"


def one(expr: str, legend: Text, colour: Colour, unit: str | None = None, absent: str | None = None) -> Query:
    """Return a query of one series with its colour."""
    return Query(expr, legend, colour=colour, unit=unit, absent=absent)
