"""Our records in the fields of Log & Crash Search, judged by the rules of the local server."""

import string
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photo_api.logs.logncrash_fields import MAX_ENTRY_BYTES, MAX_TEXT_BYTES, LogFields
from photo_stack.providers.logncrash import Collector

APP_KEY = "key"
FIELDS = LogFields(APP_KEY, version="0.1.0+local", source="staging")


def entry(**values: Any) -> dict[str, Any]:
    line = FIELDS.entry(orjson.dumps(values), 3)
    assert line is not None
    found: dict[str, Any] = orjson.loads(line)
    return found


def test_a_record_has_what_every_entry_needs() -> None:
    record = {"time": "2026-11-23T09:00:00.123Z", "level": "error", "event": "request", "node": "api-1"}
    assert entry(**record) == {
        "projectName": APP_KEY,
        "projectVersion": "0.1.0-local",
        "logVersion": "v2",
        "logSource": "staging",
        "logType": "photo-api",
        "host": "api-1",
        "logLevel": "ERROR",
        "sendTime": "1795424400123",
        "body": "request",
        "lncBulkIndex": 3,
    }


def test_without_a_node_the_service_fills_in_the_host() -> None:
    assert "host" not in entry(event="early")


@pytest.mark.parametrize(
    ("level", "theirs"), [("debug", "DEBUG"), ("info", "INFO"), ("warning", "WARN"), ("critical", "FATAL")]
)
def test_levels_have_their_names(level: str, theirs: str) -> None:
    assert entry(level=level)["logLevel"] == theirs


@pytest.mark.parametrize(
    ("key", "value", "name", "field"),
    [
        ("route", "/photos", "route", "/photos"),
        ("status", 503, "long_status", 503),
        ("duration_ms", 1.5, "double_duration_ms", 1.5),
        ("retried", True, "retried", "true"),
        ("names", ["a", "b"], "names", '["a","b"]'),
        ("huge", 2**63, "huge", str(2**63)),
        ("client ip", "192.0.2.0", "client_ip", "192.0.2.0"),
        ("_private", "x", "x_private", "x"),
        ("2nd", "x", "x2nd", "x"),
        ("", "x", "x", "x"),
        ("userId", "7", "reserved_userId", "7"),
        ("body", "x", "reserved_body", "x"),
        ("longest", "route", "txt_longest", "route"),
        ("double-check", True, "txt_double-check", "true"),
        ("exception", "Traceback", "txt_exception", "Traceback"),
        ("text", "x" * 1_001, "txt_text", "x" * 1_001),
    ],
)
def test_other_values_become_fields_of_their_type(key: str, value: object, name: str, field: object) -> None:
    assert entry(**{key: value})[name] == field


def test_what_is_null_is_left_out() -> None:
    assert "nothing" not in entry(nothing=None)


def test_names_that_become_one_stay_two_fields() -> None:
    found = entry(**{"a b": "1", "a_b": "2"})
    assert (found["a_b"], found["a_b_"]) == ("1", "2")


def test_a_text_is_cut_at_its_limit_between_characters() -> None:
    text = entry(exception="가" * 500_000)["txt_exception"]
    assert MAX_TEXT_BYTES - 3 < len(text.encode()) <= MAX_TEXT_BYTES
    assert set(text) == {"가"}


@pytest.mark.parametrize("record", [b"", b"no JSON", b"[]", b'"text"', b'{"event": "' + b"x" * MAX_ENTRY_BYTES + b'"}'])
def test_what_the_service_can_never_take_is_no_entry(record: bytes) -> None:
    assert FIELDS.entry(record, 1) is None


_KEYS = st.text(string.printable + "가é", max_size=12) | st.sampled_from(["body", "USERID", "long", "txtx", "doubles"])
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=50),
    st.text("x가", min_size=300, max_size=1_100),
    st.lists(st.integers(0, 9)),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=8))
def test_the_service_takes_whatever_we_log(values: dict[str, Any]) -> None:
    try:
        record = orjson.dumps(values)
    except TypeError:  # an integer beyond 64 bits: the pipeline writes it as text
        record = orjson.dumps({key: str(value) for key, value in values.items()})
    line = FIELDS.entry(record, 1)
    assert line is not None
    assert Collector(APP_KEY).refusal(orjson.loads(line)) == ""
