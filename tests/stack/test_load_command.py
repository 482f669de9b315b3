"""`photo-stack load` against the real service: what it sends, counts, prints, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.ports import accepts, free_port, wait_until

BIN = Path(sys.executable).parent
SEED = "3"


@dataclass(frozen=True)
class Served:
    """A running `photo-api serve`."""

    url: str
    metrics_url: str

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of a metric that have these labels; 0 where there is none."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = httpx.get(self.metrics_url, timeout=10).text.splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.partition("{")[0].partition(" ")[0] == name and all(text in line for text in wanted)
        )


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    port, metrics_port = free_port(), free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PHOTO_API_")}
    cheap = {"PHOTO_API_ARGON2_MEMORY_KIB": "64", "PHOTO_API_ARGON2_ITERATIONS": "1", "PHOTO_API_DRAIN_SECONDS": "0"}
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / "photo-api", "serve", "--port", str(port), "--metrics-port", str(metrics_port)],
            env={**inherited, **cheap, **settings, "PHOTO_API_DATA_DIR": str(folder / "api")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: process.poll() is not None or accepts(port), "photo-api serve", 60)
            assert process.poll() is None, log.read_text()
            yield Served(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics")
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by the module, so that the pictures are made once."""
    return tmp_path_factory.mktemp("load")


def load(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "photo-stack"), "load", "--data", str(data), "--seed", SEED, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_people_register_upload_look_and_share_and_every_answer_is_as_it_should_be(served: Served, data: Path) -> None:
    before = served.metric("http_requests_total", handler="/photos/confirm", status="200")
    done = load(data, "--url", served.url, "--rps", "25", "--users", "8", "--duration", "8s", "--json")
    result = result_of(done)
    assert done.returncode == 0, (result["samples"], done.stderr)
    assert result["totals"]["problems"] == 0
    assert result["pacing"]["slots"] + result["pacing"]["missed_slots"] == 200
    operations = result["operations"]
    assert {"register", "login", "album_create", "presign", "upload_put", "confirm", "image_view", "photo_list"} <= set(
        operations
    )
    confirmed = operations["confirm"]["status"]["200"]
    assert confirmed >= 0.8 * operations["presign"]["sent"]
    assert operations["upload_put"]["bytes_sent"] >= 50_000 * operations["upload_put"]["sent"]
    assert operations["image_view"]["latency_ms"].keys() == {"p50", "p95", "p99", "max"}
    after = served.metric("http_requests_total", handler="/photos/confirm", status="200")
    assert confirmed <= after - before <= operations["confirm"]["sent"]


def test_whatever_was_sent_was_answered_failed_or_abandoned(served: Served, data: Path) -> None:
    result = result_of(load(data, "--url", served.url, "--rps", "20", "--users", "5", "--duration", "4s", "--json"))
    for counted in result["operations"].values():
        failed = sum(counted["transport_errors"].values()) + counted["abandoned"]
        assert counted["sent"] == counted["answered"] + failed


def test_the_attack_is_refused_everywhere_limited_where_noisy_and_seen_by_the_metrics(
    served: Served, data: Path
) -> None:
    guesses = "photo_api_share_link_brute_force_attempts_total"
    before = served.metric(guesses)
    done = load(data, "--url", served.url, "--attack", "--rps", "40", "--duration", "6s", "--json")
    result = result_of(done)
    assert done.returncode == 0, (result["samples"], result["totals"], done.stderr)
    assert result["operations"]["attack_noise"]["status"]["429"] > 0
    assert result["operations"]["attack_wrong_password"]["status"]["401"] > 0
    assert result["operations"]["attack_foreign_photo"]["status"].keys() == {"404"}
    assert result["operations"]["victim_image"]["status"] == {"200": 4}
    guessed = result["operations"]["attack_share_token"]["status"]["404"]
    assert served.metric(guesses) - before >= guessed > 0
    assert served.metric("photo_api_rate_limit_hits_total") > 0
    assert served.metric("photo_api_login_duration_seconds_count", result="failure") > 0


def test_answers_against_the_contract_make_the_exit_code_1(tmp_path: Path, data: Path) -> None:
    with serving(tmp_path, PHOTO_API_RATE_LIMIT_DEFAULT_PER_MINUTE="2") as strict:
        done = load(data, "--url", strict.url, "--duration", "3s", "--users", "5", "--json")
    result = result_of(done)
    assert done.returncode == 1
    assert sum(counted["unexpected"].get("429", 0) for counted in result["operations"].values()) > 0
    assert result["samples"]


def test_ctrl_c_ends_the_run_and_prints_the_table_and_the_reports_path(served: Served, data: Path) -> None:
    known = set((data / "load").glob("*.json"))
    process = subprocess.Popen(
        [BIN / "photo-stack", "load", "--data", data, "--seed", SEED, "--url", served.url, "--duration", "1h"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = served.metric("http_requests_total", handler="/auth/login", status="200")
    try:
        wait_until(
            lambda: served.metric("http_requests_total", handler="/auth/login", status="200") > before, "a login", 60
        )
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    assert "interrupted" in output
    assert "register" in output
    (report,) = set((data / "load").glob("*.json")) - known
    assert f"JSON: {report}" in output
    assert json.loads(report.read_text())["pacing"]["interrupted"] is True


def test_nothing_at_the_target_is_one_line(data: Path) -> None:
    done = load(data, "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "photo-stack up" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", "http://192.0.2.1:8000"),
        ("--duration", "3d"),
        ("--rps", "0"),
        ("--url", "http://127.0.0.1", "--users", "2"),
    ],
)
def test_wrong_usage_is_said_without_a_traceback(data: Path, arguments: tuple[str, ...]) -> None:
    done = load(data, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
