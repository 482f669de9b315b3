"""The page that Prometheus reads: text format 0.0.4 and OpenMetrics 1.0.0, chosen by the request's Accept header.

Both write `le` as a float (`3.0`): a rule that names a bucket finds it whichever format was scraped. Exemplars exist
in OpenMetrics only. A counter whose name does not end in `_total` is legal in the text format; OpenMetrics would
refuse it as a counter, so there its type is `unknown`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from photo_metrics.registry import Histogram
from photo_metrics.spec import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photo_metrics.asgi import ASGIApp, Receive, Scope, Send
    from photo_metrics.registry import AnyFamily, Registry
    from photo_metrics.spec import MetricSpec

TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_MAX_EXEMPLAR_CHARACTERS = 128  # OpenMetrics 1.0.0, "Exemplars": names and values together
_EXEMPLAR_LABEL = "request_id"
_COUNTER_SUFFIX = "_total"


def render_text(registry: Registry) -> str:
    """The page in Prometheus' text format 0.0.4."""
    return "".join(f"{line}\n" for family in registry.collect() for line in _family_lines(family, openmetrics=False))


def render_openmetrics(registry: Registry) -> str:
    """The page in OpenMetrics 1.0.0, exemplars included."""
    lines = [f"{line}\n" for family in registry.collect() for line in _family_lines(family, openmetrics=True)]
    return "".join(lines) + "# EOF\n"


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics (1.0.0, or no version) to the text format; ties go to the more
    specific.

    Unreadable preferences count as the text format's.
    """
    openmetrics = text = 0.0
    for entry in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        options = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        try:
            quality = float(options.get("q", "1"))
        except ValueError:
            continue
        if media_type == "application/openmetrics-text" and options.get("version", "1.0.0").strip('"') == "1.0.0":
            openmetrics = max(openmetrics, quality)
        elif media_type in {"text/plain", "text/*"}:
            text = max(text, quality)
    return openmetrics > 0.0 and openmetrics >= text


def metrics_page(registry: Registry) -> ASGIApp:
    """An ASGI application that answers GET and HEAD /metrics; 405 for another method, 404 for another path."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _acknowledge_lifespan(receive, send)
            return
        if scope["type"] != "http":
            message = "the metrics page speaks HTTP only"
            raise RuntimeError(message)
        if scope["path"] != "/metrics":
            await _respond(send, 404, "text/plain; charset=utf-8", b"not found; try /metrics\n")
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await _respond(send, 405, "text/plain; charset=utf-8", b"use GET\n", (b"allow", b"GET, HEAD"))
            return
        accept = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
        if wants_openmetrics(accept):
            content_type, page = OPENMETRICS_CONTENT_TYPE, render_openmetrics(registry)
        else:
            content_type, page = TEXT_CONTENT_TYPE, render_text(registry)
        # A lone surrogate in a label value cannot be encoded; one odd character must not hide every number.
        await _respond(send, 200, content_type, page.encode("utf-8", "replace"), head=scope["method"] == "HEAD")

    return app


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def _respond(
    send: Send, status: int, content_type: str, body: bytes, *headers: tuple[bytes, bytes], head: bool = False
) -> None:
    all_headers = [
        (b"content-type", content_type.encode("ascii")),
        (b"content-length", str(len(body)).encode("ascii")),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


def _family_lines(family: AnyFamily, *, openmetrics: bool) -> Iterator[str]:
    spec = family.spec
    name, type_name = spec.name, str(spec.type)
    if openmetrics and spec.type is MetricType.COUNTER:
        if name.endswith(_COUNTER_SUFFIX):
            name = name.removesuffix(_COUNTER_SUFFIX)
        else:
            type_name = "unknown"
    # OpenMetrics escapes quotes in help texts too, the text format does not.
    help_text = escape_label_value(spec.help.en) if openmetrics else _escape_help(spec.help.en)
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {type_name}"
    if openmetrics and spec.unit and name.endswith(f"_{spec.unit}"):
        yield f"# UNIT {name} {spec.unit}"
    for child in family.children():
        if isinstance(child, Histogram):
            yield from _histogram_lines(spec, child, openmetrics=openmetrics)
        else:
            value = child.read()
            if value is not None:
                yield f"{spec.name}{_braces(_label_pairs(spec, child.labels))} {format_value(value)}"


def _histogram_lines(spec: MetricSpec, child: Histogram, *, openmetrics: bool) -> Iterator[str]:
    counts, total = child.read()
    labels = _label_pairs(spec, child.labels)
    separator = "," if labels else ""
    cumulative = 0
    for index, count in enumerate(counts):
        cumulative += count
        bound = spec.buckets[index] if index < len(spec.buckets) else math.inf
        exemplar = _exemplar(child, index) if openmetrics else ""
        yield f'{spec.name}_bucket{{{labels}{separator}le="{format_value(bound)}"}} {cumulative}{exemplar}'
    yield f"{spec.name}_count{_braces(labels)} {cumulative}"
    yield f"{spec.name}_sum{_braces(labels)} {format_value(total)}"


def _exemplar(child: Histogram, index: int) -> str:
    exemplar = child.exemplars.get(index)
    if exemplar is None:
        return ""
    identifier, value, at = exemplar
    # Readers differ on escapes within exemplars; an identifier that would need one is no identifier of ours.
    if (
        len(_EXEMPLAR_LABEL) + len(identifier) > _MAX_EXEMPLAR_CHARACTERS
        or escape_label_value(identifier) != identifier
    ):
        return ""
    return f' # {{{_EXEMPLAR_LABEL}="{identifier}"}} {format_value(value)} {at:.3f}'


def _label_pairs(spec: MetricSpec, values: tuple[str, ...]) -> str:
    return ",".join(
        f'{name}="{escape_label_value(value)}"' for name, value in zip(spec.label_names, values, strict=True)
    )


def _braces(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def escape_label_value(value: str) -> str:
    """A label value as it stands between the quotes: backslash, quote and newline escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def format_value(value: float) -> str:
    """A number as both formats write it: shortest exact decimal, `+Inf`, `-Inf`, `NaN`."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(float(value))
