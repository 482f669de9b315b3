"""A stack of the profile production, someone who uses it, and traffic that goes on meanwhile."""

import asyncio
import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.stack.running import COMMAND, Stack, alive, clean_environment, descendants, free_base_port, started
from tests.support.ports import wait_until
from tests.support.uploading import picture

from photo_stack.control import ask
from photo_stack.layout import Layout

SERVERS = ("postgresql", "redis", "swift", "fault-proxy", "identity", "cdn-edge", "logncrash")
PORTS = 8 + 2 * 2 + 11
PATIENCE_SECONDS = 20.0
SEED = "3"
"""Of traffic: its pictures are made once a stack."""
TIMEOUT_SECONDS = 1.0
"""Of storage, database and CDN."""


@dataclass(frozen=True)
class Production(Stack):
    """The stack, and what its instances count."""

    children: list[Any] = field(default_factory=list)

    def total(self, name: str, **labels: str) -> float:
        """The sum over both instances of the samples that have these labels."""
        return sum(
            sample.value
            for instance in ("api-1", "api-2")
            for family in text_string_to_metric_families(self._page(instance))
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def _page(self, instance: str) -> str:
        port = self.document["components"][instance]["metrics_port"]
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).raise_for_status().text

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """A server is dead while the block lasts."""
        self.ask("kill", name)
        try:
            yield
        finally:
            self.ask("start", name)

    @contextmanager
    def faulty(self, name: str, **faults: Any) -> Iterator[None]:
        """A server is faulty while the block lasts."""
        self.fault(name, **faults)
        try:
            yield
        finally:
            self.fault(name)

    def fault(self, name: str, *, seconds: float = 60.0, **faults: Any) -> None:
        """As the command does; without faults it ends them."""
        self.ask("fault", name, told=faults, for_seconds=seconds)

    def ask(self, command: str, name: str, **more: Any) -> None:
        """A command without the time that an interpreter takes to start; raises `StackError` as it refuses."""
        asyncio.run(ask(Layout(self.data), command, name, seconds=60, **more))

    def wait_until_up(self) -> None:
        """Both instances reach everything, by themselves."""
        wait_until(lambda: self.total("photo_api_dependency_up") == 2 * 5, "everything up", PATIENCE_SECONDS)


@contextmanager
def running_production(*options: str) -> Iterator[Production]:
    """A stack whose time-outs are short; nothing of it is left at the end."""
    # Not pytest's: root's PostgreSQL is another user's, and must reach it.
    data = Path(tempfile.mkdtemp(prefix="photo-stack-"))
    environment = clean_environment(
        PHOTO_API_STORAGE_TIMEOUT_SECONDS=f"{TIMEOUT_SECONDS:g}",
        PHOTO_API_DATABASE_TIMEOUT_SECONDS=f"{TIMEOUT_SECONDS:g}",
        PHOTO_API_CDN_TIMEOUT_SECONDS=f"{TIMEOUT_SECONDS:g}",
        PHOTO_API_DEPENDENCY_PROBE_SECONDS="1",
        PHOTO_API_BREAKER_OPEN_SECONDS="1",
        PHOTO_API_ARGON2_MEMORY_KIB="64",
        PHOTO_API_ARGON2_ITERATIONS="1",
    )
    try:
        base_port = free_base_port(PORTS)
        profile = ("--profile", "production", "--time-scale", "10", "--lang", "en")
        with started(data, *profile, *options, env=environment, base_port=base_port) as stack:
            children = descendants(stack.document["supervisor"]["pid"])
            yield Production(stack.data, stack.base_port, children)
            children += descendants(stack.document["supervisor"]["pid"])
            assert stack.command("down").returncode == 0
            assert [process.pid for process in alive(children)] == []
    finally:
        shutil.rmtree(data, ignore_errors=True)


class Person:
    """Somebody with an account and an album."""

    def __init__(self, stack: Stack) -> None:
        name = uuid4().hex
        self._http = httpx.Client(base_url=stack.url("api"), timeout=30)
        self._account = {"email": f"{name}@example.com", "username": name, "password": f"{name} likes pictures"}
        self.post("/auth/register", **self._account).raise_for_status()
        token = self.log_in().raise_for_status().json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        self.album = self.post("/albums/", name="Jeju").raise_for_status().json()["id"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def post(self, path: str, **fields: object) -> httpx.Response:
        return self._http.post(path, json=fields)

    def delete(self, path: str) -> httpx.Response:
        return self._http.delete(path)

    def log_in(self) -> httpx.Response:
        return self.post("/auth/login", email=self._account["email"], password=self._account["password"])

    def presign(self) -> dict[str, Any]:
        """Where to send a picture, and `content`, the picture."""
        content = picture(7)
        declared = {"filename": "a.jpg", "content_type": "image/jpeg", "file_size": len(content)}
        answer = self.post("/photos/presigned-url", album_id=self.album, **declared)
        return {**answer.raise_for_status().json(), "content": content}

    def send(self, upload: dict[str, Any]) -> httpx.Response:
        """Send the picture, without our token."""
        return httpx.request(
            upload["upload_method"], upload["upload_url"], content=upload["content"], headers=upload["upload_headers"]
        )

    def confirm(self, upload: dict[str, Any]) -> httpx.Response:
        return self.post("/photos/confirm", photo_id=upload["photo_id"])

    def upload(self) -> str:
        """A confirmed photo."""
        upload = self.presign()
        self.send(upload).raise_for_status()
        self.confirm(upload).raise_for_status()
        photo: str = upload["photo_id"]
        return photo

    def upload_through_us(self) -> httpx.Response:
        file = {"file": ("a.jpg", picture(8), "image/jpeg")}
        return self._http.post("/photos/", data={"album_id": self.album}, files=file)

    def image(self, photo: str) -> httpx.Response:
        """The answer to who wants to see it: a redirect, or the bytes."""
        return self.get(f"/photos/{photo}/image")


class Traffic:
    """`photo-stack load`, until it is asked for its result."""

    def __init__(self, stack: Stack, rate: int) -> None:
        command = (
            *COMMAND,
            "load",
            "--data",
            str(stack.data),
            "--rps",
            str(rate),
            "--duration",
            "1h",
            "--json",
            "--seed",
            SEED,
        )
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self) -> dict[str, Any]:
        self.process.send_signal(signal.SIGINT)
        output, errors = self.process.communicate(timeout=60)
        assert output, errors.decode()
        result: dict[str, Any] = json.loads(output)
        return result


@contextmanager
def traffic_on(stack: Stack, rate: int) -> Iterator[Traffic]:
    """Traffic while the block lasts."""
    traffic = Traffic(stack, rate)
    try:
        yield traffic
    finally:
        traffic.process.kill()
        traffic.process.wait()
        for pipe in (traffic.process.stdout, traffic.process.stderr):
            if pipe is not None:
                pipe.close()
