"""The command `photo-monitoring`: render the monitoring, and check it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from photo_monitoring import documents, explain, targets, validate
from photo_monitoring import render as rendering
from photo_monitoring.configuration.file import DEFAULT_NAME, ConfigError, load
from photo_monitoring.configuration.settings import Language, Settings
from photo_monitoring.console import command as console_command
from photo_monitoring.doctor import command as doctor_command
from photo_monitoring.routing import commands as routing_commands
from photo_monitoring.runbooks import view as runbook_view

DEFAULT_OUT = Path("deploy/monitoring")
DEFAULT_REFERENCE = Path("docs/reference")

app = typer.Typer(
    help="The monitoring of the Photo API as code: renders the rules and proves them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Config = Annotated[
    Path | None, typer.Option(help=f"Override file; {DEFAULT_NAME} in the working directory, if there is one.")
]
Lang = Annotated[Language | None, typer.Option(help="Language of the alerts' texts; else the override file's, or ko.")]


def _failed(problems: Iterable[str]) -> typer.Exit:
    for problem in problems:
        typer.echo(f"photo-monitoring: {problem}", err=True)
    return typer.Exit(2)


def _settings(config: Path | None, lang: Language | None, time_scale: float = 1.0) -> Settings:
    if config is None and Path(DEFAULT_NAME).exists():
        config = Path(DEFAULT_NAME)
    try:
        settings = Settings() if config is None else load(config)
        wanted: dict[str, Any] = {"time_scale": time_scale} | ({"lang": lang} if lang else {})
        return replace(settings, **wanted)
    except ConfigError as error:
        raise _failed(error.problems) from error
    except ValueError as error:
        raise _failed([str(error)]) from error


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder that gets the rendered files.")] = DEFAULT_OUT,
    config: Config = None,
    lang: Lang = None,
    time_scale: Annotated[float, typer.Option(help="Divide windows, `for` and intervals by this, for drills.")] = 1.0,
    reference: Annotated[Path | None, typer.Option(help="Folder that gets the reference pages, if any.")] = None,
    instances: Annotated[
        list[str] | None,
        typer.Option(help="NAME=HOST:PORT of an instance's metrics, for file discovery; repeat it, or use commas."),
    ] = None,
) -> None:
    """Write the rule files below the output folder, and the reference pages where that is the default one."""
    settings = _settings(config, lang, time_scale)
    try:
        named = targets.parse_instances(instances) if instances is not None else ()
    except targets.InstancesError as error:
        raise _failed(str(error).splitlines()) from error
    if reference is None and out == DEFAULT_OUT:
        reference = DEFAULT_REFERENCE
    try:
        changed = [out / path for path in rendering.write_all(out, settings, named)]
        if reference is not None:
            changed += documents.write_reference(reference, settings)
    except OSError as error:
        typer.echo(f"photo-monitoring: cannot write {error.filename}: {error.strerror}; choose another --out", err=True)
        raise typer.Exit(1) from error
    for path in changed:
        typer.echo(f"changed  {path}")
    typer.echo(f"{len(rendering.render_rules(settings=settings))} rule files rendered, {len(changed)} files changed")
    routing_commands.finish_rendering(out, settings)


@app.command()
def check(
    out: Annotated[Path, typer.Option(help="Folder with the rendered files.")] = DEFAULT_OUT,
    config: Config = None,
    lang: Lang = None,
    reference: Annotated[Path, typer.Option(help="Folder with the reference pages.")] = DEFAULT_REFERENCE,
    production: Annotated[bool, typer.Option("--production", help="Demand what a person needs to be reached.")] = False,
) -> None:
    """Check the rendered files, the declarations, and every alert's tests; exit code 1 when something is wrong."""
    settings = _settings(config, lang)
    wrong = 0
    for result in validate.run_checks(out, reference, settings, production=production):
        mark = "ok" if not result.problems else "FAILED"
        typer.echo(f"{mark:7}{result.name}: {result.detail}")
        for line in (*result.problems, *result.notes):
            typer.echo(f"       {line}")
        wrong += len(result.problems)
    if wrong:
        raise typer.Exit(1)


@app.command("explain")
def explain_alert(
    alert: Annotated[str, typer.Argument(help="The alert's name, such as HighErrorRate.")],
    config: Config = None,
    lang: Lang = None,
) -> None:
    """Say what an alert watches, when it fires (default and override), and what to do then: its runbook."""
    settings = _settings(config, lang)
    try:
        typer.echo(explain.explain(alert, settings))
        runbook_view.show(alert, settings.lang)
    except explain.UnknownAlertError as error:
        raise _failed([str(error)]) from error


console_command.register(app, _settings)
doctor_command.register(app, _settings)
routing_commands.register(app, _settings)
