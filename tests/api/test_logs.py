"""What a real process writes about a session with secrets in it."""

import uuid
from pathlib import Path

import httpx
import pytest
from tests.support.api_process import ApiProcess, started_api
from tests.support.ports import wait_until

PASSWORD = "hunter2-is-my-secret"
SHARE_PASSWORD = "another-secret-word"
SETTINGS = {"argon2_memory_kib": "64", "argon2_iterations": "1", "access_log": "all", "node": "api-1"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[ApiProcess, list[str]]:
    """A process that has ended, and the secrets that it met."""
    secrets = [PASSWORD, SHARE_PASSWORD]
    with started_api(tmp_path_factory.mktemp("logs"), SETTINGS) as api:
        api.wait_ready()
        with httpx.Client(base_url=api.url, timeout=20) as client:
            _use(client, secrets)
        wait_until(lambda: b"/share/{token}" in _log_file(api).read_bytes(), "the log file's records")
        api.process.terminate()
        api.process.send_signal(2)
        assert api.wait() == 0
    return api, secrets


def _use(client: httpx.Client, secrets: list[str]) -> None:
    account = {"email": "a@example.com", "username": "someone", "password": PASSWORD}
    assert client.post("/auth/register", json=account).status_code == 201
    assert client.post("/auth/register", json=account | {"email": PASSWORD}).status_code == 422
    login = client.post("/auth/login", json={"email": account["email"], "password": PASSWORD}).json()
    client.headers["Authorization"] = f"Bearer {login['access_token']}"
    client.headers["X-Request-ID"] = "request-0001"
    album_id = client.post("/albums/", json={"name": "Holiday"}).json()["id"]
    share = client.post(f"/albums/{album_id}/share", json={"password": SHARE_PASSWORD}).json()
    secrets += [login["access_token"], login["refresh_token"], share["token"]]
    assert client.get(f"/share/{share['token']}").status_code == 401
    answer = client.get(f"/share/{share['token']}", headers={"X-Share-Password": SHARE_PASSWORD})
    assert answer.status_code == 200
    client.get(f"/share/{share['token']}/photos/{uuid.uuid4()}/image")
    client.post("/auth/login", content=f'{{"email": "{PASSWORD}"')
    client.get(f"/nothing/{share['token']}?access_token={login['access_token']}")
    client.post("/auth/refresh", json={"refresh_token": login["refresh_token"]})


def _log_file(api: ApiProcess) -> Path:
    return api.data / "logs" / "photo-api.jsonl"


def test_no_secret_is_on_standard_output_or_in_the_log_file(session: tuple[ApiProcess, list[str]]) -> None:
    api, secrets = session
    for text in (api.out, api.err, _log_file(api).read_text()):
        assert [secret for secret in secrets if secret in text] == []


def test_every_line_is_a_record_of_this_instance(session: tuple[ApiProcess, list[str]]) -> None:
    api, _ = session
    for record in api.records():
        assert list(record)[:5] == ["time", "level", "event", "logger", "node"]
        assert record["node"] == "api-1"


def test_requests_are_logged_by_template_with_their_id(session: tuple[ApiProcess, list[str]]) -> None:
    api, _ = session
    shares = [record for record in api.records("request") if record["route"] == "/share/{token}"]
    assert [(record["method"], record["status"]) for record in shares] == [("GET", 401), ("GET", 200)]
    for record in shares:
        assert record["request_id"] == "request-0001"
        assert record["client"] == "127.0.0.0/24"
        assert record["duration_ms"] > 0


def test_the_log_file_has_the_same_records(session: tuple[ApiProcess, list[str]]) -> None:
    """All but those after the queue was closed."""
    api, _ = session
    sent = _log_file(api).read_text().splitlines()
    assert sent == api.out.splitlines()[: len(sent)]
    assert '"stopping"' in sent[-1]
