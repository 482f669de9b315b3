"""Verifying uploaded pictures, in processes that may die of it (`decoding`).

Policy: a file that crashes, exhausts or outlasts its worker is refused (422) and costs that worker alone. When more
pictures wait than the workers will manage soon, or no worker can be started, the answer is `Unavailable` (503). One
user's pictures take turns with the others', and he may have only so many waiting that there is room for them: to more
the answer is `TooManyRequests` (429).
"""

import asyncio
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from photo_api.config import Settings
from photo_api.errors import ContentRejected, TooManyRequests, Unavailable
from photo_api.photos.turns import AllPlacesTaken, ShareTaken, Turns

PLACES_PER_WORKER: Final = 16
"""Pictures that are decoded, wait to be, or are fetched for that."""
RETRY_SECONDS: Final = 5
RECYCLE_AFTER: Final = 200
"""Pictures that a worker decodes before another takes its place: what leaks, leaks so much."""
START_SECONDS: Final = 30.0
_ANSWER_BYTES: Final = 4_096
_INHERITED: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")

_log = structlog.get_logger("photo_api.photos")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a picture is: its content's own type, and its size in pixels as displayed."""

    content_type: str
    width: int
    height: int


class PhotoVerifier:
    """Hands pictures to at most ``verifier_workers`` worker processes, started when needed."""

    def __init__(self, settings: Settings) -> None:
        self._workers = settings.verifier_workers
        self._timeout_seconds = settings.verifier_timeout_seconds
        self._command = [
            sys.executable,
            "-P",  # not what lies in the current directory
            "-m",
            "photo_api.photos.decoding",
            str(settings.verifier_memory_mib * 1024 * 1024),
            str(int(settings.max_photo_megapixels * 1_000_000)),
            str(round(settings.verifier_timeout_seconds) + 5),
        ]
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._closed = True
        self._turns = Turns(self._workers, self._workers * PLACES_PER_WORKER)

    async def open(self) -> None:
        """Be ready to start workers: a thread talks to each."""
        self._closed = False
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="verifier")

    async def close(self) -> None:
        """End the workers; what they were decoding is answered 503."""
        with self._lock:
            self._closed = True
            idle, busy = list(self._idle), self._all.difference(self._idle)
            self._idle.clear()
        for worker in busy:
            worker.end()  # the thread that waits for its answer cleans up
        for worker in idle:
            self._put_back(worker, reusable=False)
        if self._threads is not None:
            threads, self._threads = self._threads, None
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    @contextmanager
    def place(self, user_id: str) -> Iterator[None]:
        """A place for one picture, to be taken before it is fetched: so what lies on the disk is bounded.

        Raises:
            TooManyRequests: too many of this user's pictures wait.
            Unavailable: too many pictures wait.
        """
        try:
            with self._turns.place(user_id):
                yield
        except ShareTaken:
            raise TooManyRequests(
                "Too many of your pictures are being checked at present.", headers={"Retry-After": str(RETRY_SECONDS)}
            ) from None
        except AllPlacesTaken:
            detail = "Too many pictures are being checked at present."
            raise Unavailable(detail, retry_after_seconds=RETRY_SECONDS) from None

    async def verify(self, path: Path, declared_type: str, user_id: str) -> Verified:
        """Decode the picture in ``path``, for which there is a `place`, fully.

        It waits behind those of the same user's, and in turns with others'.

        Raises:
            ContentRejected: it is no such picture as declared, is damaged or hostile.
            Unavailable: there is no worker.
        """
        async with self._turns.turn(user_id):
            if self._threads is None:
                raise Unavailable("The service is stopping.")
            verified = await asyncio.get_running_loop().run_in_executor(self._threads, self._decode, path)
        if verified.content_type != declared_type:
            raise ContentRejected(f"The file is {verified.content_type}, and was declared as {declared_type}.")
        return verified

    def _decode(self, path: Path) -> Verified:
        """In a thread: let an idle worker, or a new one, decode."""
        worker = self._take()
        answer: dict[str, Any] | None = None
        try:
            answer = worker.ask({"path": str(path)}, self._timeout_seconds)
        except _TimedOut:
            _log.warning("picture_refused", reason="timeout", seconds=self._timeout_seconds)
            raise ContentRejected("The picture takes too long to decode.") from None
        except _Died as error:
            if self._closed:
                raise Unavailable("The service is stopping.") from None
            _log.warning("picture_refused", reason="the worker died", exit_code=error.exit_code)
            raise ContentRejected("The picture cannot be decoded.") from None
        finally:
            self._put_back(worker, reusable=answer is not None and not answer.get("worn"))
        refusal = answer.get("refused")
        if refusal is not None:
            raise ContentRejected(str(refusal))
        try:
            return Verified(str(answer["content_type"]), int(answer["width"]), int(answer["height"]))
        except (KeyError, TypeError, ValueError):
            raise ContentRejected("The picture cannot be decoded.") from None

    def _take(self) -> "_Worker":
        while True:
            with self._lock:
                if self._closed:
                    raise Unavailable("The service is stopping.")
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return self._start()
            if worker.is_alive():
                return worker
            self._put_back(worker, reusable=False)  # someone ended it while it was idle

    def _start(self) -> "_Worker":
        try:
            worker = _Worker(self._command)
        except OSError as error:
            _log.error("verifier_cannot_start", reason=error.strerror)
            raise Unavailable("Pictures cannot be checked at present.") from error
        with self._lock:
            self._all.add(worker)
            if self._closed:
                worker.end()
        try:
            worker.answer(START_SECONDS)
        except (_Died, _TimedOut) as error:
            self._put_back(worker, reusable=False)
            _log.error("verifier_cannot_start", hint="is PHOTO_API_VERIFIER_MEMORY_MIB large enough?")
            raise Unavailable("Pictures cannot be checked at present.") from error
        return worker

    def _put_back(self, worker: "_Worker", *, reusable: bool) -> None:
        with self._lock:
            if reusable and not self._closed and worker.jobs < RECYCLE_AFTER:
                self._idle.append(worker)
                return
            self._all.discard(worker)
        worker.remove()


class _Died(Exception):
    """The worker ended before it answered."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class _TimedOut(Exception):
    """The worker did not answer in time."""


class _Worker:
    """One worker process; used by one thread at a time, ended from any."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},  # none of our secrets
        )
        self.jobs = 0

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, job: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Its answer to one job."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self.jobs += 1
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
        except OSError:
            raise _Died(self._process.poll()) from None
        return self.answer(timeout_seconds)

    def answer(self, timeout_seconds: float) -> dict[str, Any]:
        """The next line it says. What it says is not believed: it may have been taken over by what it decoded."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + timeout_seconds
        said = b""
        while not said.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise _TimedOut
            piece = os.read(descriptor, _ANSWER_BYTES)
            said += piece
            if not piece or len(said) > _ANSWER_BYTES:
                raise _Died(self._process.poll())
        try:
            content = json.loads(said)
        except ValueError:
            raise _Died(self._process.poll()) from None
        if not isinstance(content, dict):
            raise _Died(self._process.poll())
        return content

    def end(self) -> None:
        """End it, whatever it does; who waits for its answer learns of it."""
        self._process.kill()

    def remove(self) -> None:
        """End it, and release what is held for it; only by the thread that uses it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
