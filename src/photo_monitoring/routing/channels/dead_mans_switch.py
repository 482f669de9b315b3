"""A dead man's switch: a service outside that calls people when the Watchdog's messages stop coming."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from photo_monitoring.routing import options
from photo_monitoring.routing.answers import expect, expect_adapter, post
from photo_monitoring.routing.channel import Channel, Key, Place, Secret, Test
from photo_monitoring.routing.webhooks import payload


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMansSwitch(Channel):
    """The Watchdog every five minutes. Set the service to call after 15 minutes without."""

    name = "dead_mans_switch"
    title = "Dead man's switch"
    integration = "webhook"
    takes = ()
    example: ClassVar[Mapping[str, object]] = {"url_file": "/etc/photo-monitoring/dead-mans-switch-url"}

    url: Annotated[Secret | None, Key("The address to report to, itself a secret; an adapter reads it")] = None
    endpoint: Annotated[str | None, Key("Instead of it, an address that is no secret", options.url)] = None
    credentials: Annotated[Secret | None, Key("The token for `endpoint`, as `Authorization: Bearer`")] = None
    adapter_url: Annotated[str, Key("Where `photo-monitoring dead-mans-switch-adapter` listens", options.url)] = (
        "http://127.0.0.1:9097"
    )

    def __post_init__(self) -> None:
        """Refuse a switch that nothing would reach."""
        if (self.url is None) == (self.endpoint is None):
            msg = "needs either url_file (or url_env), or endpoint"
            raise ValueError(msg)
        if self.endpoint is None and self.credentials is not None:
            msg = "credentials go with endpoint"
            raise ValueError(msg)

    @property
    def address(self) -> str:
        """Where Alertmanager reports."""
        return self.endpoint or f"{self.adapter_url.rstrip('/')}/watchdog"

    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """Firing alone: the end of the Watchdog must not count as a sign of life."""
        config: dict[str, Any] = {"send_resolved": False, "url": self.address}
        if self.credentials:
            config["http_config"] = {"authorization": {"credentials_file": place.secret_file(self, "credentials")}}
        return {"webhook_configs": [config]}

    def rendered_secrets(self) -> tuple[str, ...]:
        """The token; the address is the adapter's."""
        return ("credentials",) if self.credentials else ()

    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """Any answer of 2xx will do; the adapter says what the service said."""
        token = secrets.get("credentials")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await post(self.address, payload(message), headers=headers, secrets=secrets.values())
        if self.endpoint is None:
            expect_adapter(answer)
        else:
            expect(answer, range(200, 300), "channels.dead_mans_switch.endpoint and credentials_file")


CHANNEL = DeadMansSwitch
