"""Components that die, are drained and come back: what clients, status, discovery and the receiver see."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from tests.stack.running import Stack
from tests.support.ports import wait_until


@dataclass
class Answers:
    """What one client got, as statuses or names of transport errors."""

    seen: list[str] = field(default_factory=list)

    def wait_for(self, count: int) -> None:
        goal = len(self.seen) + count
        wait_until(lambda: len(self.seen) >= goal, f"{count} more answers")


@contextmanager
def client_at_work(url: str) -> Iterator[Answers]:
    """GETs on one keep-alive connection, one after the other, until the block ends."""
    answers, over = Answers(), threading.Event()

    def work() -> None:
        with httpx.Client(timeout=10) as client:
            while not over.wait(0.01):
                try:
                    answers.seen.append(str(client.get(url).status_code))
                except httpx.HTTPError as error:
                    answers.seen.append(type(error).__name__)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        answers.wait_for(5)
        yield answers
    finally:
        over.set()
        thread.join()


def targets(stack: Stack) -> dict[str, str]:
    """Instance → address, as file discovery has it."""
    groups = json.loads((stack.data / "prometheus" / "targets" / "photo-api.json").read_text())
    return {group["labels"]["instance"]: group["targets"][0] for group in groups}


def critical(stack: Stack, since: int) -> list[tuple[str, str, str]]:
    """Critical deliveries about the service being down after the first ``since``: name, instance, status."""
    return [
        (record["alertname"], record["instance"], record["status"])
        for record in stack.delivered()[since:]
        if record["severity"] == "critical" and record["alertname"].startswith("ServiceDown")
    ]


def test_a_killed_instance_fails_no_get_is_missed_and_its_return_resolves(stack: Stack) -> None:
    before = len(stack.delivered())
    with client_at_work(f"{stack.url('api')}/health/live") as answers:
        assert stack.command("kill", "api-1").returncode == 0
        answers.wait_for(50)
    assert set(answers.seen) == {"200"}

    assert stack.state("api-1") == "dead"
    assert stack.document["components"]["api-1"]["exit"] == "killed by SIGKILL"
    assert "api-1" in targets(stack)
    result = stack.command("status")
    assert result.returncode == 1
    assert f"api-1 is dead (killed by SIGKILL); log file: {stack.data}/logs/api-1.log" in result.stdout

    firing, resolved = ("ServiceDown", "api-1", "firing"), ("ServiceDown", "api-1", "resolved")
    wait_until(lambda: firing in critical(stack, before), "ServiceDown delivered", 60)
    assert stack.command("start", "api-1").returncode == 0
    wait_until(lambda: resolved in critical(stack, before), "ServiceDown resolved", 60)
    assert " KST FIRING critical ServiceDown api-1: " in (stack.data / "logs" / "receiver.log").read_text()


def test_a_death_that_nobody_asked_for_is_one_line_in_the_supervisors_log(stack: Stack) -> None:
    os.kill(stack.pid("node-exporter"), signal.SIGKILL)
    wait_until(lambda: stack.state("node-exporter") == "dead", "the death noticed")
    line = f" node-exporter died (killed by SIGKILL); log file: {stack.data}/logs/node-exporter.log\n"
    wait_until(lambda: line in (stack.data / "logs" / "supervisor.log").read_text(), "the line")


def test_killing_what_is_dead_is_refused(stack: Stack) -> None:
    assert stack.command("kill", "receiver").returncode == 0
    result = stack.command("kill", "receiver")
    assert (result.returncode, result.stderr) == (1, "photo-stack: receiver does not run (dead)\n")


def test_a_drained_instance_fails_no_get_and_stays_down_and_in_discovery(stack: Stack) -> None:
    with client_at_work(f"{stack.url('api')}/health/live") as answers:
        result = stack.command("drain", "api-2")
    assert result.returncode == 0, result.stderr
    assert set(answers.seen) == {"200"}
    part = stack.document["components"]["api-2"]
    assert (part["state"], part["exit"], part["pid"]) == ("drained", "exit code 0", None)
    assert "api-2" in targets(stack)


def test_a_planned_restart_fails_no_get_pages_nobody_and_gets_traffic_again(stack: Stack) -> None:
    before, moment, old = len(stack.delivered()), datetime.now(UTC), stack.pid("api-1")
    with client_at_work(f"{stack.url('api')}/health/live") as answers:
        result = stack.command("restart", "api-1")
        assert result.returncode == 0, result.stderr
        answers.wait_for(20)
    assert set(answers.seen) == {"200"}
    assert stack.pid("api-1") != old
    statuses = httpx.get(stack.url("haproxy-metrics"), timeout=5).text
    assert 'haproxy_server_status{proxy="api",server="api-1",state="UP"} 1' in statuses
    assert critical(stack, before) == []
    # Not even pending: its deadline leaves a drained instance a minute to come back, and that is not scaled.
    age = int((datetime.now(UTC) - moment).total_seconds()) + 1
    assert not stack.query(f'count_over_time(ALERTS{{alertname="ServiceDown",instance="api-1"}}[{age}s])')
    assert not {("ProbeFailing", "warning"), ("ProbeFailing", "critical")} & stack.begun(moment)


def test_starting_what_runs_changes_nothing(stack: Stack) -> None:
    before = stack.pid("api-1")
    result = stack.command("start", "api-1")
    assert (result.returncode, result.stdout, stack.pid("api-1")) == (0, "api-1 runs already\n", before)


def test_an_instance_that_does_not_answer_is_shown_as_not_ready(stack: Stack) -> None:
    os.kill(stack.pid("api-2"), signal.SIGSTOP)
    try:
        wait_until(lambda: stack.state("api-2") == "not ready", "the silence noticed", 30)
    finally:
        os.kill(stack.pid("api-2"), signal.SIGCONT)
    wait_until(lambda: stack.state("api-2") == "running", "the return noticed", 30)
