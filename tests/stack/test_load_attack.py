"""The attack notices a service that lets things happen: against one that says yes to everything."""

import asyncio
import base64
import random
from collections import Counter

import pytest
from yarl import URL

from photo_stack.load.attack import Attack, AttackSetupFailed, Crowd, check_victims, make_crowd, set_up
from photo_stack.load.client import Browser
from photo_stack.load.counts import Counts
from photo_stack.load.forging import forged_tokens, random_share_token
from photo_stack.load.images import make_pool
from photo_stack.load.users import Album, Photo, Share, Tokens, VirtualUser, World, user_address


def jwt(claims: str) -> str:
    parts = ('{"alg":"HS256","kid":"1","typ":"JWT"}', claims, "the signature of some thirty-two bytes")
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


async def no_wait() -> None:
    """Every request leaves at once."""


async def yes_man(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer 200 to everything."""
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).lower():
            length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length")), b"x: 0")
            await reader.readexactly(int(length.split(b":")[1]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def crowd_with_photos(world: World, crowd: Crowd) -> None:
    """What `set_up` would have learnt from a real service."""
    for number, user in enumerate((*crowd.victims, crowd.mallory)):
        user.id = f"user-{number}"
        album = Album(f"album-{number}", [Photo(f"photo-{number}", world.pool.photo(world.rng))])
        album.shares = [Share("s", f"share-{number}-{kind}", None, album) for kind in ("open", "locked")]
        user.albums = [album]
        user.tokens = Tokens(jwt('{"sub":"me","exp":1}'), "refresh", 1e18)


async def test_every_kind_of_attack_that_gets_through_is_a_breach() -> None:
    counts = Counts()
    server = await asyncio.start_server(yes_man, "127.0.0.1", 0)
    base = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    victims = [VirtualUser("t", number, Browser(base, user_address(number), counts)) for number in range(2)]
    world = World(random.Random(1), make_pool(1, size=1), counts, victims)
    crowd = make_crowd("t", base, victims, world)
    crowd_with_photos(world, crowd)
    attack = Attack(world, crowd)
    async with server:
        for user in crowd.everyone:
            await user.browser.__aenter__()
        for _ in range(300):
            flow = attack.next_flow()
            assert flow is not None
            await flow(no_wait)
        await check_victims(world, crowd)
        for user in crowd.everyone:
            await user.browser.__aexit__()
    expected = {
        "guess_password",
        "guess_account",
        "guess_share",
        "guess_share_image",
        "guess_share_password",
        "reach_past_share",
        "use_forged_token",
        "reach_for_photo",
        "reach_for_album",
        "victims_photos_not_intact",
    }
    assert expected <= set(counts.breaches)
    assert counts.problems >= counts.breaches.total()


async def test_a_service_that_is_not_as_the_contract_says_ends_the_set_up() -> None:
    counts = Counts()
    server = await asyncio.start_server(yes_man, "127.0.0.1", 0)
    base = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server, Browser(base, user_address(0), counts) as browser:
        victim = VirtualUser("t", 0, browser)
        world = World(random.Random(1), make_pool(1, size=1), counts, [victim])
        with pytest.raises(AttackSetupFailed):
            await set_up(world, make_crowd("t", base, [victim], world))
    assert counts.problems > 0


def test_forged_tokens_are_all_different_from_the_real_one() -> None:
    real = jwt('{"sub":"me","exp":9999999999}')
    forged = forged_tokens(real, "someone-else")
    assert real not in forged.values()
    assert len(set(forged.values())) == len(forged) == 7


def test_share_guesses_have_256_bits_and_do_not_repeat() -> None:
    rng = random.Random(1)
    guesses = Counter(random_share_token(rng) for _ in range(100))
    assert len(guesses) == 100
    assert all(len(guess) == 43 for guess in guesses)
