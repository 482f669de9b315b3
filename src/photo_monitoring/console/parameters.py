"""Reads what a browser sends: every field has a type and a bound, and what breaks one is told in one line."""

import asyncio
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

MAX_QUERIES: Final = 48
MAX_EXPRESSION: Final = 8_000
# A batch of the longest queries there may be.
MAX_BODY_BYTES: Final = 512 << 10
BODY_SECONDS: Final = 10.0
MAX_FIELDS: Final = 10
MAX_POINTS: Final = 2_500
MAX_RANGE_SECONDS: Final = 100 * 86_400.0
MIN_STEP_SECONDS: Final = 0.1

LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_LATEST: Final = 253_402_300_799.0


def refuse(text: str) -> web.HTTPBadRequest:
    """Return the error of a request that is wrong, in one line."""
    return web.HTTPBadRequest(text=f"{text}\n")


@dataclass(frozen=True, slots=True)
class Query:
    """One expression: over a range with a step where `step` is given, else at `end` (unix seconds)."""

    expr: str
    start: float
    end: float
    step: float | None


async def body(request: web.Request) -> bytes:
    """Return the whole body; who sends it by drops is told to come again."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"send the body within {BODY_SECONDS:g} s\n") from None


async def form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form, as a browser sends one without files."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(text="send application/x-www-form-urlencoded\n")
    content = (await body(request)).decode(errors="replace")
    try:
        return dict(parse_qsl(content, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise refuse(f"a form has at most {MAX_FIELDS} fields") from None


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the body, a JSON object; a form of another site cannot send one without asking first."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json\n")
    try:
        found = json.loads(await body(request))
    except (ValueError, RecursionError):
        raise refuse("the body is no JSON") from None
    if not isinstance(found, dict):
        raise refuse("the body must be a JSON object")
    return found


def text(source: Mapping[str, Any], name: str, longest: int) -> str:
    """Return a text of 1 to `longest` characters."""
    value = source.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= longest:
        raise refuse(f"{name} must be a text of 1 to {longest} characters")
    return value.strip()


def number(source: Mapping[str, Any], name: str, lowest: float, highest: float) -> float:
    """Return a number between bounds; a URL's text is read as one."""
    try:
        value = float(source[name])
    except (KeyError, TypeError, ValueError, OverflowError):
        value = math.nan
    if not lowest <= value <= highest:
        raise refuse(f"{name} must be a number from {lowest:g} to {highest:g}")
    return value


def time_range(source: Mapping[str, Any]) -> tuple[float, float]:
    """Return start and end (unix seconds), in order, at most 100 days apart."""
    start, end = number(source, "start", 0, _LATEST), number(source, "end", 0, _LATEST)
    if not start <= end <= start + MAX_RANGE_SECONDS:
        raise refuse("end must be after start, by at most 100 days")
    return start, end


def label_name(source: Mapping[str, Any]) -> str:
    """Return the name of a label, which becomes a part of a path."""
    name = source.get("label")
    if not isinstance(name, str) or not LABEL.fullmatch(name):
        raise refuse("label must be the name of a label")
    return name


def query(source: object) -> Query:
    """Read one query of a batch."""
    if not isinstance(source, dict):
        raise refuse("a query must be an object")
    expr = text(source, "expr", MAX_EXPRESSION)
    start, end = time_range(source)
    if source.get("instant") is True:
        return Query(expr, start, end, None)
    step = number(source, "step", MIN_STEP_SECONDS, MAX_RANGE_SECONDS)
    if (end - start) / step > MAX_POINTS:
        raise refuse(f"a query may have {MAX_POINTS} points: choose a longer step")
    return Query(expr, start, end, step)


def queries(batch: Mapping[str, Any]) -> list[Query]:
    """Read a batch: `{"queries": [{"expr", "start", "end", "step" or "instant": true}, …]}`."""
    found = batch.get("queries")
    if not isinstance(found, list) or not 0 < len(found) <= MAX_QUERIES:
        raise refuse(f"queries must be a list of 1 to {MAX_QUERIES}")
    return [query(one) for one in found]
