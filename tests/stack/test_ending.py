"""How a stack ends: by signal, from a terminal, by failing to start, and with its supervisor killed."""

import os
import pty
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.stack.running import (
    COMMAND,
    PORTS,
    Stack,
    alive,
    clean_environment,
    descendants,
    end,
    free_base_port,
    in_foreground,
    photo_stack,
    started,
)
from tests.support.ports import accepts, wait_until

if TYPE_CHECKING:
    import psutil


def test_a_killed_supervisor_leaves_no_process_and_a_state_known_as_stale(tmp_path: Path) -> None:
    data = tmp_path / "stack"
    with started(data, "--instances", "1") as stack:
        supervisor = stack.document["supervisor"]["pid"]
        children = descendants(supervisor)
        assert len(children) >= 6
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: not alive(children), "the end of every child", 10)

        result = stack.command("status")
        assert result.returncode == 3
        assert f"its supervisor (pid {supervisor}) died and left a stale stack.json" in result.stderr
        assert result.stderr.count("\n") == 1
        assert stack.command("kill", "api-1").returncode == 3

        up = ("up", "--data", str(data), "--base-port", str(stack.base_port), "--instances", "1", "--detach")
        again = photo_stack(*up)
        assert again.returncode == 0, again.stderr
        assert stack.command("down").returncode == 0
        assert stack.document["state"] == "stopped"


def test_in_the_foreground_what_dies_is_said_restarted_on_request_and_sigterm_ends_all(tmp_path: Path) -> None:
    with in_foreground(tmp_path / "stack", "--instances", "1", "--restart", "--time-scale", "10") as (
        stack,
        foreground,
    ):
        foreground.wait_for_line(lambda line: "Watchdog arrived" in line)
        first = stack.pid("api-1")
        os.kill(first, signal.SIGKILL)
        line = foreground.wait_for_line(lambda line: line.startswith("api-1 died"))
        assert line == f"api-1 died (killed by SIGKILL); log file: {stack.data}/logs/api-1.log"
        wait_until(lambda: stack.state("api-1") == "running" and stack.pid("api-1") != first, "its restart", 30)
        assert stack.document["components"]["api-1"]["restarts"] == 1

        children = descendants(foreground.process.pid)
        foreground.process.send_signal(signal.SIGTERM)
        assert foreground.process.wait(60) == 0
        assert alive(children) == []
        assert foreground.lines[-1] == "stopped"
        # The outside first, the instances before what observes the machine.
        stopping = [line.split(":")[0] for line in foreground.lines if ": stopping" in line]
        order = [stopping.index(name) for name in ("haproxy", "api-1", "node-exporter")]
        assert order == sorted(order)
        assert stack.document["state"] == "stopped"
        assert all(part["pid"] is None for part in stack.document["components"].values())
        assert (stack.data / "photo-api").is_dir()


@contextmanager
def on_a_terminal(stack: Stack) -> Iterator[tuple[int, int]]:
    """``up`` on a terminal of its own, ready: its process id and our side of the terminal."""
    arguments = [*COMMAND, "up", "--data", str(stack.data), "--base-port", str(stack.base_port), "--instances", "1"]
    pid, terminal = pty.fork()
    if pid == 0:
        environment = clean_environment(TERM="xterm", COLUMNS="120", LINES="40")
        os.execve(arguments[0], arguments, environment)  # noqa: S606 - no shell is wanted
    children: list[psutil.Process] = []
    try:
        shown = b""
        while b"/graph" not in shown:
            shown += os.read(terminal, 65_536)
        children = descendants(pid)
        yield pid, terminal
        assert alive(children) == []
        assert stack.document["state"] == "stopped"
    finally:
        end(children)


def test_ctrl_c_on_a_terminal_ends_everything_with_exit_code_0(tmp_path: Path) -> None:
    with on_a_terminal(Stack(tmp_path / "stack", free_base_port(PORTS))) as (pid, terminal):
        os.write(terminal, b"\x03")
        shown = b""
        try:
            while chunk := os.read(terminal, 65_536):
                shown += chunk
        except OSError:  # the other side has closed the terminal
            pass
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0, shown
        assert b"Ctrl-C stops everything" in shown


def test_closing_the_terminal_ends_everything(tmp_path: Path) -> None:
    with on_a_terminal(Stack(tmp_path / "stack", free_base_port(PORTS))) as (pid, terminal):
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0


def test_a_component_that_cannot_start_is_named_with_its_log_and_nothing_is_left(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    broken = programs / "prometheus"
    broken.write_text("#!/bin/sh\necho 'the disk is full of poems' >&2\nexit 7\n")
    broken.chmod(0o755)
    data, port = tmp_path / "stack", free_base_port(PORTS)
    environment = clean_environment(PATH=f"{programs}:{os.environ['PATH']}")
    result = photo_stack("up", "--data", str(data), "--base-port", str(port), "--detach", env=environment)
    assert result.returncode == 1
    first, *rest = result.stderr.splitlines()
    log_file = data / "logs" / "prometheus.log"
    assert first == f"photo-stack: prometheus ended before it was ready (exit code 7); log file: {log_file}"
    assert rest == ["    the disk is full of poems"]
    assert not any(accepts(port + offset) for offset in range(PORTS))


def test_a_bad_setting_of_the_service_is_said_in_its_own_words(tmp_path: Path) -> None:
    environment = clean_environment(PHOTO_API_LOG_LEVEL="loud")
    port = str(free_base_port(PORTS))
    result = photo_stack("up", "--data", str(tmp_path / "stack"), "--base-port", port, env=environment)
    assert result.returncode == 1
    assert "migrate failed" in result.stderr
    assert "PHOTO_API_LOG_LEVEL" in result.stderr
    assert "Traceback" not in result.stderr
