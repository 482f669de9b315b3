"""What every command of ``photo-api`` does the same way: read the settings, and say in one line what is wrong."""

import typer
from rich.console import Console

from photo_api.config import ConfigurationError, Settings, load_settings

_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def failed(error: Exception) -> typer.Exit:
    """Say what is wrong, a line each, and how to leave: status 2 for settings, 1 for what is away."""
    detail = getattr(error, "detail", None) or str(error)
    for line in detail.splitlines():
        _errors.print(f"photo-api: {line}", markup=False)
    return typer.Exit(2 if isinstance(error, ConfigurationError) else 1)


def read_settings() -> Settings:
    """The settings from the environment; a bad one ends the command."""
    try:
        return load_settings()
    except ConfigurationError as error:
        raise failed(error) from None
