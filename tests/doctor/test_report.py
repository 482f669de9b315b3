"""What the command prints, in both languages, for people and for programs; and its exit code."""

import io
import json

import pytest
from rich.console import Console

from photo_metrics import Recorder
from photo_metrics.exposition import render_text
from photo_monitoring.configuration.settings import LANGUAGES, Language, Settings
from photo_monitoring.criteria import Text
from photo_monitoring.doctor import causes, report
from photo_monitoring.doctor.diagnosis import Verdict, examine
from photo_monitoring.doctor.exposition import read_page
from photo_monitoring.doctor.outcome import LIVE, Cause, Outcome, Status, failed
from photo_monitoring.doctor.world import Source, World


def verdicts() -> list[Verdict]:
    recorder = Recorder(app="x", version="1", environment="test", node="n")
    page = read_page(render_text(recorder.registry))
    return examine(World(settings=Settings(), sources={"api": (Source("page", page),)}))


def printed(lang: Language, width: int = 160) -> str:
    out = io.StringIO()
    report.show(Console(file=out, width=width), verdicts(), 3, lang)
    return out.getvalue()


def test_what_to_mend_comes_before_the_criteria_and_the_summary_last() -> None:
    text = printed("en")
    first, second, third = text.index("Mend this"), text.index("Criterion"), text.index("67 criteria of the guide")
    assert first < second < third


def test_every_criterion_of_the_guide_and_of_ours_has_a_row() -> None:
    text = printed("en")
    for one in verdicts():
        assert f" {one.name} " in text
    assert sum(one.tier.criterion is not None for one in verdicts()) == 67


def test_the_summary_counts_every_criterion_once() -> None:
    found = verdicts()
    assert sum(report.counts(found).values()) == len(found)
    assert report.summary(found, 3, "en").endswith(", 3 switched off")
    assert report.summary(found, 0, "ko").startswith("가이드 기준 67개와 자체 기준 ")


def test_korean_is_korean_throughout() -> None:
    text = printed("ko")
    assert "고칠 것" in text
    assert "선언만 되어 있고 값이 없습니다" in text
    assert "there is" not in text


def test_a_narrow_terminal_cuts_nothing() -> None:
    assert "…" not in printed("en", width=100)


def test_json_names_what_to_mend_by_id() -> None:
    document = json.loads(json.dumps(report.as_json(verdicts(), 0, "en")))
    ids = {one["id"] for one in document["causes"]}
    assert len(ids) == len(document["causes"])
    assert all({*one["causes"], *one["notes"]} <= ids for one in document["criteria"])
    silent = next(one for one in document["criteria"] if one["criterion"] == "login/warning")
    assert silent | {"causes": [], "notes": []} == {
        "criterion": "login/warning",
        "guide": True,
        "alert": "HighLoginFailureRatio",
        "subject": "login",
        "severity": "warning",
        "status": "silent",
        "causes": [],
        "notes": [],
    }
    assert len(silent["causes"]) == 1
    assert document["summary"]["silent"] == sum(one["status"] == "silent" for one in document["criteria"])


def with_outcomes(*outcomes: Outcome) -> list[Verdict]:
    first = verdicts()[0]
    return [Verdict(first.alert, first.tier, outcome) for outcome in outcomes]


CAUSE = Cause("kind", Text("ko", "en"), Text("ko", "en"))


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([LIVE, Outcome(Status.WAITING)], 0),
        ([LIVE, failed(Status.SILENT, CAUSE)], 1),
        ([LIVE, failed(Status.WRONG, CAUSE)], 1),
        ([LIVE, failed(Status.UNKNOWN, CAUSE)], 2),
        ([failed(Status.UNKNOWN, CAUSE), failed(Status.SILENT, CAUSE)], 1),
    ],
)
def test_the_exit_code_tells_live_from_silent_and_from_unseen(outcomes: list[Outcome], code: int) -> None:
    assert report.exit_code(with_outcomes(*outcomes)) == code


def test_every_cause_is_a_line_in_both_languages() -> None:
    found = [
        causes.metric_missing("http_requests_total"),
        causes.metric_missing("node_cpu_seconds_total"),
        causes.not_published("photo_api_ready"),
        causes.label_missing("m", "l"),
        causes.bucket_missing("m", "3.0", None),
        causes.bucket_missing("m", "3.0", "3"),
        causes.value_never("haproxy_frontend_http_responses_total", "proxy", 'proxy="photos"', {"a", "b"}),
        causes.no_route('handler="/a"', "handler"),
        causes.wrong_type("m", "counter", "gauge"),
        causes.first_event("m"),
        causes.not_seen("m", 'a="b"'),
        causes.several_workers("http://h/metrics", "x: 1, 2"),
        causes.not_looked("node"),
        causes.no_target("node", "node", ()),
        causes.no_target("api", "photo-api", {"a"}),
        causes.not_scraped("node"),
        causes.target_down("node", "refused"),
        causes.not_stored("m", "node"),
        causes.interval_too_long("node", 60.0, 60.0),
        causes.retention_too_short(86_400.0, 2_592_000.0),
        causes.rules_not_loaded("g"),
        causes.rules_differ("g"),
        causes.rule_failing("r", "why"),
        causes.no_result_yet("r", 0.0),
        causes.no_result_yet("r", 3600.0),
    ]
    for cause in found:
        for text in (cause.what, cause.remedy):
            lines = [text.in_language(lang) for lang in LANGUAGES]
            assert all("\n" not in line and len(line) < 200 for line in lines)
            assert any("가" <= character <= "힣" for character in lines[0])
            assert not any("가" <= character <= "힣" for character in lines[1])
