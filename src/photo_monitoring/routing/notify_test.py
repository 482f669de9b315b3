"""A marked message to each channel through a running Alertmanager, and what became of it.

Alertmanager tells nobody whether a message arrived; its counters do (`alertmanager_notification_requests_total` and
`…_failed_total`, by integration). Channels of one integration are therefore tried one after another. Where a message
failed, the provider is asked directly for the reason; and also where another alert's message went the same way
meanwhile, since the one that was taken may have been that.
"""

import asyncio
import json
import re
import secrets as random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from photo_monitoring.configuration.settings import SYSTEM, Settings
from photo_monitoring.criteria import Severity, Text
from photo_monitoring.routing import words
from photo_monitoring.routing.answers import without_secrets
from photo_monitoring.routing.channel import Channel, Refused, Test
from photo_monitoring.routing.routes import TEST_LABEL, WATCHDOG
from photo_monitoring.routing.secrets import SecretMissing, read
from photo_monitoring.routing.webhooks import TEST_ALERT

if TYPE_CHECKING:
    import aiohttp

DEFAULT_URL: Final = "http://127.0.0.1:9093"
SECONDS: Final = 45.0
"""How long a message may take: an Alertmanager of a pair waits 15 s for the other, a retried one takes 10 s."""

_LOOK_EVERY_SECONDS: Final = 0.2
_SETTLED_SECONDS: Final = 1.0
"""What was counted sooner may be another alert's message."""
_PATIENCE_SECONDS: Final = 3.0
"""A provider that refused may take the next attempt."""
_SLOW_SECONDS: Final = 8.0
_FIRES_FOR: Final = timedelta(minutes=5)
_REQUESTS: Final = "alertmanager_notification_requests_total"
_REFUSED: Final = "alertmanager_notification_requests_failed_total"
_BEGUN: Final = "alertmanager_notifications_total"
_GIVEN_UP: Final = "alertmanager_notifications_failed_total"
_USER: Final = re.compile(r"//[^/]*@")


class Unreachable(Exception):
    """No Alertmanager answers; the text is one line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a channel's test: `cause` says why it failed; seconds until it was delivered, where it was."""

    channel: str
    cause: str | None = None
    firing_seconds: float | None = None
    resolved_seconds: float | None = None
    refused: int = 0

    @property
    def delivered(self) -> bool:
        """Whether both messages arrived."""
        return self.cause is None

    def __str__(self) -> str:
        """Say it in one line."""
        if self.cause is not None:
            return f"{self.channel:18}FAILED     {self.cause}"
        times = [f"firing after {self.firing_seconds:.1f} s"]
        times.append(
            "resolved is not sent" if self.resolved_seconds is None else f"resolved {self.resolved_seconds:.1f} s"
        )
        retried = f"; {self.refused} attempts before it were refused" if self.refused else ""
        return f"{self.channel:18}delivered  {', '.join(times)}{retried}"


class _Failed(Exception):
    """A message was not delivered; the text says why."""


class _Counts(NamedTuple):
    """An integration's requests and how many of them failed; messages begun and how many of them were given up."""

    requests: int
    refused: int
    begun: int
    given_up: int

    def since(self, before: "_Counts") -> "_Counts":
        return _Counts(*(now - then for now, then in zip(self, before, strict=True)))

    @property
    def taken(self) -> int:
        return self.requests - self.refused


class _Alertmanager:
    """A running Alertmanager, over its API and its metrics."""

    def __init__(self, session: "aiohttp.ClientSession", url: str) -> None:
        self._session, self._url = session, url.rstrip("/")
        self._shown = f"Alertmanager at {_USER.sub('//', self._url)}"

    async def _call(self, method: str, path: str, body: object = None) -> str:
        import aiohttp  # noqa: PLC0415 - as in `run`

        try:
            async with self._session.request(method, f"{self._url}{path}", json=body) as response:
                text = await response.text()
        except TimeoutError as error:
            msg = f"{self._shown} does not answer"
            raise Unreachable(msg) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            msg = f"{self._shown} cannot be reached: start it, or name another with --alertmanager"
            raise Unreachable(msg) from error
        if response.status != 200:
            msg = f"{self._shown} answers {response.status} to {path}: is it an Alertmanager?"
            raise Unreachable(msg)
        return text

    async def configuration(self) -> str:
        """Return its `alertmanager.yml`, in which it has blotted out secrets."""
        path = "/api/v2/status"
        text = await self._call("GET", path)
        try:
            return str(json.loads(text)["config"]["original"])
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{self._shown} answers {path} with something else: is it an Alertmanager?"
            raise Unreachable(msg) from error

    async def post(self, alert: dict[str, Any]) -> None:
        await self._call("POST", "/api/v2/alerts", [alert])

    async def counts(self, integration: str) -> _Counts:
        """Return what it has counted since it started."""
        page = await self._call("GET", "/metrics")
        wanted = f'integration="{integration}"'

        def total(name: str) -> int:
            lines = (line for line in page.splitlines() if line.startswith(f"{name}{{") and wanted in line)
            return sum(int(float(line.rpartition(" ")[2])) for line in lines)

        return _Counts(total(_REQUESTS), total(_REFUSED), total(_BEGUN), total(_GIVEN_UP))

    async def since(self, before: _Counts, integration: str) -> _Counts:
        """Return what it has counted since then; a success only where a second look confirms it.

        It counts a failure after its request, and reads its counters one after another for a page.
        """
        found = (await self.counts(integration)).since(before)
        return (await self.counts(integration)).since(before) if found.taken > 0 else found


class _Trial:
    """One channel's test."""

    def __init__(self, channel: Channel, settings: Settings, alertmanager: _Alertmanager, seconds: float) -> None:
        self.channel, self.settings, self.alertmanager, self.seconds = channel, settings, alertmanager, seconds
        self.began = datetime.now(UTC)
        self.run = random.token_hex(4)
        self.refused = 0

    def text(self, text: Text) -> str:
        return text.in_language(self.settings.lang).format(channel=self.channel.title)

    def alert(self, *, over: bool) -> dict[str, Any]:
        ends = datetime.now(UTC) if over else self.began + _FIRES_FOR
        return {
            "labels": {
                "alertname": TEST_ALERT,
                "severity": Severity.NONE.value,
                "system": SYSTEM,
                TEST_LABEL: self.channel.name,
                "run": self.run,
            },
            "annotations": {
                "summary": self.text(words.TEST_SUMMARY),
                "description": self.text(words.TEST_DESCRIPTION),
                "runbook_url": f"{self.settings.runbooks}/{WATCHDOG}",
                "dashboard_url": f"{self.settings.dashboards}/{SYSTEM}-pipeline",
            },
            "startsAt": self.began.isoformat(),
            "endsAt": ends.isoformat(),
        }

    async def deliver(self, *, over: bool) -> float:
        """Post the alert and wait until it was delivered; return the seconds that took. `_Failed` says why it was not.

        Alertmanager tries again for ten seconds at least, and tells nobody why: the provider is asked soon after the
        first attempt failed, or when there was none for long.
        """
        integration, began = self.channel.integration, time.monotonic()
        before = await self.alertmanager.counts(integration)
        await self.alertmanager.post(self.alert(over=over))
        asked: asyncio.Task[str | None] | None = None
        ask_at, over_at = began + _SLOW_SECONDS, began + self.seconds
        try:
            while (now := time.monotonic()) < over_at:
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
                found = await self.alertmanager.since(before, integration)
                if found.taken > 0 and now >= began + _SETTLED_SECONDS:
                    seconds = time.monotonic() - began
                    if found.begun > 1 and (reason := await self.reason()):
                        raise _Failed(reason)
                    self.refused += found.refused
                    return seconds
                if found.refused > 0:
                    ask_at = min(ask_at, now + _PATIENCE_SECONDS)
                if asked is None and (now >= ask_at or found.given_up > 0):
                    asked = asyncio.create_task(self.reason())
                if asked is not None and asked.done() and (asked.result() or found.given_up > 0):
                    break
            reason = await asked if asked is not None else None
        finally:
            if asked is not None:
                asked.cancel()
        raise _Failed(reason or self.unexplained(over=over))

    def unexplained(self, *, over: bool) -> str:
        return (
            f"Alertmanager did not deliver the {'resolved' if over else 'firing'} message, though {self.channel.title}"
            " takes messages from here: look at Alertmanager's log; can it read its secrets, and reach the provider?"
        )

    async def take_place(self) -> Delivery:
        """Test the channel."""
        name = self.channel.name
        if f'{TEST_LABEL}="{name}"' not in await self.alertmanager.configuration():
            cause = f"the running Alertmanager does not know [channels.{name}]: render, give it the files, reload it"
            return Delivery(channel=name, cause=cause)
        resolved = None
        try:
            firing = await self.deliver(over=False)
            if self.channel.takes:
                resolved = await self.deliver(over=True)
        except _Failed as error:
            return Delivery(channel=name, cause=str(error))
        finally:
            await self.alertmanager.post(self.alert(over=True))
        return Delivery(channel=name, firing_seconds=firing, resolved_seconds=resolved, refused=self.refused)

    async def reason(self) -> str | None:
        """Ask the provider why it does not take messages; None where it does."""
        found: dict[str, str] = {}
        for name, secret in self.channel.secrets().items():
            try:
                found[name] = read(f"channels.{self.channel.name}.{name}", secret)
            except SecretMissing as error:
                if name in self.channel.rendered_secrets():
                    return str(error)  # else an adapter has it, perhaps elsewhere
        message = Test(
            title=f"[{self.text(words.TEST)}] {self.text(words.TEST_SUMMARY)}",
            text=self.text(words.TEST_DESCRIPTION),
            link=self.settings.dashboards,
            fingerprint=f"{TEST_ALERT}-{self.run}",
        )
        try:
            await self.channel.ask(found, message)
        except Refused as refusal:
            return without_secrets(str(refusal), found.values(), longest=400)
        return None


async def run(
    channels: Iterable[Channel],
    settings: Settings,
    url: str,
    *,
    seconds: float = SECONDS,
    say: Callable[[Delivery], None] = lambda _: None,
) -> list[Delivery]:
    """Test the channels, those of different integrations at once; `say` hears of each as it ends.

    Raises `Unreachable` where no Alertmanager answers at `url`.
    """
    import aiohttp  # noqa: PLC0415 - no other command needs it

    by_integration: dict[str, list[Channel]] = {}
    for channel in channels:
        by_integration.setdefault(channel.integration, []).append(channel)
    timeout = aiohttp.ClientTimeout(total=10.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        alertmanager = _Alertmanager(session, url)
        await alertmanager.configuration()

        async def one_after_another(group: Sequence[Channel]) -> list[Delivery]:
            found = []
            for channel in group:
                found.append(await _Trial(channel, settings, alertmanager, seconds).take_place())
                say(found[-1])
            return found

        waiting: list[Awaitable[list[Delivery]]] = [one_after_another(group) for group in by_integration.values()]
        return [delivery for group in await asyncio.gather(*waiting) for delivery in group]
