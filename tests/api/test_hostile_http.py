"""What comes over raw sockets to the real command: bad, endless, cut off or smuggled HTTP."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from tests.support.ports import wait_until
from tests.support.serving import Served, serving

from photo_api.http_protocol import HEAD_SECONDS, MAX_HEAD_BYTES

HOST = b"Host: photos.test\r\n"
JSON = b"Content-Type: application/json\r\n"
LOGIN = b"POST /auth/login HTTP/1.1\r\n" + HOST + JSON
OVERDUE_SECONDS = HEAD_SECONDS + 15  # the server looks once a second; this machine may be busy


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("http"), access_log="all") as running:
        yield running


@pytest.fixture(autouse=True)
def still_well(served: Served) -> Iterator[None]:
    """After each test the server answers, wrote no traceback, and counted no error of its own."""
    yield
    assert httpx.get(f"{served.url}/health", timeout=20).status_code == 200
    assert "Traceback" not in served.out + served.err
    statuses = {labels["status"] for labels, count in served.samples("http_requests_total") if count}
    assert not [status for status in statuses if status >= "500"]


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=OVERDUE_SECONDS)


def statuses(answer: bytes) -> list[int]:
    """The status of each response in what the server sent."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def read_to_end(connection: socket.socket) -> bytes:
    """All until the server closes; fails when it does not."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:  # it closed while we were still sending
        pass
    return received


def send_many(connection: socket.socket, piece: bytes) -> None:
    """64 MB, beyond what the sockets' buffers hold, in pieces of 64 KiB."""
    for _ in range(1_000):
        connection.sendall(piece)


def exchange(served: Served, request: bytes) -> bytes:
    """Send, and read until the server closes."""
    with closing(connect(served)) as connection:
        connection.sendall(request)
        return read_to_end(connection)


def problem_in(answer: bytes) -> dict[str, object]:
    """The problem+json in an answer; fails where it is none, or its request id is not the header's."""
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert headers[b"content-type"] == b"application/problem+json"
    assert int(headers[b"content-length"]) == len(body)
    problem: dict[str, object] = json.loads(body)
    assert problem["request_id"] == headers[b"x-request-id"].decode()
    assert statuses(head) == [problem["status"]]
    return problem


def and_close(request: bytes) -> bytes:
    """The request with ``Connection: close`` in its head."""
    return request.replace(HOST, HOST + b"Connection: close\r\n", 1)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(LOGIN + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="CL.TE"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", id="TE.CL"),
        pytest.param(LOGIN + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="TE unknown"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="TE not last"),
        pytest.param(LOGIN + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", id="two lengths"),
        pytest.param(LOGIN + b"Content-Length: 4, 4\r\n\r\nabcd", id="list of lengths"),
        pytest.param(LOGIN + b"Content-Length: +4\r\n\r\nabcd", id="signed length"),
        pytest.param(LOGIN + b"Content-Length: -4\r\n\r\nabcd", id="negative length"),
        pytest.param(LOGIN + b"Content-Length: 0x4\r\n\r\nabcd", id="hexadecimal length"),
        pytest.param(LOGIN + b"Content-Length: 99999999999999999999999\r\n\r\n", id="length beyond 64 bits"),
        pytest.param(LOGIN + b"Content-Length : 4\r\n\r\nabcd", id="space before colon"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", id="chunk size no number"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\nabc", id="chunk size huge"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc", id="chunk size negative"),
    ],
)
def test_smuggled_bodies_are_refused_and_nothing_after_them_is_answered(served: Served, request_: bytes) -> None:
    answer = exchange(served, request_ + b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n")
    assert statuses(answer) == [400]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200, id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET /health HTTP/3.7\r\n" + HOST + b"\r\n", id="unknown version"),
        pytest.param(b"BREW /health HTTP/1.1\r\n" + HOST + b"\r\n", id="unknown method"),
        pytest.param(b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n", id="CONNECT"),
        pytest.param(b"GET health HTTP/1.1\r\n" + HOST + b"\r\n", id="no slash"),
        pytest.param(b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n", id="target not ASCII"),
        pytest.param(b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", id="space in target"),
        pytest.param(b"GET /health HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n", id="folded header"),
        pytest.param(b"GET /health HTTP/1.1\r\n" + HOST + b"X-A: b\x00c\r\n\r\n", id="NUL in header"),
        pytest.param(b"GET /health HTTP/1.1\r\n" + HOST + b"X\x01A: b\r\n\r\n", id="control in header name"),
        pytest.param(b"GET /health HTTP/1.1\nHost: a\n\n", id="bare line feeds"),
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(served: Served, request_: bytes) -> None:
    problem = problem_in(exchange(served, request_))
    assert (problem["status"], problem["title"]) == (400, "Malformed request")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(b"GET /health HTTP/1.0\r\n\r\n", 200, id="HTTP/1.0"),
        pytest.param(b"GET http://evil.example/health HTTP/1.1\r\n" + HOST + b"\r\n", 200, id="absolute form"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404, id="asterisk form"),
        pytest.param(b"PROPFIND /health HTTP/1.1\r\n" + HOST + b"\r\n", 405, id="method of another protocol"),
        pytest.param(b"GET /%00%ff%zz HTTP/1.1\r\n" + HOST + b"\r\n", 404, id="bad percent-encoding"),
        pytest.param(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 404, id="long path"),
        pytest.param(
            b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            200,
            id="upgrade is ignored",
        ),
    ],
)
def test_odd_but_valid_requests_get_their_answer(served: Served, request_: bytes, expected: int) -> None:
    if b"Upgrade" not in request_:  # which needs the header Connection for itself
        request_ = and_close(request_)
    with closing(connect(served)) as connection:
        connection.sendall(request_)
        assert statuses(connection.recv(65_536)) == [expected]


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    paths = [b"/health/live", b"/nothing", b"/auth/me", b"/health"]
    requests = [b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" for path in paths]
    assert statuses(exchange(served, b"".join(requests[:-1]) + and_close(requests[-1]))) == [200, 404, 401, 200]


LEFT_WAITING = {
    "nothing": ([], b""),
    "a head that trickles": ([b"GET /health HTTP/1.1\r\nX-A: "], b"a"),
    "line feeds after an answer": ([b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"], b"\r\n"),
    "a body that goes on after its answer": (
        [b"POST /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000000\r\n\r\n"],
        b"a",
    ),
    "silence after a refused body": (
        [b"POST /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\n", b"abcd"],
        b"",
    ),
    "silence after an answer": ([b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"], b""),
}
"""What a client begins with, each piece after the answer to the one before; and what it sends again and again then."""
RESTING = {"silence after an answer", "silence after a refused body"}
"""Of those, the idle connections that clients, and load balancers, keep for the next request."""


UNSIGNED = b"PUT /storage/019ab0c4-7d2e-7cc3-98c4-dc0c0c07398f?expires=1995401287&signature=6c1f HTTP/1.1\r\n"
REFUSED_UNREAD = [
    pytest.param(UNSIGNED + b"Content-Type: image/jpeg\r\n", 403, id="upload URL"),
    pytest.param(b"POST /photos/ HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n", 401, id="no token"),
    pytest.param(LOGIN.replace(HOST, b""), 413, id="too large"),
]


@pytest.fixture(scope="module")
def closed_by_server(served: Served) -> set[str]:
    """Which of `LEFT_WAITING` the server has closed, all having been open for the same time."""
    closed: set[str] = set()
    connections = {name: connect(served) for name in LEFT_WAITING}
    for name, connection in connections.items():
        for number, piece in enumerate(LEFT_WAITING[name][0]):
            if number:
                assert statuses(connection.recv(65_536)) == [404]
            connection.sendall(piece)
        connection.settimeout(0.2)
    deadline = time.monotonic() + OVERDUE_SECONDS
    while time.monotonic() < deadline and len(closed) < len(LEFT_WAITING) - len(RESTING):
        for name, connection in connections.items():
            if name not in closed and _is_closed(connection, LEFT_WAITING[name][1]):
                closed.add(name)
    for connection in connections.values():
        connection.close()
    return closed


def _is_closed(connection: socket.socket, more: bytes) -> bool:
    try:
        connection.sendall(more)
        return connection.recv(65_536) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("name", [name for name in LEFT_WAITING if name not in RESTING])
def test_a_connection_that_keeps_the_server_waiting_is_closed(closed_by_server: set[str], name: str) -> None:
    """Without a load balancer's time-out, some thousand of them would take every place there is."""
    assert name in closed_by_server


def test_an_idle_connection_between_requests_stays_open_longer_than_a_head_may_take(closed_by_server: set[str]) -> None:
    assert not RESTING & closed_by_server


@pytest.mark.parametrize(("request_", "refusal"), REFUSED_UNREAD)
def test_the_rest_of_a_refused_body_is_read_so_that_its_client_sees_the_answer(
    served: Served, request_: bytes, refusal: int
) -> None:
    """Closing instead would reset the connection, and with it the answer on its way; the next request is served."""
    piece = b"a" * 65_536
    with closing(connect(served)) as connection:
        connection.sendall(request_ + HOST + b"Content-Length: %d\r\n\r\n" % (20 * len(piece)))
        answer = connection.recv(65_536)
        for _ in range(20):
            connection.sendall(piece)
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        assert statuses(answer + read_to_end(connection)) == [refusal, 200]


@pytest.mark.parametrize("pieces", [1, 20])
def test_a_head_beyond_its_bound_is_431(served: Served, pieces: int) -> None:
    head = (
        b"GET /health HTTP/1.1\r\n"
        + HOST
        + b"".join(b"X-%d: %b\r\n" % (i, b"a" * (MAX_HEAD_BYTES // 20)) for i in range(20))
    )
    with closing(connect(served)) as connection:
        for i in range(pieces):
            connection.sendall(head[i * len(head) // pieces : (i + 1) * len(head) // pieces])
        connection.sendall(b"\r\n")
        problem = problem_in(read_to_end(connection))
    assert (problem["status"], problem["title"]) == (431, "Request header fields too large")


def test_a_head_within_its_bound_passes_with_a_long_body_in_the_same_piece(served: Served) -> None:
    body = b'{"email": "' + b"a" * 200_000 + b'@example.com", "password": "abc"}'
    head = LOGIN + b"X-A: " + b"a" * (MAX_HEAD_BYTES - 500) + b"\r\nConnection: close\r\n"
    assert statuses(exchange(served, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)) == [422]


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        pytest.param(b"GET /health HTTP/1.1\r\nX-A: ", b"a" * 65_536, id="a header line"),
        pytest.param(b"GET /", b"a" * 65_536, id="a target"),
        pytest.param(b"GET /health HTTP/1.1\r\n", b"X-A: b\r\n" * 8_192, id="headers"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 8_192, id="trailers"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: ", b"a" * 65_536, id="a trailer"),
        pytest.param(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n5;", b"a" * 65_536, id="a chunk extension"),
    ],
)
def test_what_never_ends_is_cut_off_and_takes_no_memory(served: Served, head: bytes, piece: bytes) -> None:
    before = served.memory_bytes()
    with closing(connect(served)) as connection:
        connection.sendall(head)
        with pytest.raises(ConnectionError):
            send_many(connection, piece)
    assert served.memory_bytes() - before < 16_000_000


def test_a_body_cut_off_is_no_success_and_no_error_of_ours(served: Served) -> None:
    failed = served.total("photo_api_login_total", result="failure")
    for cut_off in (
        LOGIN + b'Content-Length: 400\r\n\r\n{"email": ',
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{",
    ):
        with closing(connect(served)) as connection:
            connection.sendall(cut_off)
            connection.shutdown(socket.SHUT_WR)
            assert read_to_end(connection) == b""
    wait_until(lambda: served.total("http_requests_total", handler="/auth/login", status="499") >= 2, "the count")
    assert served.total("photo_api_login_total", result="failure") == failed


def test_a_json_body_beyond_1_mib_is_413_before_it_is_read(served: Served) -> None:
    problem = problem_in(exchange(served, and_close(LOGIN) + b"Content-Length: 1048577\r\n\r\n{"))
    assert (problem["status"], problem["title"]) == (413, "Content too large")


def test_a_chunked_json_body_without_end_is_413_and_takes_no_memory(served: Served) -> None:
    before = served.memory_bytes()
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    with closing(connect(served)) as connection:
        connection.sendall(and_close(LOGIN) + b"Transfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            send_many(connection, chunk)
        received = read_to_end(connection)
    wait_until(lambda: served.total("http_requests_total", handler="/auth/login", status="413") >= 1, "the count")
    assert statuses(received) in ([413], [])  # the answer may be lost when the connection is reset
    assert served.memory_bytes() - before < 16_000_000


def test_the_metrics_port_stands_the_same(served: Served) -> None:
    for request in (
        b"\x16\x03\x01",
        b"GET /metrics HTTP/1.1\r\nX-A: " + b"a" * 40_000,
        b"POST /metrics HTTP/1.0\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", served.metrics_port), timeout=OVERDUE_SECONDS) as connection:
            connection.sendall(request)
            assert statuses(read_to_end(connection))[0] in {400, 404, 405, 431}
    assert "photo_api_ready 1" in served.metrics_page()


def test_every_line_of_the_log_is_a_record(served: Served) -> None:
    assert served.records()
    assert served.err == ""


def test_the_port_of_a_process_is_free_again_after_all_that(tmp_path: Path) -> None:
    """An attacker's open connections do not keep the process from ending."""
    with serving(tmp_path) as victim:
        held = [connect(victim) for _ in range(20)]
        for connection in held:
            connection.sendall(b"GET /health HTTP/1.1\r\nX-A: ")
    for connection in held:
        connection.close()
    assert victim.process.returncode == 0
