"""The local receiver: what Alertmanager posts becomes readable lines and JSON lines."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.ports import accepts, free_port, wait_until


@dataclass(frozen=True)
class Receiver:
    url: str
    file: Path
    output: Path

    @property
    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def post(self, page: str, *alerts: dict[str, Any]) -> int:
        return httpx.post(f"{self.url}/{page}", json={"alerts": alerts}, timeout=5).status_code


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """The receiver as the stack runs it, but for a Watchdog that may be silent for half a second only."""
    port, file, output = free_port(), tmp_path / "alerts.jsonl", tmp_path / "output"
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--file", str(file), "--watchdog-seconds", "0.5"]
    with output.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "photo_stack.receiver", *arguments], stdout=out)
    try:
        wait_until(lambda: accepts(port), "the receiver listening")
        yield Receiver(f"http://127.0.0.1:{port}", file, output)
    finally:
        process.terminate()
        assert process.wait(10) == 0


def alert(status: str = "firing", **changes: Any) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": "ServiceDown", "severity": "critical", "instance": "api-1"},
        "annotations": {"summary": "Photo API 인스턴스 api-1가 다운되었습니다"},
        "startsAt": "2026-01-01T15:00:00.123456789Z",
        "endsAt": "2026-01-01T15:05:30Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": "ab12",
    } | changes


def test_a_firing_alert_is_one_line_with_its_times_in_kst(receiver: Receiver) -> None:
    receiver.post("alerts", alert())
    (line,) = receiver.lines
    assert " KST FIRING critical ServiceDown api-1: Photo API 인스턴스 api-1가 다운되었습니다" in line
    assert line.endswith("(since 2026-01-02 00:00:00 KST)")


def test_a_resolved_alert_says_from_when_to_when(receiver: Receiver) -> None:
    receiver.post("alerts", alert("resolved"))
    assert receiver.lines[0].endswith("(2026-01-02 00:00:00 KST – 2026-01-02 00:05:30 KST)")
    assert "RESOLVED critical ServiceDown api-1" in receiver.lines[0]


def test_a_reminder_reads_as_one(receiver: Receiver) -> None:
    receiver.post("alerts", alert())
    receiver.post("alerts", alert())
    assert "STILL FIRING" in receiver.lines[1]


def test_an_end_that_is_sent_twice_is_said_once(receiver: Receiver) -> None:
    for _ in range(2):
        receiver.post("alerts", alert("resolved"))
    assert len(receiver.lines) == 1


def test_every_delivery_is_a_json_line(receiver: Receiver) -> None:
    receiver.post("alerts", alert(), alert("resolved", fingerprint="cd34"))
    records = [json.loads(line) for line in receiver.file.read_text().splitlines()]
    assert [(record["status"], record["alertname"], record["instance"]) for record in records] == [
        ("firing", "ServiceDown", "api-1"),
        ("resolved", "ServiceDown", "api-1"),
    ]


def test_control_characters_do_not_reach_the_terminal(receiver: Receiver) -> None:
    receiver.post("alerts", alert(annotations={"summary": "a\x1b[2J\nb"}))
    (line,) = receiver.lines
    assert line.isprintable()


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"alerts": [{}]}', '{"alerts": 7}', '{"alerts": ["x"]}'])
def test_what_is_no_webhook_is_refused(receiver: Receiver, body: str) -> None:
    assert httpx.post(f"{receiver.url}/alerts", content=body, timeout=5).status_code == 400
    assert receiver.lines == []


def test_a_body_too_large_is_refused(receiver: Receiver) -> None:
    body = json.dumps({"alerts": [], "padding": "x" * (2 << 20)})
    assert httpx.post(f"{receiver.url}/alerts", content=body, timeout=5).status_code == 413


def test_the_watchdog_is_spoken_of_on_change_only(receiver: Receiver) -> None:
    watchdog = alert(labels={"alertname": "Watchdog", "severity": "none"})
    for _ in range(3):
        receiver.post("watchdog", watchdog)
    wait_until(lambda: len(receiver.lines) == 2, "the Watchdog missed")
    receiver.post("watchdog", watchdog)
    arrived, silent, back = receiver.lines
    assert "Watchdog arrived" in arrived
    assert "Watchdog SILENT" in silent
    assert "Watchdog is back" in back
    assert not receiver.file.exists()
