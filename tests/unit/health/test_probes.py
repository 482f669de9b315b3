"""Asking a dependency."""

import asyncio

from photo_api.health.probes import Probe


async def test_an_answer_is_a_yes() -> None:
    async def ask() -> None:
        pass

    probe = Probe(ask, 5)
    assert await probe.answers()
    assert await probe.answers()


async def test_any_exception_is_a_no_until_it_answers_again() -> None:
    errors: list[Exception] = [OSError("away"), ValueError("odd")]

    async def ask() -> None:
        if errors:
            raise errors.pop()

    probe = Probe(ask, 5)
    assert [await probe.answers() for _ in range(3)] == [False, False, True]


async def test_a_dependency_that_hangs_is_asked_once() -> None:
    asked = 0
    released = asyncio.Event()

    async def ask() -> None:
        nonlocal asked
        asked += 1
        await released.wait()

    probe = Probe(ask, 0.01)
    assert [await probe.answers() for _ in range(5)] == [False] * 5
    assert asked == 1
    released.set()
    assert await probe.answers()
    assert await probe.answers()
    assert asked == 2


async def test_closing_gives_up_an_open_question() -> None:
    ended = asyncio.Event()

    async def ask() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    probe = Probe(ask, 0.01)
    assert not await probe.answers()
    await probe.close()
    assert ended.is_set()
