"""What registration and login accept."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from photo_api.accounts.schemas import Login, Registration


def registration(**changes: str) -> Registration:
    return Registration(**({"email": "mina@example.com", "username": "mina", "password": "correct horse"} | changes))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Mina.Kim@Example.COM", "mina.kim@example.com"),
        ("mina+photos@example.com", "mina+photos@example.com"),
        ("mina@photos.test", "mina@photos.test"),
        (unicodedata.normalize("NFD", "미나@example.com"), "미나@example.com"),
    ],
)
def test_an_email_address_is_kept_in_one_form(given: str, kept: str) -> None:
    assert registration(email=given).email == kept
    assert Login(email=given, password="x").email == kept


@pytest.mark.parametrize(
    "email",
    ["", "mina", "@example.com", "mina@", "mi na@example.com", "a@b@c", "mina@example.com\n", "x" * 250 + "@a.io"],
)
def test_what_is_no_email_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        registration(email=email)


@given(st.emails())
def test_every_ordinary_email_address_is_accepted(email: str) -> None:
    """What the OpenAPI description promises with ``format: email``."""
    registration(email=email)


@pytest.mark.parametrize("username", ["abc", "mina.kim", "mina_kim-2", "미나김", "a" * 50, "김민아 ".strip()])
def test_a_sensible_username_is_accepted(username: str) -> None:
    assert registration(username=username).username == username


def test_usernames_are_kept_in_lower_case_and_composed() -> None:
    assert registration(username="MinaKim").username == "minakim"
    assert registration(username=unicodedata.normalize("NFD", "미나김")).username == "미나김"


@pytest.mark.parametrize(
    "username", ["", "ab", "a" * 51, "mina kim", "mina\0kim", "mina\n", ".mina", "mina-", "<b>mina", "míná", "аdmin"]
)
def test_other_usernames_are_refused(username: str) -> None:
    """The last one begins with a Cyrillic letter that looks like a Latin one."""
    with pytest.raises(ValidationError):
        registration(username=username)


@pytest.mark.parametrize("password", ["12345678", "x" * 128, " " * 8, "비밀번호비밀번호", "\0" * 8, "🔑" * 8])
def test_any_characters_make_a_password(password: str) -> None:
    assert registration(password=password).password == password


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129, "🔑" * 7])
def test_a_password_has_8_to_128_characters(password: str) -> None:
    with pytest.raises(ValidationError):
        registration(password=password)


@pytest.mark.parametrize("length", [8, 128])
def test_decomposed_characters_count_as_the_composed_ones(length: int) -> None:
    assert len(registration(password=unicodedata.normalize("NFD", "밀" * length)).password) == length
    with pytest.raises(ValidationError):
        registration(password=unicodedata.normalize("NFD", "밀" * 7))


@pytest.mark.parametrize("field", ["email", "username", "password"])
def test_a_lone_surrogate_is_refused(field: str) -> None:
    with pytest.raises(ValidationError):
        registration(**{field: "mina\ud800@example.com"})


def test_the_description_for_clients_says_every_bound() -> None:
    fields = Registration.model_json_schema()["properties"]
    assert (fields["password"]["minLength"], fields["password"]["maxLength"]) == (8, 128)
    assert fields["email"]["format"] == "email"
    assert fields["username"]["pattern"].startswith("^[A-Za-z0-9")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        registration(is_admin="yes")


def test_no_refusal_repeats_a_value() -> None:
    with pytest.raises(ValidationError) as caught:
        registration(email="secret-value", username="secret value", password="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "secret" not in str(caught.value)
