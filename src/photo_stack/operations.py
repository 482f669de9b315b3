"""What can be done to one component of a running stack: kill, start, restart, drain."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from photo_stack.control import Progress
from photo_stack.errors import CommandRefused
from photo_stack.haproxy import HaproxyUnavailable, server_statuses, set_server_state
from photo_stack.process import ALIVE, ManagedProcess, State, until
from photo_stack.readiness import answers

if TYPE_CHECKING:
    from photo_stack.supervisor import Supervisor

_NOTICE_SECONDS = 2.0
_ADMIT_SECONDS = 10.0


async def kill(supervisor: "Supervisor", process: ManagedProcess, progress: Progress) -> str:
    """SIGKILL, as a crash would be: it counts as a death. Does not wait for other commands.

    Raises:
        CommandRefused: nothing runs.
    """
    del supervisor, progress
    name = process.component.name
    if not process.send(signal.SIGKILL):
        raise CommandRefused(f"{name} does not run ({process.state})")
    if not await process.ended(5.0):
        raise CommandRefused(f"{name} did not end within 5 s of SIGKILL")
    return f"{name} was killed"


async def start(supervisor: "Supervisor", process: ManagedProcess, progress: Progress) -> str:
    """Start what is dead, stopped or drained, and wait until it is ready (an instance: until it gets traffic).

    Raises:
        ComponentFailed: it did not become ready.
    """
    async with process.lock:
        if process.state in ALIVE:
            return f"{process.component.name} runs already"
        progress(f"starting {process.component.name}")
        await bring_up(supervisor, process)
    return f"{process.component.name} is ready"


async def restart(supervisor: "Supervisor", process: ManagedProcess, progress: Progress) -> str:
    """Stop as planned (an instance: drain), then start.

    Raises:
        ComponentFailed: it did not become ready again.
    """
    async with process.lock:
        if process.state in ALIVE:
            await _stop_as_planned(supervisor, process, progress, final=State.STOPPED)
        progress(f"starting {process.component.name}")
        await bring_up(supervisor, process)
    return f"{process.component.name} is ready again"


async def drain(supervisor: "Supervisor", process: ManagedProcess, progress: Progress) -> str:
    """Take an instance out of the load balancer, let it finish and stop; it stays down until ``start``.

    Raises:
        CommandRefused: not an instance of the service, or it does not run.
    """
    name = process.component.name
    if not process.component.drains:
        raise CommandRefused(f"{name} cannot be drained: only the instances of the service can (api-1, …)")
    async with process.lock:
        if process.state not in ALIVE:
            raise CommandRefused(f"{name} does not run ({process.state})")
        in_time = await _stop_as_planned(supervisor, process, progress, final=State.DRAINED)
    return f"{name} is drained; photo-stack start {name} brings it back" if in_time else f"{name} had to be killed"


BY_NAME: Mapping[str, Callable[["Supervisor", ManagedProcess, Progress], Awaitable[str]]] = MappingProxyType(
    {"kill": kill, "start": start, "restart": restart, "drain": drain}
)


async def bring_up(supervisor: "Supervisor", process: ManagedProcess) -> None:
    """Start a process; an instance is put back into the load balancer.

    Raises:
        CommandRefused: the stack began to stop while the process was brought down for its restart.
        ComponentFailed: it did not become ready.
    """
    if supervisor.state == "stopping":
        raise CommandRefused("the stack is stopping")
    await process.start(supervisor.http)
    await supervisor.faults.started(process.component)
    if process.component.drains:
        await _admit(supervisor, process)


async def stop_for_good(supervisor: "Supervisor", process: ManagedProcess) -> None:
    """Stop with the stack. An instance does not sit out its drain: the load balancer has gone already."""
    process.expect_end()
    if process.component.drains and process.pid is not None:
        if process.state is not State.DRAINING:
            process.set_state(State.STOPPING)
            process.send(signal.SIGTERM)
            await _stopped_being_ready(supervisor, process)
        await process.stop(stop_signal=signal.SIGTERM)  # the second signal ends the drain
    elif process.pid is not None or process.is_in(State.RESTARTING):
        await process.stop()


async def _stop_as_planned(
    supervisor: "Supervisor", process: ManagedProcess, progress: Progress, *, final: State
) -> bool:
    name = process.component.name
    if not process.component.drains:
        progress(f"stopping {name}")
        return await process.stop(final=final)
    seconds = supervisor.settings.drain_seconds
    progress(f"draining {name} for {seconds:g} s")
    process.set_state(State.DRAINING)
    try:
        await set_server_state(supervisor.settings.layout.haproxy_socket, name, "drain")
    except HaproxyUnavailable as error:
        progress(f"the load balancer was not told: {error}")
    return await process.stop(final=final, within_seconds=seconds + process.component.stop_seconds)


async def _admit(supervisor: "Supervisor", process: ManagedProcess) -> None:
    """Tell the load balancer, and wait until it sends requests; a load balancer that is away learns it by itself."""
    socket, name = supervisor.settings.layout.haproxy_socket, process.component.name

    async def is_up() -> bool:
        return (await server_statuses(socket)).get(name) == "UP"

    try:
        await set_server_state(socket, name, "ready")
        problem = "" if await until(is_up, _ADMIT_SECONDS) else f"not UP within {_ADMIT_SECONDS:g} s"
    except HaproxyUnavailable as error:
        problem = str(error)
    if problem:
        supervisor.reporter.say(f"{name} is ready, but not in the load balancer: {problem}")


async def _stopped_being_ready(supervisor: "Supervisor", process: ManagedProcess) -> None:
    async def noticed() -> bool:
        return process.pid is None or not await answers(supervisor.http, process.component.ready_url)

    await until(noticed, _NOTICE_SECONDS)
