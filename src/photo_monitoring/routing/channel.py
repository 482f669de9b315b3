"""What every channel is: a table of `monitoring.toml`, a receiver of Alertmanager, a way to ask the provider itself.

A channel is one module in `channels/`, which names its class `CHANNEL`; nothing else has to know it. The class is a
frozen dataclass: each field is a key of the table, annotated with what it is and how it is read.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, get_type_hints

from photo_monitoring.criteria import Severity
from photo_monitoring.routing import options

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

CRITICAL_ONLY: Final = (Severity.CRITICAL,)
BOTH: Final = options.PAGED


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is: in a file or in an environment variable; never the secret itself."""

    file: str | None = None
    env: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a channel's table: what it is in a few words, and how its value is read; None: it is a secret."""

    about: str
    read: options.Reader | None = None


class Refused(Exception):
    """A provider did not take a message; the text says why in a few words, without any secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a receiver's configuration will stand: the rendering's settings, and the folder of its secret files."""

    settings: "Settings"
    secrets: str

    def secret_file(self, channel: "Channel", name: str) -> str:
        """Return the path of a secret's file as Alertmanager reads it."""
        return f"{self.secrets}/{channel.secret_name(name)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A message that notify-test asks a provider to take: its title, its text, and the alert's dashboard."""

    __test__: ClassVar[bool] = False  # its name would make pytest collect it

    title: str
    text: str
    link: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(ABC):
    """A way to people. Class variables say how it is used; fields are what an operator sets."""

    name: ClassVar[str]
    """Its table (`[channels.<name>]`) and its receiver."""
    title: ClassVar[str]
    """What people call it."""
    integration: ClassVar[str]
    """What Alertmanager calls it in `alertmanager_notifications_total`."""
    takes: ClassVar[tuple[Severity, ...]]
    """Severities that reach it unless `severities` is set; empty: the Watchdog's channel."""
    on_call: ClassVar[bool] = False
    """Whether it wakes somebody."""
    quiet_at_night: ClassVar[bool] = True
    """Whether warnings wait until quiet hours are over."""
    digest: ClassVar[bool] = False
    """Whether warnings are gathered into a message every few hours."""
    example: ClassVar[Mapping[str, object]]
    """Keys and values that `settings.example.toml` shows set; the others it shows as comments, with their defaults."""
    notice: ClassVar[str | None] = None
    """What an operator should know, said when rendering."""

    severities: Annotated[
        tuple[Severity, ...] | None, Key("Which severities reach it, instead of the usual ones", options.severities)
    ] = None

    @abstractmethod
    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """Return the receiver's integrations as `alertmanager.yml` has them, secrets as names of files."""

    @abstractmethod
    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """Give the provider a message without Alertmanager; `Refused` says why it was not taken."""

    @property
    def wanted(self) -> tuple[Severity, ...]:
        """The severities that reach it."""
        return self.severities or self.takes

    @classmethod
    def keys(cls) -> dict[str, Key]:
        """Return field → what its key is."""
        hints = get_type_hints(cls, include_extras=True)
        return {one.name: hints[one.name].__metadata__[0] for one in fields(cls)}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return field → its default, for those that have one."""
        return {one.name: one.default for one in fields(cls) if one.default is not MISSING}

    def secrets(self) -> dict[str, Secret]:
        """Return the secrets that are set, by field."""
        return {name: getattr(self, name) for name in self.keys() if isinstance(getattr(self, name), Secret)}

    def rendered_secrets(self) -> tuple[str, ...]:
        """Return the fields whose secret Alertmanager reads from a file; the rest is read by an adapter of ours."""
        return tuple(self.secrets())

    def secret_name(self, name: str) -> str:
        """Return the file name of a secret."""
        return f"{self.name}_{name}"
