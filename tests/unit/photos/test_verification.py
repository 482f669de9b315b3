"""The verifier and its worker processes: what happens when one is slow, dies, or is asked too much."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.ports import wait_until
from tests.unit.photos import pictures

from photo_api.config import Settings
from photo_api.errors import ContentRejected, TooManyRequests, Unavailable
from photo_api.photos.verification import PLACES_PER_WORKER, RECYCLE_AFTER, PhotoVerifier, Verified

USER = "user"
Start = Callable[..., Awaitable[PhotoVerifier]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    opened: list[PhotoVerifier] = []

    async def make(**settings: Any) -> PhotoVerifier:
        verifier = PhotoVerifier(Settings(data_dir=tmp_path, **settings))
        await verifier.open()
        opened.append(verifier)
        return verifier

    yield make
    for verifier in opened:
        await verifier.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(pictures.picture())
    return path


@pytest.fixture
def heic(tmp_path: Path) -> Path:
    path = tmp_path / "heic"
    path.write_bytes(pictures.picture("image/heic"))
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A good PNG of 81 megapixels."""
    path = tmp_path / "large"
    path.write_bytes(pictures.png(9_000, 9_000, bytes(9_000 * 27_001)))
    return path


def workers() -> list[psutil.Process]:
    """The worker processes that run."""
    found = []
    for child in psutil.Process().children():
        try:
            if "photo_api.photos.decoding" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            pass
    return found


async def verified(verifier: PhotoVerifier, path: Path, declared_type: str, user: str) -> Verified:
    """In a place of its own."""
    with verifier.place(user):
        return await verifier.verify(path, declared_type, user)


async def stopped(verifier: PhotoVerifier, path: Path) -> psutil.Process:
    """A worker that stands still."""
    await verified(verifier, path, "image/jpeg", USER)
    (worker,) = workers()
    worker.suspend()
    return worker


async def test_a_picture_is_verified_as_what_it_is(start: Start, path: Path) -> None:
    verifier = await start()
    assert await verified(verifier, path, "image/jpeg", USER) == Verified("image/jpeg", 64, 48)


async def test_another_type_than_declared_is_refused_and_named(start: Start, path: Path) -> None:
    verifier = await start()
    with pytest.raises(ContentRejected, match="image/jpeg") as refused:
        await verified(verifier, path, "image/png", USER)
    assert "declared as image/png" in str(refused.value)


async def test_heic_is_verified_within_the_memory_limit(start: Start, heic: Path) -> None:
    verifier = await start()
    assert await verified(verifier, heic, "image/heic", USER) == Verified("image/heic", 64, 48)


async def test_a_picture_that_takes_too_long_is_refused_and_the_next_one_is_verified(start: Start, path: Path) -> None:
    verifier = await start(verifier_timeout_seconds=0.5)
    worker = await stopped(verifier, path)
    with pytest.raises(ContentRejected, match="too long"):
        await verified(verifier, path, "image/jpeg", USER)
    assert not worker.is_running()
    assert (await verified(verifier, path, "image/jpeg", USER)).width == 64


async def test_a_picture_that_kills_its_worker_is_refused_and_the_next_one_is_verified(
    start: Start, path: Path
) -> None:
    verifier = await start()
    worker = await stopped(verifier, path)
    verifying = asyncio.create_task(verified(verifier, path, "image/jpeg", USER))
    asked = "the worker's second job"
    await asyncio.to_thread(wait_until, lambda: any(each.jobs == 2 for each in verifier._all), asked)
    worker.kill()
    with pytest.raises(ContentRejected, match="cannot be decoded"):
        await verifying
    assert (await verified(verifier, path, "image/jpeg", USER)).width == 64


async def test_a_worker_that_someone_ended_while_it_was_idle_is_replaced(start: Start, path: Path) -> None:
    verifier = await start()
    await verified(verifier, path, "image/jpeg", USER)
    (worker,) = workers()
    worker.kill()
    worker.wait(10)
    assert (await verified(verifier, path, "image/jpeg", USER)).width == 64
    assert [other.pid for other in workers()] != [worker.pid]


async def test_a_picture_that_exhausts_the_memory_is_refused_and_the_next_one_is_verified(
    start: Start, path: Path, large: Path
) -> None:
    verifier = await start(verifier_memory_mib=256)
    with pytest.raises(ContentRejected, match="memory"):
        await verified(verifier, large, "image/png", USER)
    assert (await verified(verifier, path, "image/jpeg", USER)).width == 64


async def test_more_pictures_than_may_wait_are_answered_503_at_once(start: Start, path: Path) -> None:
    verifier = await start(verifier_timeout_seconds=60)
    worker = await stopped(verifier, path)
    users = [str(number) for number in range(PLACES_PER_WORKER)]
    waiting = [asyncio.create_task(verified(verifier, path, "image/jpeg", user)) for user in users]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await verified(verifier, path, "image/jpeg", "another")
    worker.resume()
    assert {verified.width for verified in await asyncio.gather(*waiting)} == {64}


async def test_one_users_pictures_never_take_the_places_of_others(start: Start, path: Path) -> None:
    """He is told to come later (429), they are served; and theirs do not wait for all of his."""
    verifier = await start(verifier_timeout_seconds=60)
    worker = await stopped(verifier, path)
    order: list[str] = []

    async def verify(user: str) -> None:
        await verified(verifier, path, "image/jpeg", user)
        order.append(user)

    async with asyncio.TaskGroup() as group:
        for _ in range(PLACES_PER_WORKER // 2):
            group.create_task(verify("heavy"))
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests) as refusal:
            await verify("heavy")
        for user in ("anna", "ben"):
            group.create_task(verify(user))
        await asyncio.sleep(0)
        worker.resume()
    assert refusal.value.headers == {"Retry-After": "5"}
    assert len(order) == PLACES_PER_WORKER // 2 + 2
    assert {"anna", "ben"} <= set(order[:4])


async def test_only_as_many_workers_run_as_are_configured_and_they_are_kept(start: Start, path: Path) -> None:
    verifier = await start(verifier_workers=2)
    await asyncio.gather(*(verified(verifier, path, "image/jpeg", USER) for _ in range(12)))
    pids = {worker.pid for worker in workers()}
    assert 1 <= len(pids) <= 2
    await asyncio.gather(*(verified(verifier, path, "image/jpeg", USER) for _ in range(12)))
    assert pids <= {worker.pid for worker in workers()}


async def test_a_worker_is_replaced_after_its_share_of_pictures(start: Start, path: Path) -> None:
    verifier = await start()
    await verified(verifier, path, "image/jpeg", USER)
    (first,) = workers()
    for _ in range(RECYCLE_AFTER):
        await verified(verifier, path, "image/jpeg", USER)
    (second,) = workers()
    assert second.pid != first.pid


async def test_closing_ends_the_workers_and_what_they_were_decoding(start: Start, path: Path) -> None:
    verifier = await start(verifier_timeout_seconds=60)
    await stopped(verifier, path)
    verifying = asyncio.create_task(verified(verifier, path, "image/jpeg", USER))
    await asyncio.sleep(0)
    await verifier.close()
    with pytest.raises(Unavailable):
        await verifying
    assert workers() == []


async def test_without_a_worker_nothing_is_refused_but_all_is_unavailable(start: Start, path: Path) -> None:
    verifier = await start(verifier_memory_mib=256)
    verifier._command[3] = "photo_api.no_such_module"
    with pytest.raises(Unavailable):
        await verified(verifier, path, "image/jpeg", USER)


async def test_workers_yield_to_the_api_are_limited_and_know_no_secret(
    start: Start, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTO_API_SECRET_KEY", "s" * 32)
    verifier = await start(verifier_memory_mib=512)
    await verified(verifier, path, "image/jpeg", USER)
    (worker,) = workers()
    assert worker.nice() >= 10
    assert worker.rlimit(psutil.RLIMIT_AS) == (512 * 2**20, 512 * 2**20)
    assert worker.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert not [name for name in worker.environ() if name.startswith("PHOTO_API_")]


async def test_a_worker_outlives_the_signals_that_drain_the_service(start: Start, path: Path) -> None:
    verifier = await start()
    await verified(verifier, path, "image/jpeg", USER)
    (worker,) = workers()
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(worker.pid, number)
    assert (await verified(verifier, path, "image/jpeg", USER)).width == 64
    assert [other.pid for other in workers()] == [worker.pid]


def test_the_service_itself_does_not_import_pillow() -> None:
    program = "import sys, photo_api.app; sys.exit('PIL' in sys.modules or 'pillow_heif' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
