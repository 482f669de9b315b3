"""How a real process ends: drained, at once, or because it could not start."""

import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.api_process import ApiProcess, started_api
from tests.support.ports import accepts, free_port, wait_until

from photo_api.database.migrate import migrate

READY = "photo_api_ready"
DEADLINE = "photo_api_drain_deadline_timestamp_seconds"
LONG = "300"
SECRET = "b7ca2f0e91d44c63a58d07fe3b9a6c21"


@pytest.fixture
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiProcess]:
    settings: dict[str, str] = {"argon2_memory_kib": "64", "argon2_iterations": "1"} | getattr(request, "param", {})
    with started_api(tmp_path, settings) as running:
        running.wait_ready()
        yield running


drains = pytest.mark.parametrize("api", [{"drain_seconds": LONG}], indirect=True)


def health(api: ApiProcess) -> int | None:
    """The status of ``/health``; ``None`` where nobody answers."""
    try:
        return httpx.get(f"{api.url}/health", timeout=20).status_code
    except httpx.TransportError:
        return None


def begin_drain(api: ApiProcess) -> None:
    api.signal(signal.SIGTERM)
    wait_until(lambda: health(api) == 503, "the drain")


@drains
def test_sigterm_turns_the_instance_unready_while_it_goes_on_serving(api: ApiProcess) -> None:
    assert (health(api), api.metric(READY), api.metric(DEADLINE)) == (200, 1, 0)
    before = time.time()
    begin_drain(api)
    assert api.metric(READY) == 0
    deadline = api.metric(DEADLINE) or 0
    assert before + 300 + 60 <= deadline <= time.time() + 300 + 60
    answer = httpx.get(f"{api.url}/health", timeout=5)
    assert (answer.json()["detail"], answer.headers["content-type"]) == ("draining", "application/problem+json")
    assert httpx.get(f"{api.url}/health/ready", timeout=5).status_code == 503
    assert httpx.get(f"{api.url}/health/live", timeout=5).status_code == 200
    account = {"email": "a@example.com", "username": "late-guest", "password": "correct horse battery"}
    assert httpx.post(f"{api.url}/auth/register", json=account, timeout=20).status_code == 201
    assert api.process.poll() is None


@pytest.mark.parametrize("api", [{"drain_seconds": "1.5"}], indirect=True)
def test_after_the_drain_it_ends_with_0(api: ApiProcess) -> None:
    started = time.monotonic()
    api.signal(signal.SIGTERM)
    assert api.wait() == 0
    assert time.monotonic() - started >= 1.5
    assert api.err == ""


@drains
def test_a_second_signal_ends_the_drain_at_once(api: ApiProcess) -> None:
    begin_drain(api)
    api.signal(signal.SIGTERM)
    assert api.wait() == 0
    assert not accepts(api.port)


@drains
def test_sigint_stops_without_a_drain(api: ApiProcess) -> None:
    api.signal(signal.SIGINT)
    assert api.wait() == 0
    assert api.records("draining") == []
    assert api.err == ""


@pytest.mark.parametrize("api", [{"drain_seconds": "0"}], indirect=True)
def test_a_drain_of_no_seconds_stops_at_once(api: ApiProcess) -> None:
    api.signal(signal.SIGTERM)
    assert api.wait() == 0


def upload_url(api: ApiProcess, size: int) -> tuple[str, dict[str, str]]:
    """A presigned URL for ``size`` bytes of a new user's."""
    with httpx.Client(base_url=api.url, timeout=20) as client:
        account = {"email": "a@example.com", "username": "uploader", "password": "correct horse battery"}
        assert client.post("/auth/register", json=account).status_code == 201
        credentials = {name: account[name] for name in ("email", "password")}
        tokens = client.post("/auth/login", json=credentials).json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        album_id = client.post("/albums/", json={"name": "Holiday"}).json()["id"]
        declared = {"album_id": album_id, "filename": "a.jpg", "content_type": "image/jpeg", "file_size": size}
        upload = client.post("/photos/presigned-url", json=declared).json()
        return upload["upload_url"], upload["upload_headers"]


@drains
def test_an_upload_in_flight_is_finished_before_the_end(api: ApiProcess, jpeg: Callable[..., bytes]) -> None:
    content = jpeg(256, 256)
    url, headers = upload_url(api, len(content))
    half = len(content) // 2
    head = f"PUT {url} HTTP/1.1\r\nHost: photos.test\r\nContent-Length: {len(content)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(head.encode() + content[:half])
        begin_drain(api)
        api.signal(signal.SIGTERM)
        wait_until(lambda: not accepts(api.port), "the end of accepting")
        assert api.process.poll() is None
        connection.sendall(content[half:])
        status = connection.makefile("rb").readline()
    assert status.split(b" ")[1] in {b"200", b"201", b"204"}
    assert api.wait() == 0


@pytest.mark.parametrize("api", [{"drain_seconds": LONG, "shutdown_seconds": "1"}], indirect=True)
def test_a_client_that_sends_no_more_does_not_keep_the_process(api: ApiProcess) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        begin_drain(api)
        api.signal(signal.SIGTERM)
        assert api.wait() == 0


@drains
def test_the_last_records_reach_the_log_file(api: ApiProcess) -> None:
    begin_drain(api)
    api.signal(signal.SIGTERM)
    assert api.wait() == 0
    assert '"stopping"' in (api.data / "logs" / "photo-api.jsonl").read_text()


def test_a_taken_port_is_one_line_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with started_api(tmp_path, port=port) as api:
            assert api.wait() == 2
    reason = f"cannot listen on 127.0.0.1:{port} (Address already in use); choose another"
    assert api.err == f"photo-api: --port: {reason}\n"


def test_a_database_that_is_away_is_one_line_and_no_trace(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    url = f"postgresql://photo:vQ8rT3wZ@{address}/photo"
    with started_api(tmp_path, {"environment": "production", "database_url": url, "secret_key": SECRET}) as api:
        assert api.wait() == 1
    advice = "start the database, or correct its address in PHOTO_API_DATABASE_URL"
    assert api.err == f"photo-api: cannot connect to the database: {address}: connection refused; {advice}\n"
    assert "Traceback" not in api.out
    assert "vQ8rT3wZ" not in api.out


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_file_that_is_no_database_is_one_line_that_names_it(tmp_path: Path, environment: str) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"\xff\xd8\xff" * 3_000)
    settings = {"environment": environment, "database_url": f"sqlite:///{path}", "secret_key": SECRET}
    with started_api(tmp_path, settings) as api:
        assert api.wait() == 1
    assert str(path) in api.err
    assert "file is not a database" in api.err
    assert len(api.err.splitlines()) == 1
    assert "Traceback" not in api.out


def test_whatever_serving_makes_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Also where the umask it was started with would let everybody read and write."""
    before = os.umask(0)
    try:
        with started_api(tmp_path) as api:
            api.wait_ready()
            api.signal(signal.SIGINT)
            assert api.wait() == 0
    finally:
        os.umask(before)
    made = [api.data, *api.data.rglob("*")]
    modes = {path.relative_to(tmp_path): stat.S_IMODE(path.stat().st_mode) for path in made}
    assert modes[Path("data")] == 0o700
    assert modes[Path("data/secret-key")] == 0o600
    assert modes[Path("data/photo-api.sqlite3")] == 0o600
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


def test_a_database_that_was_never_migrated_is_not_ready_in_production(tmp_path: Path) -> None:
    """It starts, says why it takes no traffic, and is ready once ``photo-api migrate`` ran."""
    path = tmp_path / "empty.sqlite3"
    path.touch()
    settings = {"environment": "production", "database_url": f"sqlite:///{path}", "secret_key": SECRET}
    with started_api(tmp_path, settings | {"dependency_probe_seconds": "1"}) as api:
        wait_until(lambda: health(api) == 503, "the start", 60)
        assert httpx.get(f"{api.url}/health", timeout=5).json()["detail"] == "schema_behind"
        migrate(f"sqlite:///{path}")
        api.wait_ready()
