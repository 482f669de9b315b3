"""The Swift of the stack: a real one, whose objects outlive it."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.support.swift import Swift

from photo_stack.errors import StackError
from photo_stack.providers.swift_server import password_of, write_configuration

PORTS = {"proxy": 1, "account": 2, "container": 3, "object": 4}


def put(swift: Swift, path: str, content: bytes = b"") -> int:
    headers = {"X-Auth-Token": swift.token()}
    return httpx.put(f"{swift.storage_url}/{path}", content=content, headers=headers, timeout=10).status_code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_what_was_stored_is_there_after_a_restart(stopping_swift: Swift, number: signal.Signals, code: int) -> None:
    assert put(stopping_swift, "kept") in {201, 202}
    assert put(stopping_swift, f"kept/{number.name}", b"content") == 201
    assert stopping_swift.stop(number) == code
    stopping_swift.start()
    answer = httpx.get(
        f"{stopping_swift.storage_url}/kept/{number.name}", headers={"X-Auth-Token": stopping_swift.token()}
    )
    assert answer.content == b"content"
    assert stopping_swift.log == ""


def test_it_ends_soon_after_it_was_told_to_though_it_has_connections_and_timers(stopping_swift: Swift) -> None:
    assert put(stopping_swift, "kept") in {201, 202}
    try:
        assert put(stopping_swift, "kept/object", b"content") == 201
        assert stopping_swift.stop(patience_seconds=4) == 0
    finally:
        stopping_swift.start()


def test_a_wrong_password_gets_no_token(stopping_swift: Swift) -> None:
    headers = {"X-Storage-User": "photos:photo-api", "X-Storage-Pass": "not-the-password"}
    assert httpx.get(stopping_swift.auth_url, headers=headers).status_code == 401


def test_no_other_user_may_read_the_files_with_the_password(tmp_path: Path) -> None:
    etc = write_configuration(tmp_path, PORTS, user="a:b", password="p" * 32, region="KR1", token_seconds=60)
    assert etc.stat().st_mode & 0o077 == 0
    assert [file.name for file in etc.iterdir() if file.stat().st_mode & 0o077] == []


def test_a_password_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p" * 32)
    file.chmod(0o644)
    with pytest.raises(StackError, match="chmod 600"):
        password_of({}, file)


@pytest.mark.parametrize("password", ["", "short", "with a space", "per%cent-sign", "line\nbreak-123"])
def test_a_password_that_the_configuration_cannot_hold_is_refused(password: str) -> None:
    with pytest.raises(StackError, match="SWIFT_PASSWORD: needs"):
        password_of({"SWIFT_PASSWORD": password}, None)


def test_a_missing_password_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "photo_stack.providers.swift_server", "--data", str(tmp_path), "--port", "0"]
    ended = subprocess.run(command, env={}, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "swift: SWIFT_PASSWORD: needs 8 to 128 printable ASCII characters, none of them a space or %"
    ]
