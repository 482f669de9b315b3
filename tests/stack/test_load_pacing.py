"""Pacing: an open loop with a fixed number of slots, continuations first, budgets exact."""

import asyncio

from photo_stack.load.pacing import SAFE_PER_MINUTE, Budget, Pacer, SlotQueue


async def test_a_run_has_rate_times_seconds_slots_none_lost() -> None:
    pacer = Pacer(rate=400, seconds=0.5)
    granted = [None async for _ in pacer.slots()]
    assert len(granted) == pacer.granted
    assert pacer.granted + pacer.missed == 200


async def test_slots_do_not_wait_for_answers() -> None:
    pacer = Pacer(rate=400, seconds=0.25)
    never = asyncio.Event()
    tasks = [asyncio.create_task(never.wait()) async for _ in pacer.slots()]
    assert len(tasks) + pacer.missed == 100
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_stop_wakes_a_sleeping_schedule() -> None:
    pacer = Pacer(rate=0.001, seconds=3600)
    async with asyncio.timeout(5):
        async for _ in pacer.slots():
            asyncio.get_running_loop().call_soon(pacer.stop)
    assert pacer.granted == 1


async def test_waiting_continuations_are_served_oldest_first() -> None:
    queue = SlotQueue()
    served: list[int] = []

    async def waits(number: int) -> None:
        await queue.turn()
        served.append(number)

    tasks = [asyncio.create_task(waits(number)) for number in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    assert queue.grant()
    assert queue.grant()
    assert not queue.grant()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert served == [1, 2]


def test_a_budget_allows_its_limit_in_any_window() -> None:
    budget = Budget(3, window=60)
    for second in (0, 10, 59):
        assert budget.allows(second)
        budget.spend(second)
    assert not budget.allows(59.9)
    assert budget.allows(60.1)
    assert not budget.allows(60.1, 2)


def test_users_stay_under_the_services_default_limits() -> None:
    limits = {"auth": 30, "share": 60, "image": 600, "default": 600}
    assert SAFE_PER_MINUTE.keys() == limits.keys()
    assert all(SAFE_PER_MINUTE[name] < limit for name, limit in limits.items())
