"""A runbook in the terminal."""

import sys

import typer
from rich.console import Console
from rich.markdown import Markdown

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Language
from photo_monitoring.runbooks import RunbookMissingError, runbook


def show(name: str, lang: Language) -> None:
    """Print the runbook of an alert (whatever its case): set for a terminal, else as the Markdown that it is."""
    exact = next((alert.name for alert in ALERTS if alert.name.lower() == name.lower()), name)
    try:
        text = runbook(exact, lang)
    except RunbookMissingError as error:
        typer.echo(f"{error}")
        return
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        typer.echo(text, nl=False)
