"""`photo-monitoring notify-test`, `dooray-adapter` and `dead-mans-switch-adapter`."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photo_monitoring.configuration.settings import Language, Settings
from photo_monitoring.routing import secrets
from photo_monitoring.routing.alertmanager import left_out
from photo_monitoring.routing.channels import CHANNELS
from photo_monitoring.routing.example import EXAMPLE
from photo_monitoring.routing.files import FOLDER

if TYPE_CHECKING:
    from photo_monitoring.routing.adapters import Adapter

LoadSettings = Callable[[Path | None, Language | None], Settings]

Config = Annotated[Path | None, typer.Option(help="Override file, as for `render`.")]
Lang = Annotated[Language | None, typer.Option(help="Language of the messages; else the override file's, or ko.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]


def _failed(line: str, code: int = 2) -> typer.Exit:
    typer.echo(f"photo-monitoring: {line}", err=True)
    return typer.Exit(code)


def finish_rendering(out: Path, settings: Settings) -> None:
    """Say which channels are left out, and write secrets; the program ends when one cannot be had."""
    if not settings.configured:
        typer.echo(f"no override file: {out / FOLDER} is rendered from {EXAMPLE}, with every channel, without secrets")
        return
    for line in left_out(settings):
        typer.echo(line)
    found, problems = secrets.for_alertmanager(settings.channels)
    try:
        changed = secrets.write(out / FOLDER, found, settings.channels)
    except OSError as error:
        raise _failed(f"cannot write {error.filename}: {error.strerror}; choose another --out", 1) from error
    for path in changed:
        typer.echo(f"changed  {out / FOLDER / path}")
    for problem in problems:
        typer.echo(f"photo-monitoring: {problem}; its channel delivers nothing until it is there", err=True)
    if problems:
        raise typer.Exit(1)


def _secret_url(settings: Settings, channel: str) -> str:
    """Return the URL that a channel's adapter needs; without it, the program ends and says so."""
    found = next((one for one in settings.channels if one.name == channel), None)
    if found is None or "url" not in found.secrets():
        raise _failed(f"there is no channels.{channel}.url_file (or url_env): name the file with the address")
    try:
        url = secrets.read(f"channels.{channel}.url", found.secrets()["url"])
    except secrets.SecretMissing as error:
        raise _failed(str(error)) from None
    if not url.startswith(("https://", "http://")):
        raise _failed(f"what channels.{channel}.url names is no URL: it must begin with https://")
    return url


def _serve(adapter: "Adapter", host: str, port: int) -> None:
    from aiohttp import web  # noqa: PLC0415 - no other command needs the web server's modules

    from photo_monitoring.routing.adapters import application  # noqa: PLC0415 - as above

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    typer.echo(f"listening on http://{host}:{port}{adapter.path}")
    sys.stdout.flush()
    try:
        web.run_app(application(adapter), host=host, port=port, print=None, access_log=None, shutdown_timeout=6.0)
    except OSError as error:
        reason = "cannot be had" if error.strerror is None else error.strerror.split("]")[-1].strip()
        raise _failed(f"--host {host} --port {port}: {reason}; choose another", 1) from None


def register(app: typer.Typer, load_settings: LoadSettings) -> None:
    """Add the commands; `load_settings` reads the override file, and ends the program when it is wrong."""

    @app.command("dooray-adapter")
    def dooray_adapter(
        host: Host = "127.0.0.1",
        port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 9096,
        config: Config = None,
        lang: Lang = None,
    ) -> None:
        """Pass Alertmanager's messages on to Dooray!, until SIGTERM or Ctrl-C."""
        from photo_monitoring.routing.adapters import DoorayAdapter  # noqa: PLC0415 - needs the web server's modules

        settings = load_settings(config, lang)
        _serve(DoorayAdapter(_secret_url(settings, "dooray"), settings), host, port)

    @app.command("dead-mans-switch-adapter")
    def dead_mans_switch_adapter(
        host: Host = "127.0.0.1",
        port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 9097,
        config: Config = None,
    ) -> None:
        """Report to a dead man's switch while the Watchdog fires, until SIGTERM or Ctrl-C."""
        from photo_monitoring.routing.adapters import DeadMansSwitchAdapter  # noqa: PLC0415 - as above

        settings = load_settings(config, None)
        _serve(DeadMansSwitchAdapter(_secret_url(settings, "dead_mans_switch")), host, port)

    @app.command("notify-test")
    def notify_test(
        channel: Annotated[
            str | None, typer.Argument(help=f"One of {', '.join(CHANNELS)}; else all that are set.")
        ] = None,
        alertmanager: Annotated[str, typer.Option(help="Base URL of Alertmanager.")] = "http://127.0.0.1:9093",
        timeout: Annotated[float, typer.Option(min=1, max=600, help="Seconds that a message may take.")] = 45.0,
        as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
        config: Config = None,
        lang: Lang = None,
    ) -> None:
        """Send a test message through Alertmanager to each channel; exit code 1 when one did not arrive."""
        from photo_monitoring.routing import notify_test  # noqa: PLC0415 - needs the HTTP client's modules

        settings = load_settings(config, lang)
        wanted = [one for one in settings.channels if channel in {None, one.name}]
        if channel is not None and channel not in CHANNELS:
            raise _failed(f"no channel is called {channel}; there are {', '.join(CHANNELS)}")
        if not wanted:
            missing = "no channel is set" if channel is None else f"there is no [channels.{channel}]"
            raise _failed(f"{missing} in the override file: see docs/connect-channels.md")

        def say(delivery: notify_test.Delivery) -> None:
            if not as_json:
                typer.echo(str(delivery))

        try:
            found = asyncio.run(notify_test.run(wanted, settings, alertmanager, seconds=timeout, say=say))
        except notify_test.Unreachable as error:
            raise _failed(str(error), 1) from None
        if as_json:
            documents = [asdict(one) | {"delivered": one.delivered} for one in found]
            typer.echo(json.dumps(documents, indent=2, ensure_ascii=False))
        if not all(one.delivered for one in found):
            raise typer.Exit(1)
