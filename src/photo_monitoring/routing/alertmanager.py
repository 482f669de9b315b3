"""Settings → the files that Alertmanager 0.25 loads: `alertmanager.yml`, its templates, its secrets."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from photo_monitoring.configuration.settings import LANGUAGES
from photo_monitoring.routing import inhibition, routes, secrets
from photo_monitoring.routing.channel import Place
from photo_monitoring.routing.channels import CHANNELS
from photo_monitoring.routing.routes import LocalWebhook
from photo_monitoring.routing.templates import render_templates, template_file
from photo_monitoring.yaml_text import HEADER, to_yaml

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

CONFIG: Final = Path("alertmanager.yml")


def _local(local: Iterable[LocalWebhook]) -> list[dict[str, Any]]:
    receivers = []
    for one in local:
        receivers.append({"name": one.name, "webhook_configs": [{"url": one.url, "send_resolved": True}]})
        if one.watchdog_url:
            watchdog = {"url": one.watchdog_url, "send_resolved": True}
            receivers.append({"name": one.watchdog_name, "webhook_configs": [watchdog]})
    return receivers


def document(
    settings: "Settings", *, secrets_folder: str | None = None, local: Iterable[LocalWebhook] = ()
) -> dict[str, Any]:
    """Return `alertmanager.yml` as a document; a channel that is not set is not in it."""
    beside = list(local)
    place = Place(settings=settings, secrets=secrets_folder or settings.secrets_folder)
    people = [{"name": channel.name, **channel.receiver(place)} for channel in settings.channels]
    found: dict[str, Any] = {
        "templates": [str(template_file(settings.lang))],
        "route": routes.tree(settings, beside),
        "inhibit_rules": inhibition.rules(settings),
        "receivers": [{"name": routes.NOBODY}, *_local(beside), *people],
    }
    if routes.is_quiet(settings) and any("mute_time_intervals" in route for route in found["route"]["routes"]):
        found["time_intervals"] = [settings.quiet_hours.time_interval()]
    return found


def render_alertmanager(
    settings: "Settings", *, secrets_folder: str | None = None, local: Iterable[LocalWebhook] = ()
) -> dict[Path, str]:
    """Return path below Alertmanager's folder → text of every file but the secrets; the same settings, the same bytes.

    `settings.time_scale` divides every wait (and leaves out quiet hours), for drills. `secrets_folder` is where
    Alertmanager finds the secrets' files, absolute (it reads relative ones from its working directory); else
    `settings.secrets_folder`. `local` are receivers beside the channels: each gets every alert but the Watchdog, day
    and night, and the Watchdog at an address of its own.
    """
    files = {CONFIG: HEADER + to_yaml(document(settings, secrets_folder=secrets_folder, local=local))}
    return files | {template_file(lang): render_templates(settings, lang) for lang in LANGUAGES}


def write_alertmanager(
    folder: Path, settings: "Settings", *, local: Iterable[LocalWebhook] = (), environ: Mapping[str, str] | None = None
) -> list[str]:
    """Write all that an Alertmanager on this machine needs into `folder`, secrets (mode 600) included.

    Returns one line for each secret that cannot be read: without it Alertmanager runs, but its channel delivers
    nothing. OSError where `folder` cannot be written. Alertmanager is then started with
    `--config.file=<folder>/alertmanager.yml`.
    """
    target = folder.absolute()
    rendered = render_alertmanager(settings, secrets_folder=str(target / secrets.SECRETS), local=local)
    found, problems = secrets.for_alertmanager(settings.channels, **({} if environ is None else {"environ": environ}))
    secrets.write(target, found, settings.channels)
    for path, text in rendered.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        draft = (target / path).with_name(f".{path.name}.new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(target / path)
    return problems


def left_out(settings: "Settings") -> list[str]:
    """Return one line for each channel that is not set, and one for what an operator should know of those that are."""
    present = {channel.name for channel in settings.channels}
    lines = [
        f"{CHANNELS[name].title} is left out: there is no [channels.{name}]" for name in CHANNELS if name not in present
    ]
    return lines + [f"{one.title}: {one.notice}" for one in settings.channels if one.notice]
