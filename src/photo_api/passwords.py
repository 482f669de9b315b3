"""Password hashing: Argon2id in threads of its own, bounded, and of lower priority than the event loop.

Parameters are OWASP's by default (19 MiB, 2 passes, 1 lane). Passwords are prepared as RFC 8265's OpaqueString: other
spaces become U+0020, then NFC, so that composed and decomposed Hangul are one password; the whole of it counts.

Policy under load: ``password_hash_concurrency`` hashes are computed at once, ``password_hash_queue`` wait, any more are
answered 503 at once.
"""

import asyncio
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import argon2
from argon2.exceptions import HashingError, VerificationError, VerifyMismatchError

from photo_api.config import Settings
from photo_api.errors import Unavailable

THREAD_NAME: Final = "password-hash"
NICE: Final = 10
"""How much nicer than the process these threads are: about a tenth of the event loop's share of a contended core."""

_Result = TypeVar("_Result")


def prepare(password: str) -> str:
    """The form of a password that is counted and hashed (RFC 8265, 4.2)."""
    if password.isascii():
        return password
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return unicodedata.normalize("NFC", spaced)


class PasswordHasher:
    """Hashes and verifies passwords without holding up the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=settings.argon2_iterations,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
            type=argon2.Type.ID,
        )
        self._concurrency = settings.password_hash_concurrency
        self._queue = settings.password_hash_queue
        self._free = asyncio.Semaphore(self._concurrency)
        self._waiting = 0
        self._threads: ThreadPoolExecutor | None = None
        self._nobodys_hash = ""

    async def open(self) -> None:
        """Start the threads, and make the hash that stands in for users who do not exist."""
        self._threads = ThreadPoolExecutor(self._concurrency, THREAD_NAME, _lower_priority)
        self._nobodys_hash = await self.hash(secrets.token_urlsafe(32))

    async def close(self) -> None:
        """Stop the threads once what they compute is done."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)

    async def hash(self, password: str) -> str:
        """The password's Argon2id hash in PHC form, with a new salt.

        Raises:
            Unavailable: too many hashes wait already, or there is no memory for one.
        """
        return await self._run(lambda: self._argon2.hash(prepare(password)))

    async def verify(self, hash: str, password: str) -> bool:  # noqa: A002 - the name the interface has
        """Whether ``password`` is the one that ``hash`` was made of, whatever its parameters; raises as `hash` does."""

        def check() -> bool:
            try:
                return self._argon2.verify(hash, prepare(password))
            except VerifyMismatchError:
                return False

        return await self._run(check)

    async def verify_nothing(self, password: str) -> None:
        """Take as long as a wrong password takes, for users who do not exist; raises as `hash` does."""
        await self.verify(self._nobodys_hash, password)

    def needs_rehash(self, hash: str) -> bool:  # noqa: A002
        """Whether ``hash`` was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(hash)

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        if self._waiting >= self._queue:
            raise Unavailable("Too many passwords are being checked; try again soon.")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        loop = asyncio.get_running_loop()

        def release(_: Future[_Result]) -> None:
            loop.call_soon_threadsafe(self._free.release)

        try:
            running = self._submit(work)
        except BaseException:
            self._free.release()
            raise
        # Not when the waiter is gone, but when the thread is free: a cancelled request does not stop Argon2.
        running.add_done_callback(release)
        try:
            return await asyncio.wrap_future(running)
        except (HashingError, VerificationError) as error:
            raise Unavailable("A password could not be checked; try again soon.") from error

    def _submit(self, work: Callable[[], _Result]) -> Future[_Result]:
        if self._threads is None:
            raise Unavailable("The service is stopping.")
        return self._threads.submit(work)


def _lower_priority() -> None:
    """Linux gives each thread its own niceness; elsewhere it is the process's, and stays as it is."""
    if sys.platform == "linux":
        nicer = min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, 19)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nicer)
