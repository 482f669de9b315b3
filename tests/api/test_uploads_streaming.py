"""Large bodies, and clients that break off, on the real service: its memory, files and descriptors."""

import array
import fcntl
import socket
import termios
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.support.ports import wait_until
from tests.support.serving import Served, serving
from tests.unit.photos import pictures

MIB: Final = 1024 * 1024
SIZE: Final = 50 * MIB
MOST_ADDED: Final = 10_000_000
"""What streaming a body of any size may add to the process, in bytes."""
PASSWORD: Final = "correct horse battery"
Json = dict[str, Any]


class Client:
    """A user of a running service, his album, and a look into the process."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.http = httpx.Client(base_url=served.url, timeout=60)
        account = {"email": "user@example.com", "username": "user", "password": PASSWORD}
        self.http.post("/auth/register", json=account).raise_for_status()
        login = self.http.post("/auth/login", json={"email": account["email"], "password": PASSWORD})
        self.token = login.raise_for_status().json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.album: str = self.http.post("/albums/", json={"name": "Large"}).raise_for_status().json()["id"]

    def announce(self, size: int) -> Json:
        declared = {"album_id": self.album, "filename": "a.jpg", "content_type": "image/jpeg", "file_size": size}
        upload: Json = self.http.post("/photos/presigned-url", json=declared).raise_for_status().json()
        return upload

    def photo(self, size: int) -> str:
        """A confirmed photo of ``size`` bytes; its id."""
        upload = self.announce(size)
        headers = upload["upload_headers"] | {"Content-Length": str(size)}
        self.http.put(upload["upload_url"], content=content_of(size), headers=headers).raise_for_status()
        self.http.post("/photos/confirm", json={"photo_id": upload["photo_id"]}).raise_for_status()
        photo_id: str = upload["photo_id"]
        return photo_id

    def memory(self, kind: str) -> int:
        """``VmRSS``, or ``VmHWM``: the most since `forget_peak`; bytes."""
        for line in Path(f"/proc/{self.served.process.pid}/status").read_text().splitlines():
            if line.startswith(kind):
                return int(line.split()[1]) * 1024
        raise LookupError(kind)

    def forget_peak(self) -> int:
        """Begin to watch; what is in memory now."""
        Path(f"/proc/{self.served.process.pid}/clear_refs").write_text("5")
        return self.memory("VmRSS")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.served.process.pid}/fd").iterdir()))

    def drafts(self) -> list[Path]:
        """Files being written, and uploads."""
        root = self.served.data / "objects"
        return [path for part in ("temp", "uploads") for path in (root / part).rglob("*") if path.is_file()]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.served.port), timeout=60)

    def head(self, method: str, path: str, **headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def content_of(size: int) -> Iterator[bytes]:
    """A picture, and then bytes until there are ``size``."""
    first = pictures.picture()
    yield first
    left = size - len(first)
    while left:
        piece = bytes(min(left, 100_000))
        yield piece
        left -= len(piece)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("streaming")) as served:
        client = Client(served)
        warm = client.photo(MIB)
        client.http.get(f"/photos/{warm}/image").raise_for_status()
        yield client
        assert served.total("photo_api_exceptions_total") == 0
        assert "Traceback" not in served.err
        client.http.close()


def test_an_upload_of_50_mib_adds_less_than_10_mb_to_the_process(client: Client) -> None:
    before = client.forget_peak()
    client.photo(SIZE)
    assert client.memory("VmHWM") - before < MOST_ADDED


def test_a_form_of_50_mib_adds_less_than_10_mb_to_the_process(client: Client) -> None:
    def form() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="album_id"\r\n\r\n' + client.album.encode() + b"\r\n"
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: image/jpeg\r\n\r\n'
        yield from content_of(SIZE)
        yield b"\r\n--b--\r\n"

    before = client.forget_peak()
    answer = client.http.post("/photos/", content=form(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["file_size"] == SIZE
    assert client.memory("VmHWM") - before < MOST_ADDED


def test_a_download_of_50_mib_adds_less_than_10_mb_though_the_client_does_not_read(client: Client) -> None:
    photo = client.photo(SIZE)
    before = client.forget_peak()
    with closing(client.connect()) as connection:
        connection.sendall(client.head("GET", f"/photos/{photo}/image", Connection="close"))
        waiting = array.array("i", [0])
        seen = [-1, -2, -3]

        def full() -> bool:
            fcntl.ioctl(connection, termios.FIONREAD, waiting)
            seen.append(waiting[0])
            return waiting[0] > 0 and len(set(seen[-20:])) == 1

        wait_until(full, "the connection being full")
        received = 0
        while piece := connection.recv(MIB):
            received += len(piece)
    assert received > SIZE
    assert client.memory("VmHWM") - before < MOST_ADDED


def test_a_client_that_breaks_off_its_upload_leaves_nothing(client: Client) -> None:
    upload = client.announce(SIZE)
    with closing(client.connect()) as connection:
        connection.sendall(
            client.head("PUT", upload["upload_url"], Content_Type="image/jpeg", Content_Length=str(SIZE))
            + bytes(2 * MIB)
        )
        wait_until(lambda: client.drafts() != [], "the upload's beginning")
    wait_until(lambda: client.drafts() == [], "the draft's removal")
    assert client.http.post("/photos/confirm", json={"photo_id": upload["photo_id"]}).status_code == 409


def test_a_client_that_breaks_off_its_download_leaves_no_descriptor_open(client: Client) -> None:
    photo = client.photo(SIZE)
    before = client.descriptors()
    for _ in range(5):
        with closing(client.connect()) as connection:
            connection.sendall(client.head("GET", f"/photos/{photo}/image"))
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
    wait_until(lambda: client.descriptors() <= before, "the files' closing")


def test_an_upload_that_is_refused_is_refused_before_its_body_is_sent(client: Client) -> None:
    upload = client.announce(SIZE)
    url = upload["upload_url"][:-4] + "0000"
    with closing(client.connect()) as connection:
        connection.sendall(
            client.head("PUT", url, Content_Type="image/jpeg", Content_Length=str(SIZE), Expect="100-continue")
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


def test_an_upload_that_waits_to_be_asked_is_asked(client: Client) -> None:
    content = b"".join(content_of(MIB))
    upload = client.announce(MIB)
    with closing(client.connect()) as connection:
        connection.sendall(
            client.head(
                "PUT",
                upload["upload_url"],
                Content_Type="image/jpeg",
                Content_Length=str(MIB),
                Expect="100-continue",
                Connection="close",
            )
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(content)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
