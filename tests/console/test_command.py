"""`photo-monitoring console`: it listens, and says in one line why it cannot."""

import subprocess
from pathlib import Path

import httpx
import pytest
from tests.support.console import COMMAND, console_process
from typer.testing import CliRunner

from photo_monitoring.cli import app
from photo_monitoring.console.settings import ConsoleError, base_url, is_loopback, read_token


def refused(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["console", *arguments])
    return result.exit_code, result.stderr


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("a token of good length\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "monitor.example.com"])  # noqa: S104 - refused
def test_an_address_that_others_reach_demands_a_token(host: str) -> None:
    code, said = refused("--host", host)
    assert code == 2
    assert said.startswith(f"photo-monitoring: --host {host} is reachable from other machines")
    assert "--token-file" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--prometheus", "localhost:9090"), "--prometheus is no URL"),
        (("--prometheus", "http://user:hunter2@127.0.0.1:9090"), "--prometheus holds a user name"),
        (("--alertmanager", "ftp://127.0.0.1"), "--alertmanager is no URL"),
        (("--alertmanager", "http://127.0.0.1:99999"), "--alertmanager is no URL"),
        (("--timezone", "Asia/Seuol"), "--timezone Asia/Seuol is unknown"),
        (("--timezone", "/etc/passwd"), "--timezone /etc/passwd is unknown"),
        (("--dashboards", "/nowhere"), "--dashboards /nowhere has no"),
        (("--token-file", "/nowhere"), "--token-file /nowhere"),
        (("--allowed-host", "console.example.com"), "give a password with --token-file"),
        (("--config", "/nowhere.toml"), "/nowhere.toml"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: tuple[str, ...], told: str) -> None:
    code, said = refused(*arguments)
    assert code == 2
    assert told in said
    assert "hunter2" not in said
    assert said.count("\n") == 1


def test_a_token_file_for_all_eyes_is_refused(token_file: Path) -> None:
    token_file.chmod(0o644)
    with pytest.raises(ConsoleError, match="chmod 600"):
        read_token("0.0.0.0", token_file)  # noqa: S104 - nothing listens


@pytest.mark.parametrize("content", ["", "short", "x" * 1025, "a token of good\nlength on two lines"])
def test_a_token_that_is_none_is_refused_and_not_told(token_file: Path, content: str) -> None:
    token_file.write_text(content)
    with pytest.raises(ConsoleError, match="the token must be one line") as raised:
        read_token("127.0.0.1", token_file)
    assert not content or content not in str(raised.value)


def test_a_token_file_is_used_on_loopback_too(token_file: Path) -> None:
    assert read_token("127.0.0.1", token_file) == "a token of good length"


def test_what_is_loopback() -> None:
    assert [host for host in ("127.0.0.1", "127.3.4.5", "::1", "localhost") if not is_loopback(host)] == []
    assert [host for host in ("0.0.0.0", "::", "192.168.0.1", "example.com") if is_loopback(host)] == []  # noqa: S104


def test_a_path_below_which_prometheus_is_stays() -> None:
    assert base_url("--prometheus", "https://example.com/prometheus/") == "https://example.com/prometheus"


def test_it_serves_until_it_is_told_to_stop_and_a_second_one_says_that_the_port_is_taken() -> None:
    with console_process() as (url, process):
        assert httpx.get(url, timeout=5).status_code == 200
        second = subprocess.run(
            [str(COMMAND), "console", "--port", url.rsplit(":")[-1]],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second.returncode == 1
        assert "address already in use" in second.stderr
        assert second.stderr.count("\n") == 1
        process.terminate()
        assert process.wait(10) == 0
