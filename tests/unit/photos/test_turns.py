"""Who is next, and who may wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_api.photos.turns import AllPlacesTaken, ShareTaken, Turns


@asynccontextmanager
async def taken(turns: Turns, key: str) -> AsyncIterator[None]:
    """A place, and in it a turn."""
    with turns.place(key):
        async with turns.turn(key):
            yield


class Queue:
    """Turns, and what became of each who asked for one."""

    def __init__(self, at_once: int = 1, places: int = 16) -> None:
        self.turns = Turns(at_once, places)
        self.served: list[str] = []
        self.refused: list[tuple[str, type[Exception]]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *keys: str) -> None:
        """Each asks for a turn, in this order."""
        for key in keys:
            self.tasks.append(asyncio.create_task(self._ask(key)))
            await asyncio.sleep(0)

    async def _ask(self, key: str) -> None:
        try:
            async with taken(self.turns, key):
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                self.served.append(key)
                try:
                    await asyncio.sleep(0)
                finally:
                    self.at_once -= 1
        except (AllPlacesTaken, ShareTaken) as refusal:
            self.refused.append((key, type(refusal)))

    async def end(self) -> "Queue":
        """Wait for all of them; fails where one waits for ever."""
        async with asyncio.timeout(10):
            await asyncio.gather(*self.tasks, return_exceptions=True)
        return self


class Held(Queue):
    """One whose only turn is held while the others come."""

    async def come(self, *keys: str) -> None:
        async with taken(self.turns, "holder"):
            await super().come(*keys)


async def test_keys_take_turns_and_each_keeps_its_own_order() -> None:
    queue = Held()
    await queue.come("a", "a", "a", "b", "c", "b")
    assert (await queue.end()).served == ["a", "b", "c", "a", "b", "a"]


async def test_one_alone_may_have_half_of_the_places_and_the_next_half_of_what_is_left() -> None:
    queue = Held(places=17)  # one is the holder's
    await queue.come(*["a"] * 9, *["b"] * 5, *["c"] * 3, "d", "e", "e", "f", "g")
    await queue.end()
    assert {key: queue.served.count(key) for key in "abcdefg"} == {
        "a": 8,
        "b": 4,
        "c": 2,
        "d": 1,
        "e": 1,
        "f": 0,
        "g": 0,
    }
    assert [key for key, kind in queue.refused if kind is ShareTaken] == ["a", "b", "c"]
    assert [key for key, kind in queue.refused if kind is AllPlacesTaken] == ["e", "f", "g"]


async def test_who_gives_up_while_waiting_leaves_no_turn_and_no_place_behind() -> None:
    queue = Queue(places=4)
    async with taken(queue.turns, "holder"):
        for key in "abab":  # more often than there are places
            await queue.come(key)
            queue.tasks[-1].cancel()
            await queue.end()
        await queue.come("c", "d", "e")
    assert (await queue.end()).served == ["c", "d", "e"]
    assert queue.refused == []


async def test_a_turn_that_comes_to_one_who_just_gave_up_is_the_next_ones() -> None:
    queue = Queue()
    async with taken(queue.turns, "holder"):
        await queue.come("a", "b")
    queue.tasks[0].cancel()  # after its turn was given, before it ran
    assert (await queue.end()).served == ["b"]


async def test_a_turn_ends_with_its_block_whatever_leaves_it() -> None:
    turns = Turns(1, 2)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with taken(turns, "a"):
                raise ZeroDivisionError


@given(
    at_once=st.integers(1, 3),
    come=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["stays", "gives up", "gives up too late"])), max_size=30
    ),
)
def test_however_they_come_and_go_nobody_is_forgotten(at_once: int, come: list[tuple[str, str]]) -> None:
    async def run() -> None:
        queue = Queue(at_once, places=100)

        def cancel(what: str) -> None:
            for task, (_, does) in zip(queue.tasks, come, strict=True):
                if does == what:
                    task.cancel()

        async with AsyncExitStack() as held:
            for number in range(at_once):
                await held.enter_async_context(taken(queue.turns, f"holder {number}"))
            await queue.come(*(key for key, _ in come))
            assert queue.served == []
            cancel("gives up")
        cancel("gives up too late")  # some have just been given their turn
        await queue.end()
        assert sorted(queue.served) == sorted(key for key, does in come if does == "stays")
        queue.tasks, queue.served = [], []
        await queue.come(*"abcdabcd")
        assert sorted((await queue.end()).served) == sorted("abcdabcd")
        assert queue.most_at_once <= at_once

    asyncio.run(run())
