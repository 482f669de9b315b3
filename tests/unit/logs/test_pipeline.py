"""A record's way to standard output and to subscribers, in a process of its own: logging is the whole process's."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from photo_api.logs.pipeline import render

PRELUDE = """
import asyncio, logging, structlog, sys, warnings
from photo_api.config import Settings
from photo_api.logs.pipeline import subscribe
from photo_api.logs.setup import configure_logging
seen = []
configure_logging(Settings(node="api-1", log_level="{level}"))
subscribe(seen.append)
log = structlog.get_logger("photo_api.test")
"""


def records(code: str, level: str = "info") -> list[Any]:
    """What the code logs, line by line of its standard output."""
    script = PRELUDE.format(level=level) + code
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_a_record_is_one_line_of_json_with_its_origin() -> None:
    (record,) = records('log.info("something_happened", count=3)')
    assert record.pop("time").endswith("Z")
    assert record == {
        "event": "something_happened",
        "level": "info",
        "logger": "photo_api.test",
        "node": "api-1",
        "count": 3,
    }


def test_the_level_is_the_least_that_is_logged() -> None:
    code = 'log.info("no"); log.warning("yes"); logging.getLogger("x").info("no"); logging.getLogger("x").error("yes")'
    assert [record["event"] for record in records(code, "warning")] == ["yes", "yes"]


def test_the_standard_library_logs_into_the_same_lines() -> None:
    (record,) = records('logging.getLogger("uvicorn.error").warning("stopped after %d s", 3)')
    assert (record["event"], record["logger"], record["level"]) == ("stopped after 3 s", "uvicorn.error", "warning")


def test_warnings_are_logged() -> None:
    (record,) = records('warnings.warn("old", UserWarning)')
    assert "UserWarning: old" in record["event"]


def test_a_trace_is_in_its_record_without_its_secrets() -> None:
    code = """
try:
    raise ValueError("Bearer abcdefghijkl")
except ValueError:
    log.exception("failed")
    logging.getLogger("x").exception("failed too")
"""
    for record in records(code):
        assert "ValueError: Bearer [redacted]" in record["exception"]


def test_a_line_feed_begins_no_second_record() -> None:
    (record,) = records(r'log.info("a\n{\"event\": \"forged\"}", name="b\r\nc")')
    assert record["event"].startswith("a\n")


def test_the_request_id_comes_from_the_request_that_is_answered() -> None:
    code = """
from photo_api.context import RequestContextMiddleware
async def app(scope, receive, send):
    log.info("inside")
async def nothing(*_):
    pass
scope = {"type": "http", "headers": [(b"x-request-id", b"request-0001")], "client": ("127.0.0.1", 1)}
async def serve():  # as a server does: a task for each request
    await RequestContextMiddleware(app, trusted_proxies=())(scope, nothing, nothing)
asyncio.run(serve())
log.info("outside")
"""
    inside, outside = records(code)
    assert inside["request_id"] == "request-0001"
    assert "request_id" not in outside


def test_subscribers_get_the_same_lines_but_for_local_ones() -> None:
    code = """
log.info("shared")
log.info("local", local_only=True)
sys.stdout.write(repr(len(seen)) + "\\n")
"""
    shared, local, count = records(code)
    assert (shared["event"], local["event"], count) == ("shared", "local", 1)
    assert "local_only" not in local


def test_a_subscriber_that_ended_gets_nothing_more() -> None:
    code = """
more = []
end = subscribe(more.append)
log.info("one")
end()
log.info("two")
print(len(more))
"""
    assert records(code)[-1] == 1


def test_a_standard_output_that_is_gone_disturbs_nobody(tmp_path: Path) -> None:
    code = PRELUDE.format(level="info") + (
        'import os; os.close(1); log.info("lost"); open(sys.argv[1], "w").write(str(len(seen))); os._exit(0)'
    )
    result = tmp_path / "result"
    subprocess.run([sys.executable, "-c", code, str(result)], check=True, timeout=60, capture_output=True)
    assert result.read_text() == "1"


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.text(st.characters()) | st.integers() | st.floats() | st.binary() | st.builds(object) | st.just("\ud800"),
    )
)
def test_any_record_becomes_one_line_of_json(event: dict[str, Any]) -> None:
    line = render(event)
    assert b"\n" not in line
    assert set(orjson.loads(line)) == set(event)
