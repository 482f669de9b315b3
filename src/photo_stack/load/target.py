"""Which service the traffic goes to: only one on this machine's loopback network, 127.0.0.0/8."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, ClassVar, Final

from yarl import URL

from photo_stack.errors import StackError
from photo_stack.state import read_state

if TYPE_CHECKING:
    from photo_stack.layout import Layout

_LOOPBACK: Final = ipaddress.ip_network("127.0.0.0/8")


class TargetError(StackError):
    """The target cannot be used; the message is one line for the user."""

    exit_code: ClassVar[int] = 2


def loopback_url(text: str) -> URL:
    """Return the URL if it is plain HTTP to 127.0.0.0/8 (`localhost` becomes 127.0.0.1).

    Raises:
        TargetError: anything else; traffic meant for a test must not be able to reach someone else's service.
    """
    try:
        url = URL(text, encoded=True)
        host = "127.0.0.1" if url.host == "localhost" else url.host or ""
        inside = url.scheme == "http" and url.user is None and ipaddress.ip_address(host) in _LOOPBACK
    except ValueError:
        inside = False
    if not inside:
        shown = text.rpartition("@")[2]
        raise TargetError(f"{shown}: only http:// targets in 127.0.0.0/8 are loaded, such as http://127.0.0.1:8000")
    return url.with_host(host) if url.host != host else url


def stack_url(layout: Layout) -> URL:
    """Return the load balancer's URL from the stack.json that `photo-stack up` writes.

    Raises:
        NotRunning: no stack has run there.
        TargetError: the file does not name the URL, or names one elsewhere.
    """
    urls = read_state(layout).get("urls")
    if not isinstance(urls, dict) or "api" not in urls:
        raise TargetError(f"{layout.state_file}: does not name the load balancer (urls.api); give --url")
    return loopback_url(str(urls["api"]))
