"""Every channel of ours, wired to local providers: secrets in files, adapters as processes, an Alertmanager."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from tests.support.alertmanager import Alertmanager, running_alertmanager
from tests.support.ports import free_port, wait_until
from tests.support.providers import dooray, opsgenie, pagerduty, slack, webhook
from tests.support.providers.dooray import Dooray
from tests.support.providers.mail import PASSWORD, USER, Mailbox, mail_server
from tests.support.providers.opsgenie import Opsgenie
from tests.support.providers.pagerduty import PagerDuty
from tests.support.providers.server import Provider, serving
from tests.support.providers.slack import Slack
from tests.support.providers.webhook import Webhook

from photo_monitoring.configuration.file import load
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.routing.alertmanager import write_alertmanager
from photo_monitoring.routing.routes import LocalWebhook

COMMAND = str(Path(sys.executable).with_name("photo-monitoring"))
CONSOLE = "https://monitoring.example.com/photos"
SWITCH_PATH = "/sEcReTsWiTcHpInG0000"

SECRETS = (
    slack.PATH.rpartition("/")[2],
    pagerduty.KEY,
    opsgenie.KEY,
    webhook.TOKEN,
    dooray.PATH.rpartition("/")[2],
    PASSWORD,
    SWITCH_PATH[1:],
)
"""What must be seen nowhere but at the providers."""


@dataclass(frozen=True)
class Providers:
    """Where messages arrive, and the override file that leads there."""

    config: Path
    slack: Slack
    pagerduty: PagerDuty
    opsgenie: Opsgenie
    webhook: Webhook
    dooray: Dooray
    switch: Webhook
    mail: Mailbox
    adapter_logs: tuple[Path, ...]

    def settings(self, **more: object) -> Settings:
        """The settings of the override file."""
        return replace(load(self.config), **more)  # type: ignore[arg-type]  # the caller names fields

    @property
    def every(self) -> tuple[Provider, ...]:
        """All but the mailbox."""
        return (self.slack, self.pagerduty, self.opsgenie, self.webhook, self.dooray, self.switch)

    def problems(self) -> list[str]:
        """What any provider would have refused."""
        return [problem for provider in self.every for problem in provider.problems]


def _secret(folder: Path, name: str, value: str) -> str:
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(f"{value}\n")  # as an editor leaves it
    return str(path)


@contextmanager
def adapter(name: str, config: Path, port: int, log: Path, **environ: str) -> Iterator[None]:
    """Run one of our adapters until the block ends."""
    command = [COMMAND, name, "--port", str(port), "--config", str(config)]
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **environ})
    try:
        wait_until(lambda: _answers(port) or process.poll() is not None, name, 30)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(15)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def providers(folder: Path, lang: str, *, console: str = CONSOLE, more: str = "") -> Iterator[Providers]:
    """Start every provider and adapter; write `monitoring.toml` with every channel, and `more` tables."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        start = stack.enter_context
        slack_ = start(serving(Slack()))
        pagerduty_ = start(serving(PagerDuty()))
        opsgenie_ = start(serving(Opsgenie()))
        webhook_ = start(serving(Webhook()))
        dooray_ = start(serving(Dooray()))
        switch = start(serving(Webhook(token=None)))
        switch.schema = {"type": "object"}  # type: ignore[misc]  # this one takes anything
        mail = start(mail_server(folder))
        dooray_port, switch_port = free_port(), free_port()
        config = folder / "monitoring.toml"
        config.write_text(f"""
language = "{lang}"

[urls]
console = "{console}"

[channels.slack]
url_file = "{_secret(folder, "slack-url", slack_.url + slack.PATH)}"

[channels.pagerduty]
routing_key_file = "{_secret(folder, "pagerduty-key", pagerduty.KEY)}"
url = "{pagerduty_.url}{pagerduty.PATH}"

[channels.opsgenie]
api_key_file = "{_secret(folder, "opsgenie-key", opsgenie.KEY)}"
api_url = "{opsgenie_.url}"
team = "photo on-call"

[channels.email]
smarthost = "127.0.0.1:{mail.port}"
sender = "{USER}"
to = ["team@example.com", "lead@example.com"]
username = "{USER}"
password_file = "{_secret(folder, "smtp-password", PASSWORD)}"
ca_file = "{mail.ca_file}"
severities = ["critical", "warning"]

[channels.webhook]
url = "{webhook_.url}/alerts"
credentials_file = "{_secret(folder, "webhook-token", webhook.TOKEN)}"

[channels.dooray]
url_env = "TEST_DOORAY_URL"
adapter_url = "http://127.0.0.1:{dooray_port}"

[channels.dead_mans_switch]
url_file = "{_secret(folder, "switch-url", switch.url + SWITCH_PATH)}"
adapter_url = "http://127.0.0.1:{switch_port}"
{more}""")
        logs = (folder / "dooray-adapter.log", folder / "switch-adapter.log")
        start(adapter("dooray-adapter", config, dooray_port, logs[0], TEST_DOORAY_URL=dooray_.url + dooray.PATH))
        start(adapter("dead-mans-switch-adapter", config, switch_port, logs[1]))
        yield Providers(config, slack_, pagerduty_, opsgenie_, webhook_, dooray_, switch, mail, logs)


@contextmanager
def wired(
    folder: Path, lang: str, *, time_scale: float = 1000.0, local: tuple[LocalWebhook, ...] = ()
) -> Iterator[tuple[Providers, Alertmanager]]:
    """Every channel, and an Alertmanager with the rendered configuration."""
    with providers(folder / "providers", lang) as found:
        home = folder / "alertmanager"
        assert write_alertmanager(home, found.settings(time_scale=time_scale), local=local) == []
        with running_alertmanager(home) as alertmanager:
            yield found, alertmanager
