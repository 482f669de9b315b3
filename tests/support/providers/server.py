"""A provider of notifications for tests: a local HTTP server that judges each message by the provider's documents."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import jsonschema_rs
from tests.support.ports import wait_until


@dataclass(frozen=True)
class Message:
    """One request: its path with the query, its headers in small letters, its JSON document."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


Answer = tuple[int, str]


@dataclass
class Provider:
    """What was received, and what was wrong with it.

    `answers`, where set, decides instead of the provider's own answer: a status with a body, or None to hang up;
    `delay` comes before it, in seconds.
    """

    schema: ClassVar[dict[str, Any]] = {}

    messages: list[Message] = field(default_factory=list)
    attempts: int = 0
    problems: list[str] = field(default_factory=list)
    answers: Callable[[Message], Answer | None] | None = None
    delay: float = 0.0
    port: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def judge(self, message: Message) -> list[str]:
        """Say what the provider's documents forbid."""
        validator = jsonschema_rs.validator_for(self.schema)
        return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(message.body)]

    def answer(self, message: Message) -> Answer:
        """Answer as the provider does."""
        return 200, "ok"

    def take(self, message: Message) -> Answer | None:
        """Receive a message: None is to hang up."""
        self.attempts += 1
        if self.delay:
            self.stopping.wait(self.delay)
        if self.answers is not None:
            return self.answers(message)
        found = self.judge(message)
        self.problems += found
        answer = (400, "; ".join(found)) if found else self.answer(message)
        if answer[0] < 300:
            self.messages.append(message)
        return answer

    def wait(self, matches: Callable[[Message], bool] = lambda _: True, what: str = "a message") -> Message:
        """Wait for a message that matches; fail on one that the provider would refuse."""
        wait_until(lambda: bool(self.problems) or any(map(matches, self.messages)), what, 20)
        assert self.problems == []
        return next(filter(matches, self.messages))


_P = TypeVar("_P", bound=Provider)


@contextmanager
def serving(provider: _P) -> Iterator[_P]:
    """Serve on a free port of 127.0.0.1 until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                body = json.loads(raw)
            except ValueError:
                provider.problems.append(f"{urlsplit(self.path).path}: not JSON")
                body = {}
            answer = provider.take(Message(self.path, headers, body))
            if answer is None:
                self.close_connection = True
                return
            status, text = answer
            content = text.encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if text.startswith("{") else "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # whoever asked did not wait

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        provider.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
