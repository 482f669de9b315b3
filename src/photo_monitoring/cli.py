"""The command `photo-monitoring`: render the monitoring, and check it."""

from pathlib import Path
from typing import Annotated

import typer

from photo_monitoring import documents, explain, validate
from photo_monitoring import render as rendering
from photo_monitoring.settings import Language, Settings

DEFAULT_OUT = Path("deploy/monitoring")
DEFAULT_REFERENCE = Path("docs/reference")

app = typer.Typer(
    help="The monitoring of the Photo API as code: renders the rules and proves them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _settings(lang: Language, time_scale: float) -> Settings:
    try:
        return Settings(lang=lang, time_scale=time_scale)
    except ValueError as error:
        typer.echo(f"photo-monitoring: {error}", err=True)
        raise typer.Exit(2) from error


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder that gets the rendered files.")] = DEFAULT_OUT,
    lang: Annotated[Language, typer.Option(help="Language of the alerts' texts.")] = "ko",
    time_scale: Annotated[float, typer.Option(help="Divide windows, `for` and intervals by this, for drills.")] = 1.0,
    reference: Annotated[Path | None, typer.Option(help="Folder that gets the reference pages, if any.")] = None,
) -> None:
    """Write the rule files below the output folder, and the reference pages where that is the default one."""
    settings = _settings(lang, time_scale)
    if reference is None and out == DEFAULT_OUT:
        reference = DEFAULT_REFERENCE
    try:
        changed = [out / path for path in rendering.write_all(out, settings)]
        if reference is not None:
            changed += documents.write_reference(reference)
    except OSError as error:
        typer.echo(f"photo-monitoring: cannot write {error.filename}: {error.strerror}; choose another --out", err=True)
        raise typer.Exit(1) from error
    for path in changed:
        typer.echo(f"changed  {path}")
    typer.echo(f"{len(rendering.render_all(settings))} rule files rendered, {len(changed)} files changed")


@app.command()
def check(
    out: Annotated[Path, typer.Option(help="Folder with the rendered files.")] = DEFAULT_OUT,
    lang: Annotated[Language, typer.Option(help="Language the files were rendered in.")] = "ko",
    reference: Annotated[Path, typer.Option(help="Folder with the reference pages.")] = DEFAULT_REFERENCE,
) -> None:
    """Check the rendered files, the declarations, and every alert's tests; exit code 1 when something is wrong."""
    settings = _settings(lang, 1.0)
    wrong = 0
    for result in validate.run_checks(out, reference, settings):
        mark = "ok" if not result.problems else "FAILED"
        typer.echo(f"{mark:7}{result.name}: {result.detail}")
        for problem in result.problems:
            typer.echo(f"       {problem}")
        wrong += len(result.problems)
    if wrong:
        raise typer.Exit(1)


@app.command("explain")
def explain_alert(
    alert: Annotated[str, typer.Argument(help="The alert's name, such as HighErrorRate.")],
    lang: Annotated[Language, typer.Option(help="Language of the texts.")] = "ko",
) -> None:
    """Say what an alert watches, when it fires and what to do then."""
    try:
        typer.echo(explain.explain(alert, _settings(lang, 1.0)), nl=False)
    except explain.UnknownAlertError as error:
        typer.echo(f"photo-monitoring: {error}", err=True)
        raise typer.Exit(2) from error
