"""Consoles for browser tests: the real command on a free port; and servers that misbehave."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.support.ports import free_port, wait_until

COMMAND = Path(sys.executable).with_name("photo-monitoring")


@contextmanager
def running_console(*options: str) -> Iterator[str]:
    """A console until the block ends; its base URL."""
    port = free_port()
    process = subprocess.Popen([str(COMMAND), "console", "--port", str(port), *options], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _answers(url), "the console", 30)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/healthy", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes every connection and never answers; its base URL."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()
