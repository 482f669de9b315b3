"""Passwords: what is hashed, how much at once, and in which threads."""

import asyncio
import os
import threading
import time
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import argon2
import pytest

from photo_api.config import Settings
from photo_api.errors import Unavailable
from photo_api.passwords import NICE, THREAD_NAME, PasswordHasher, prepare

CHEAP = {"argon2_memory_kib": 64, "argon2_iterations": 1}
SLOW = {"argon2_memory_kib": 65_536, "argon2_iterations": 6}
"""About a quarter of a second: long against everything else in a test."""


def hasher_with(**values: Any) -> PasswordHasher:
    return PasswordHasher(Settings(**(CHEAP | values)))


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    hasher = hasher_with()
    await hasher.open()
    yield hasher
    await hasher.close()


@pytest.fixture
async def short_queue() -> AsyncIterator[PasswordHasher]:
    """One hash at a time, two may wait."""
    hasher = hasher_with(password_hash_concurrency=1, password_hash_queue=2)
    await hasher.open()
    yield hasher
    await hasher.close()


@pytest.fixture
async def slow_hasher() -> AsyncIterator[PasswordHasher]:
    hasher = hasher_with(**SLOW)
    await hasher.open()
    yield hasher
    await hasher.close()


async def test_a_password_verifies_against_its_own_hash_only(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("correct horse")
    assert await hasher.verify(stored, "correct horse")
    assert not await hasher.verify(stored, "correct horsf")


async def test_hashes_are_argon2id_with_the_configured_parameters() -> None:
    hasher = hasher_with(argon2_memory_kib=128, argon2_iterations=3, argon2_parallelism=2)
    await hasher.open()
    found = argon2.extract_parameters(await hasher.hash("correct horse"))
    await hasher.close()
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (argon2.Type.ID, 128, 3, 2)


async def test_the_defaults_are_those_of_owasp() -> None:
    hasher = PasswordHasher(Settings())
    await hasher.open()
    found = argon2.extract_parameters(await hasher.hash("correct horse"))
    await hasher.close()
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (argon2.Type.ID, 19_456, 2, 1)


async def test_two_hashes_of_one_password_differ(hasher: PasswordHasher) -> None:
    assert await hasher.hash("correct horse") != await hasher.hash("correct horse")


async def test_the_whole_password_counts_beyond_72_bytes(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("x" * 127 + "a")
    assert not await hasher.verify(stored, "x" * 127 + "b")
    assert await hasher.verify(stored, "x" * 127 + "a")


async def test_a_nul_character_does_not_end_a_password(hasher: PasswordHasher) -> None:
    assert not await hasher.verify(await hasher.hash("correct\0horse"), "correct\0mouse")


async def test_composed_and_decomposed_hangul_are_one_password(hasher: PasswordHasher) -> None:
    stored = await hasher.hash(unicodedata.normalize("NFC", "비밀번호비밀번호"))
    assert await hasher.verify(stored, unicodedata.normalize("NFD", "비밀번호비밀번호"))


def test_characters_that_only_look_alike_stay_different() -> None:
    assert prepare("x²") != prepare("x2")


def test_every_kind_of_space_is_a_space() -> None:
    assert prepare("a\u3000b\u00a0c") == "a b c"


async def test_a_hash_of_other_parameters_needs_a_rehash_and_still_verifies(hasher: PasswordHasher) -> None:
    old = argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash("correct horse")
    assert hasher.needs_rehash(old)
    assert not hasher.needs_rehash(await hasher.hash("correct horse"))
    assert await hasher.verify(old, "correct horse")


async def test_nobodys_password_takes_as_long_as_a_wrong_one(slow_hasher: PasswordHasher) -> None:
    """Relative, the fastest of three: without a dummy hash the ratio would be in the thousands."""
    stored = await slow_hasher.hash("correct horse")

    async def seconds(work: Any) -> float:
        started = time.perf_counter()
        await work
        return time.perf_counter() - started

    wrong = min([await seconds(slow_hasher.verify(stored, "wrong")) for _ in range(3)])
    nobody = min([await seconds(slow_hasher.verify_nothing("wrong")) for _ in range(3)])
    assert wrong / 3 < nobody < wrong * 3


async def test_the_event_loop_goes_on_while_a_password_is_hashed(slow_hasher: PasswordHasher) -> None:
    hashing = asyncio.create_task(slow_hasher.hash("correct horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="niceness is per thread on Linux only")
async def test_hashing_threads_are_nicer_than_the_process(hasher: PasswordHasher) -> None:
    await hasher.hash("correct horse")
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_NAME)]
    base = os.getpriority(os.PRIO_PROCESS, 0)
    assert [os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in threads] == [min(base + NICE, 19)]


class Occupied:
    """A hasher's only thread, busy until the block ends."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._begun = asyncio.Event()
        self._end = threading.Event()

    async def __aenter__(self) -> asyncio.Task[object]:
        loop = asyncio.get_running_loop()

        def work() -> bool:
            loop.call_soon_threadsafe(self._begun.set)
            return self._end.wait(10)

        task: asyncio.Task[object] = asyncio.create_task(self._hasher._run(work))
        await self._begun.wait()
        return task

    async def __aexit__(self, *_: object) -> None:
        self._end.set()


async def waiting(hasher: PasswordHasher, count: int) -> list[asyncio.Task[str]]:
    """Hashes that have come as far as the queue."""
    tasks = [asyncio.create_task(hasher.hash("correct horse")) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_hashes_beyond_the_queue_are_refused_at_once_with_a_time_to_come_back(
    short_queue: PasswordHasher,
) -> None:
    async with Occupied(short_queue):
        queued = await waiting(short_queue, 2)
        with pytest.raises(Unavailable) as refused:
            await short_queue.hash("correct horse")
        with pytest.raises(Unavailable):
            await short_queue.verify_nothing("correct horse")
    assert int(refused.value.headers["Retry-After"]) >= 1
    assert len(await asyncio.gather(*queued)) == 2


async def test_cancelled_waiters_give_their_places_back(short_queue: PasswordHasher) -> None:
    async with Occupied(short_queue):
        for _ in range(5):
            for task in await waiting(short_queue, 2):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        queued = await waiting(short_queue, 2)
    assert len(await asyncio.gather(*queued)) == 2


async def test_a_cancelled_hash_holds_its_place_until_its_thread_is_free(short_queue: PasswordHasher) -> None:
    async with Occupied(short_queue) as running:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        queued = await waiting(short_queue, 2)
        with pytest.raises(Unavailable):
            await short_queue.hash("correct horse")
    assert len(await asyncio.gather(*queued)) == 2


async def test_concurrency_is_the_number_of_threads() -> None:
    hasher = hasher_with(password_hash_concurrency=2, password_hash_queue=8)
    await hasher.open()
    await asyncio.gather(*(hasher.hash("correct horse") for _ in range(5)))
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_NAME)]
    await hasher.close()
    assert len(threads) == 2


async def test_a_closed_hasher_refuses_and_leaves_no_thread() -> None:
    hasher = hasher_with()
    await hasher.open()
    await hasher.close()
    with pytest.raises(Unavailable):
        await hasher.hash("correct horse")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_NAME)]
