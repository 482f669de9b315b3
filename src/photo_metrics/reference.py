"""The reference page of every metric, rendered from the declarations.

`python -m photo_metrics.reference` writes docs/reference/metrics.md, `--check` fails if the page there is not what
the declarations say, `--output PATH` names another file ("-": standard output).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from photo_metrics.catalog import CATALOG, NAMING_EXCEPTIONS
from photo_metrics.node_exporter import NODE_METRICS
from photo_metrics.process import PROCESS_METRICS
from photo_metrics.spec import LabelKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from photo_metrics.spec import LabelSpec, MetricSpec

DEFAULT_OUTPUT = Path("docs/reference/metrics.md")

_SECTIONS = {
    "1": "가용성 · Availability",
    "2": "성능 · Performance",
    "3": "안정성 · Stability",
    "4": "보안 · Security",
    "7": "비즈니스 성장 · Business growth",
}
_INTRODUCTION = """\
<!-- Rendered by `make render` from src/photo_metrics; do not edit. -->
# Metrics · 지표

모든 인스턴스는 지표 포트의 `/metrics`에 아래 지표를 텍스트 형식과 OpenMetrics로 게시한다.
절 번호는 모니터링 가이드의 절이며, "추가"는 가이드의 기준을 판정하는 데 필요하여 더한 지표이다.
가이드 6절은 `http_requests_total`을 읽는다.

Every instance publishes these metrics on its metrics port at `/metrics`, as text and as OpenMetrics. Section numbers
are those of the monitoring guide; "added" marks what its criteria need beyond its own metrics. Its section 6 reads
`http_requests_total`.
"""


def render_reference() -> str:
    """The page as Markdown, in Korean and English."""
    parts = [_INTRODUCTION]
    section = ""
    for spec in CATALOG:
        chapter = spec.guide.partition(".")[0] if spec.guide else section
        if chapter != section:
            section = chapter
            parts.append(f"## {section}. {_SECTIONS[section]}\n")
        parts.append("\n".join(_metric(spec)) + "\n")
    parts.append("## 프로세스 · Process\n\nLinux에서만 게시한다. · On Linux only.\n")
    parts.append("\n".join(_table(PROCESS_METRICS)) + "\n")
    parts.append(
        "## 5. 리소스 (node_exporter) · Resources\n\nnode_exporter가 게시한다. · Published by node_exporter.\n"
    )
    parts.append("\n".join(_table(NODE_METRICS)) + "\n")
    return "\n".join(parts)


def _metric(spec: MetricSpec) -> Iterator[str]:
    origin = f"가이드 {spec.guide} · guide {spec.guide}" if spec.guide else "추가 · added"
    yield f"### `{spec.name}`\n"
    yield f"{spec.type}{f', {spec.unit}' if spec.unit else ''} — {origin}\n"
    yield f"{spec.help.ko}  \n{spec.help.en}\n"
    for label in spec.labels:
        yield f"- `{label.name}`: {_label(label)}"
    if spec.combinations is not None:
        yield "- 조합 · combinations: " + ", ".join(f"`{'/'.join(values)}`" for values in spec.combinations)
    if spec.buckets:
        yield f"- 버킷 · buckets: {', '.join(str(bound) for bound in spec.buckets)}"
    if spec.note is not None:
        yield f"- {spec.note.ko}  \n  {spec.note.en}"
    if spec.name in NAMING_EXCEPTIONS:
        yield "- 이름은 가이드를 따르며 관례의 예외이다. · The name is the guide's, an exception to the conventions."


def _label(label: LabelSpec) -> str:
    match label.kind:
        case LabelKind.CLOSED:
            values = " ".join(f"`{value}`" for value in label.values)
            extra = label.fallback not in {None, *label.values}
            return f"{values} `{label.fallback}`" if extra else values
        case LabelKind.ROUTE:
            return f"라우트 템플릿 · route template, `none`, `{label.fallback}`"
        case LabelKind.STATUS:
            return "HTTP 상태 코드 · HTTP status code"
        case LabelKind.BOUNDED:
            return f"최대 {label.limit}개 · at most {label.limit}, `{label.fallback}`"
        case LabelKind.IDENTITY:
            return "인스턴스마다 하나 · one per instance"
        case LabelKind.EXTERNAL:
            return "node_exporter"


def _table(specs: Sequence[MetricSpec]) -> Iterator[str]:
    yield "| 지표 · metric | 타입 · type | 라벨 · labels | 설명 · meaning |"
    yield "|---|---|---|---|"
    for spec in specs:
        labels = " ".join(f"`{name}`" for name in spec.label_names) or "–"
        yield f"| `{spec.name}` | {spec.type} | {labels} | {spec.help.ko}<br>{spec.help.en} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 on success, 1 if `--check` finds another page or the file cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m photo_metrics.reference", description="Render the metrics' reference."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file differs")
    parser.add_argument("--output", default=str(DEFAULT_OUTPUT), help="file to write, - for standard output")
    options = parser.parse_args(arguments)
    page = render_reference()
    if options.output == "-":
        sys.stdout.write(page)
        return 0
    path = Path(options.output)
    try:
        if options.check:
            if path.is_file() and path.read_text(encoding="utf-8") == page:
                return 0
            sys.stderr.write(f"{path} is not what the declarations say; run: python -m photo_metrics.reference\n")
            return 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"cannot use {path}: {error.strerror}; name another file with --output\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
