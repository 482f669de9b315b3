"""Which targets are accepted: this machine's loopback network and nothing else."""

import json
from pathlib import Path

import pytest

from photo_stack.errors import NotRunning
from photo_stack.layout import Layout
from photo_stack.load.session import LoadSettings
from photo_stack.load.target import TargetError, loopback_url, stack_url
from photo_stack.load.users import MOST_USERS, attacker_address, user_address


@pytest.mark.parametrize("text", ["http://127.0.0.1:8000", "http://127.3.2.1:8000/"])
def test_a_loopback_address_is_accepted(text: str) -> None:
    assert str(loopback_url(text)) == text


def test_localhost_means_127_0_0_1() -> None:
    assert loopback_url("http://localhost:8000").host == "127.0.0.1"


@pytest.mark.parametrize(
    "text",
    [
        "http://192.168.0.1:8000",
        "http://128.0.0.1",
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://[::1]:8000",
        "https://127.0.0.1:8000",
        "http://127.0.0.1:99999",
        "127.0.0.1:8000",
        "",
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(TargetError, match=r"127\.0\.0\.0/8") as caught:
        loopback_url(text)
    assert "\n" not in str(caught.value)


def test_a_password_in_a_refused_url_is_not_repeated() -> None:
    with pytest.raises(TargetError) as caught:
        loopback_url("http://user:hunter2@127.0.0.1:8000")
    assert "hunter2" not in str(caught.value)


def test_the_stack_is_found_by_its_document(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text(json.dumps({"urls": {"api": "http://127.0.0.1:8123"}}))
    assert str(stack_url(Layout(tmp_path))) == "http://127.0.0.1:8123"


def test_no_stack_is_one_line_that_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="photo-stack up"):
        stack_url(Layout(tmp_path))


def test_a_document_without_the_url_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{}")
    with pytest.raises(TargetError, match="--url"):
        stack_url(Layout(tmp_path))


def test_every_user_and_attacker_has_an_address_of_its_own() -> None:
    users = {user_address(number) for number in range(MOST_USERS)}
    attackers = {attacker_address(number) for number in range(MOST_USERS)}
    assert len(users) == len(attackers) == MOST_USERS
    assert not users & attackers
    assert all(loopback_url(f"http://{address}") for address in users | attackers)


def test_too_few_users_for_the_rate_are_refused() -> None:
    settings = LoadSettings(loopback_url("http://127.0.0.1"), 20, 60, 1, users=4, attack=False, pictures=Path())
    with pytest.raises(TargetError, match="5 or more"):
        _ = settings.user_count
