"""What was found, for people (tables; what to mend first) and for programs (JSON)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from photo_monitoring.configuration.settings import Language
from photo_monitoring.criteria import Text
from photo_monitoring.doctor.diagnosis import Verdict, all_causes, alone, needed
from photo_monitoring.doctor.outcome import Cause, Status, merged

STATUS_WORDS: Final = {
    Status.LIVE: Text("작동", "live"),
    Status.WAITING: Text("대기", "waiting"),
    Status.WRONG: Text("오판", "wrong"),
    Status.UNKNOWN: Text("미확인", "unknown"),
    Status.SILENT: Text("침묵", "silent"),
}
_STYLES: Final = {
    Status.LIVE: "green",
    Status.WAITING: "cyan",
    Status.WRONG: "bold red",
    Status.UNKNOWN: "yellow",
    Status.SILENT: "red",
}
_MEND: Final = Text("고칠 것", "Mend this")
_HOW: Final = Text("방법", "How")
_ALONE: Final = Text("이것만으로 작동", "then live")
_NEEDED: Final = Text("관련", "part of")
_CRITERION: Final = Text("기준", "Criterion")
_ALERT: Final = Text("알림", "Alert")
_STATE: Final = Text("상태", "Status")
_WHY: Final = Text("이유와 참고(·)", "Why, and notes (·)")
_MEANING: Final = Text(
    "작동: 일이 생기면 울림, 대기: 첫 이벤트나 이력이 쌓이면 작동, 오판: 값이 틀림, "
    "침묵: 이대로는 울리지 않음, 미확인: 확인할 곳이 없음",
    "live: fires when it happens; waiting: live with the first event or enough history; wrong: has false values; "
    "silent: never fires as things are; unknown: nowhere to look",
)


def counts(verdicts: Sequence[Verdict]) -> dict[Status, int]:
    """Return how many criteria there are of each status."""
    found = Counter(verdict.outcome.status for verdict in verdicts)
    return {status: found[status] for status in Status}


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """Return 0 when everything is live (or waits), 1 when something is silent or wrong, 2 when some is not known."""
    found = counts(verdicts)
    if found[Status.SILENT] or found[Status.WRONG]:
        return 1
    return 2 if found[Status.UNKNOWN] else 0


def summary(verdicts: Sequence[Verdict], off: int, lang: Language) -> str:
    """Say in one line how many there are of each."""
    guide = sum(verdict.tier.criterion is not None for verdict in verdicts)
    own = len(verdicts) - guide
    parts = [f"{STATUS_WORDS[status].in_language(lang)} {number}" for status, number in counts(verdicts).items()]
    if lang == "ko":
        head, tail = f"가이드 기준 {guide}개와 자체 기준 {own}개", f", 꺼 둔 기준 {off}개" if off else ""
    else:
        head, tail = f"{guide} criteria of the guide, {own} of ours", f", {off} switched off" if off else ""
    return f"{head}: {', '.join(parts)}{tail}"


def show(console: Console, verdicts: list[Verdict], off: int, lang: Language) -> None:
    """Print what to mend, then every criterion, then the summary."""
    causes = all_causes(verdicts)
    if causes:
        table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
        for head, options in (
            (_MEND, {"ratio": 5, "overflow": "fold"}),
            (_HOW, {"ratio": 6, "overflow": "fold"}),
            (_ALONE, {"justify": "right"}),
            (_NEEDED, {"justify": "right"}),
        ):
            table.add_column(head.in_language(lang), **options)
        for cause in causes:
            table.add_row(
                Line(cause.what.in_language(lang)),
                Line(cause.remedy.in_language(lang)),
                str(alone(cause, verdicts)),
                str(needed(cause, verdicts)),
            )
        console.print(table)
        console.print()
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in (_STATE, _CRITERION, _ALERT):
        table.add_column(head.in_language(lang), no_wrap=True)
    table.add_column(_WHY.in_language(lang), ratio=1, overflow="fold")
    for verdict in verdicts:
        status = verdict.outcome.status
        table.add_row(
            Line(STATUS_WORDS[status].in_language(lang), _STYLES[status]),
            Line(verdict.name),
            Line(f"{verdict.alert.name} ({verdict.tier.severity.value})"),
            Line("\n".join(_reasons(verdict, lang))),
        )
    console.print(table)
    console.print()
    console.print(Line(summary(verdicts, off, lang), "bold"))
    console.print(Line(_MEANING.in_language(lang), "dim"))


def _reasons(verdict: Verdict, lang: Language) -> list[str]:
    found = [cause.what.in_language(lang) for cause in verdict.outcome.causes]
    return found + [f"· {note.what.in_language(lang)}" for note in _notes(verdict)]


def _notes(verdict: Verdict) -> tuple[Cause, ...]:
    """Return what is worth knowing and is not among the causes."""
    return tuple(note for note in verdict.outcome.notes if note not in verdict.outcome.causes)


def as_json(verdicts: list[Verdict], off: int, lang: Language) -> dict[str, Any]:
    """Return the report: `summary`, `causes` (what to mend first), and `criteria`, which name causes by id."""
    causes = all_causes(verdicts)
    notes = merged(*(_notes(verdict) for verdict in verdicts))
    ids = {cause: f"{cause.kind}-{n}" for n, cause in enumerate(dict.fromkeys((*causes, *notes)), 1)}
    return {
        "summary": {status.value: number for status, number in counts(verdicts).items()} | {"switched_off": off},
        "causes": [
            {
                "id": identifier,
                "kind": cause.kind,
                "what": cause.what.in_language(lang),
                "remedy": cause.remedy.in_language(lang),
                "alone": alone(cause, verdicts),
                "needed": needed(cause, verdicts),
            }
            for cause, identifier in ids.items()
        ],
        "criteria": [
            {
                "criterion": verdict.name,
                "guide": verdict.tier.criterion is not None,
                "alert": verdict.alert.name,
                "subject": verdict.alert.subject,
                "severity": verdict.tier.severity.value,
                "status": verdict.outcome.status.value,
                "causes": [ids[cause] for cause in verdict.outcome.causes],
                "notes": [ids[note] for note in _notes(verdict)],
            }
            for verdict in verdicts
        ],
    }
