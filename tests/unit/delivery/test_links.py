"""Links kept for reuse: how long, how many, and one making for all who wait."""

import asyncio
from dataclasses import dataclass, field

import pytest

from photo_api.delivery.links import LinkKey, Links


@dataclass
class Maker:
    """Makes numbered links, when it is let; `fails` makes none."""

    made: list[LinkKey] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def __call__(self, key: LinkKey) -> str | None:
        self.made.append(key)
        number = len(self.made)
        self.begun.set()
        await self.may_go_on.wait()
        return None if self.fails else f"{key.path}#{number}"


class Now:
    """A clock in the test's hand."""

    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def maker() -> Maker:
    maker = Maker()
    maker.may_go_on.set()
    return maker


@pytest.fixture
def now() -> Now:
    return Now()


def key(path: str = "/photos/1", seconds: int = 60) -> LinkKey:
    return LinkKey(path, "owner", seconds)


async def test_a_link_is_reused_for_half_of_its_life(maker: Maker, now: Now) -> None:
    links = Links(maker, patience_seconds=5, clock=now)
    assert await links.get(key()) == "/photos/1#1"
    now.seconds += 29.9
    assert await links.get(key()) == "/photos/1#1"
    now.seconds += 0.2
    assert await links.get(key()) == "/photos/1#2"


async def test_its_life_begins_when_it_is_asked_for(maker: Maker, now: Now) -> None:
    links = Links(maker, patience_seconds=5, clock=now)
    maker.may_go_on.clear()
    asked = asyncio.create_task(links.get(key()))
    await asyncio.wait_for(maker.begun.wait(), 5)
    now.seconds += 20
    maker.may_go_on.set()
    await asked
    now.seconds += 11
    assert await links.get(key()) == "/photos/1#2"


@pytest.mark.parametrize(
    "other", [LinkKey("/photos/2", "owner", 60), LinkKey("/photos/1", "visitor", 60), LinkKey("/photos/1", "owner", 61)]
)
async def test_another_path_audience_or_life_time_is_another_link(maker: Maker, other: LinkKey) -> None:
    links = Links(maker, patience_seconds=5)
    assert await links.get(key()) != await links.get(other)
    assert maker.made == [key(), other]


async def test_the_least_recently_used_links_go_first(maker: Maker) -> None:
    links = Links(maker, patience_seconds=5, limit=3)
    for path in ("/a", "/b", "/c", "/a", "/d"):
        await links.get(key(path))
    assert len(links) == 3
    maker.made.clear()
    for path in ("/a", "/c", "/d", "/b"):
        await links.get(key(path))
    assert maker.made == [key("/b")]


async def test_all_who_wait_for_one_link_share_its_making(maker: Maker) -> None:
    links = Links(maker, patience_seconds=5)
    maker.may_go_on.clear()
    waiting = [asyncio.create_task(links.get(key())) for _ in range(20)]
    await asyncio.wait_for(maker.begun.wait(), 5)
    maker.may_go_on.set()
    assert await asyncio.gather(*waiting) == ["/photos/1#1"] * 20
    assert len(maker.made) == 1


async def test_one_who_leaves_leaves_the_others_waiting(maker: Maker) -> None:
    links = Links(maker, patience_seconds=5)
    maker.may_go_on.clear()
    first, second = (asyncio.create_task(links.get(key())) for _ in range(2))
    await asyncio.wait_for(maker.begun.wait(), 5)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    maker.may_go_on.set()
    assert first.cancelled()
    assert await second == "/photos/1#1"
    assert len(maker.made) == 1


async def test_what_comes_too_late_for_one_is_there_for_the_next(maker: Maker) -> None:
    links = Links(maker, patience_seconds=0.02)
    maker.may_go_on.clear()
    assert await links.get(key()) is None
    maker.may_go_on.set()
    assert await links.get(key()) == "/photos/1#1"
    assert len(maker.made) == 1


async def test_a_failure_is_not_kept(maker: Maker) -> None:
    links = Links(maker, patience_seconds=5)
    maker.fails = True
    assert await links.get(key()) is None
    maker.fails = False
    assert await links.get(key()) == "/photos/1#2"


async def test_closing_ends_those_who_wait_without_a_link(maker: Maker) -> None:
    links = Links(maker, patience_seconds=60)
    maker.may_go_on.clear()
    waiting = asyncio.create_task(links.get(key()))
    await asyncio.wait_for(maker.begun.wait(), 5)
    await links.close()
    assert await asyncio.wait_for(waiting, 5) is None
    assert len(links) == 0
