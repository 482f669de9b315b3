"""Reading a metrics page as Prometheus would: the text format 0.0.4, and OpenMetrics where a server insists on it.

A family that is declared (`# TYPE`) and has no sample yet is told apart from one that is not there.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_SAMPLE: Final = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*"
    r'(?:\{(?P<labels>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]*'
    r"(?P<value>[^\s#]+)(?:[ \t]+[-+.\deE]+)?[ \t]*(?:\#.*)?"
)
_LABEL: Final = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)')
_ESCAPE: Final = re.compile(r"\\(.)")
_SUFFIXES: Final = {
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
    "counter": ("", "_total"),
}

Labels = Mapping[str, str]


class NoMetricsPageError(ValueError):
    """The text is no metrics page; the message says where and what."""


@dataclass(slots=True)
class Page:
    """What one page, or what Prometheus keeps of a job, has: label sets by sample name, and types.

    `types` are those that were declared, by sample name (`http_requests_total` → `counter`); `values` the numbers,
    where they are known, in the order of `series`.
    """

    series: dict[str, list[Labels]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def declare(self, name: str, kind: str) -> None:
        """Note a family's type under the names of its samples."""
        for suffix in _SUFFIXES.get(kind, ("",)):
            self.types[f"{name}{suffix}"] = kind

    def add(self, name: str, labels: Labels, value: float | None = None) -> None:
        """Note a series, and its value where there is one."""
        self.series.setdefault(name, []).append(labels)
        if value is not None:
            self.values.setdefault(name, []).append(value)

    def label_values(self, labels: Iterable[str]) -> frozenset[str]:
        """Return the values that any of these labels has in any series."""
        names = tuple(labels)
        return frozenset(one[name] for sets in self.series.values() for one in sets for name in names if name in one)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match.group(1) == "n" else match.group(1), text)


def _labels(text: str | None) -> Labels | None:
    """Return the labels between the braces; None when they cannot be read."""
    found, position = {}, 0
    rest = (text or "").rstrip()
    while position < len(rest):
        match = _LABEL.match(rest, position)
        if match is None:
            return None
        found[match.group(1)] = _unescaped(match.group(2))
        position = match.end()
    return found


def read_page(text: str) -> Page:
    """Read a page; `NoMetricsPageError` at the first line that is none of the format's, or when there is no sample."""
    page = Page()
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line.startswith("# TYPE "):
            name, _, kind = line.removeprefix("# TYPE ").strip().partition(" ")
            page.declare(name, kind.strip())
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.fullmatch(line)
        labels = None if match is None else _labels(match.group("labels"))
        try:
            value = float("nan") if match is None else float(match.group("value"))
        except ValueError:
            labels, value = None, float("nan")
        if match is None or labels is None:
            msg = f"line {number} is no sample of a metric"
            raise NoMetricsPageError(msg)
        page.add(match.group("name"), labels, value)
    if not page.series and not page.types:
        msg = "it has no metric"
        raise NoMetricsPageError(msg)
    return page
