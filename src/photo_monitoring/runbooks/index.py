"""The index of the runbooks: every alert with its one-line meaning, in both languages, by group."""

from pathlib import Path
from typing import Final

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import LANGUAGES
from photo_monitoring.criteria import Group
from photo_monitoring.runbooks.checks import Page, read_pages

_GROUPS: Final = {
    Group.AVAILABILITY: "가용성 · Availability",
    Group.PERFORMANCE: "성능 · Performance",
    Group.STABILITY: "안정성 · Stability",
    Group.SECURITY: "보안 · Security",
    Group.RESOURCES: "리소스 · Resources",
    Group.BUSINESS: "비즈니스 · Business",
    Group.GROWTH: "성장 · Growth",
    Group.PIPELINE: "모니터링 자체 · The monitoring itself",
    Group.SLO: "목표 · Objectives",
}

_INTRODUCTION: Final = """\
<!-- Rendered by `photo-monitoring render`; changes made here are lost. -->
# 런북 · Runbooks

알림마다 한국어와 영어로 한 쪽씩 있다. 무슨 뜻인지, 사용자가 무엇을 겪는지, 어떻게 확인하고 조치하며 언제 끝났다고 볼지
적었다. `photo-monitoring explain 알림이름`은 지금 적용된 기준과 런북을 터미널에 보여 준다.

- 쿼리는 Prometheus(`photo-stack up`이면 http://127.0.0.1:9090/graph)에 그대로 붙여 넣는다. 빈 줄로 나뉜 것은 서로 다른
  쿼리다.
- 명령은 스택의 기본 주소와 경로(`.data/stack`)로 적었다. 체크아웃에서는 `.venv/bin/`을 앞에 붙이고, 운영에서는 자기
  주소와 경로로 바꾼다. 그곳에서는 `photo-stack drain`과 `restart` 대신 SIGTERM(드레인 후 종료)과 평소의 배포 도구를
  쓴다.
- "종료 확인"의 쿼리에 비교(`<` 등)가 있으면 조건이 참일 때만 값이 나온다.
- `<이런 것>`은 채워 넣을 자리다. 데이터를 바꾸는 명령은 한 번 읽고 실행한다.

Every alert has a page in Korean and in English: what it means, what users notice, how to confirm it, what to do, and
when it is over. `photo-monitoring explain ALERT` prints the criteria in force and the runbook in the terminal.

- Queries go into Prometheus (with `photo-stack up`: http://127.0.0.1:9090/graph) as they are; an empty line separates
  two of them.
- Commands have the stack's addresses and paths (`.data/stack`). In a checkout put `.venv/bin/` in front; in production
  use your own, and instead of `photo-stack drain` and `restart` SIGTERM (drain, then stop) and your deployment tool.
- A query under "Over when" that compares gives a value only while the comparison holds.
- `<something>` is yours to fill in. Read what changes data before you run it.
"""


def meaning(page: Page) -> str:
    """Return the sentence below a page's title."""
    tokens = page.tokens()
    for title, paragraph in zip(tokens, tokens[3:], strict=False):
        if title.type == "heading_open" and title.tag == "h1" and paragraph.type == "paragraph_open":
            return " ".join(tokens[tokens.index(paragraph) + 1].content.split())
    return ""


def render_index(folder: Path) -> str:
    """Return the page `docs/runbooks/README.md` for the pages in `folder`."""
    pages = {(page.alert, page.lang): page for page in read_pages(folder)}
    lines = [_INTRODUCTION]
    for group, title in _GROUPS.items():
        names = dict.fromkeys(alert.name for alert in ALERTS if alert.group is group)
        lines += [f"## {title}", "", "| | 한국어 | English |", "| --- | --- | --- |"]
        for name in names:
            found = [pages.get((name, lang)) for lang in LANGUAGES]
            cells = ["—" if page is None else f"[{meaning(page) or name}]({page.name})" for page in found]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)
