from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_metrics import client_prefix


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("127.0.5.77", "127.0.5.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("203.0.113.9:80", "unknown"),
        ("203.0.113.999", "unknown"),
    ],
)
def test_a_client_is_named_by_its_network(address: str, prefix: str) -> None:
    assert client_prefix(address) == prefix


@given(address=st.ip_addresses())
def test_no_prefix_is_a_whole_address(address: object) -> None:
    prefix = client_prefix(str(address))
    assert prefix.endswith(("/24", "/48"))


@given(text=st.text(max_size=50))
def test_whatever_a_header_says_there_is_a_prefix(text: str) -> None:
    assert client_prefix(text)
