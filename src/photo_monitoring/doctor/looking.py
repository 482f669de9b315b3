"""Looking at everything that was named: pages several times, Prometheus once."""

import asyncio
from collections.abc import Sequence

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.doctor import workers
from photo_monitoring.doctor.addresses import Address, CannotLookError, base_address, described_api, metrics_address
from photo_monitoring.doctor.fetching import Fetcher
from photo_monitoring.doctor.server import PrometheusLook
from photo_monitoring.doctor.world import Server, Source, World, role_of_page, samples_by_role


class NoLookError(Exception):
    """What could not be looked at: `problems` has a line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


async def _source(fetcher: Fetcher, address: Address) -> Source:
    seen = await workers.look(lambda: fetcher.page(address))
    return Source(address.shown, seen.page, seen.workers, await fetcher.openapi_paths(described_api(address)))


async def look(metrics: Sequence[str], prometheus: str | None, settings: Settings, seconds: float = 10.0) -> World:
    """Look at pages and at Prometheus; `NoLookError` when any of them cannot be looked at, with all the reasons.

    Each question has `seconds` for its answer.
    """
    problems: list[str] = []
    addresses: list[Address] = []
    base: Address | None = None
    for text in metrics:
        try:
            addresses.append(metrics_address(text))
        except CannotLookError as error:
            problems.append(str(error))
    try:
        base = None if prometheus is None else base_address(prometheus)
    except CannotLookError as error:
        problems.append(str(error))
    sources: dict[str, list[Source]] = {}
    server: Server | None = None
    async with Fetcher(seconds) as fetcher:
        found = await asyncio.gather(*(_source(fetcher, one) for one in addresses), return_exceptions=True)
        samples = samples_by_role(settings)
        for one in found:
            if isinstance(one, CannotLookError):
                problems.append(str(one))
            elif isinstance(one, BaseException):
                raise one
            else:
                sources.setdefault(role_of_page(one.page, samples), []).append(one)
        if base is not None:
            try:
                server, kept = await PrometheusLook(fetcher, base, settings).look()
            except CannotLookError as error:
                problems.append(str(error))
            else:
                for role, source in kept.items():
                    sources.setdefault(role, []).append(source)
    if problems:
        raise NoLookError(problems)
    return World(settings=settings, sources={role: tuple(own) for role, own in sources.items()}, server=server)
