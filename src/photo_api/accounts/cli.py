"""``photo-api users``: what operators do about accounts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from photo_api.accounts.administration import disable_user, enable_user
from photo_api.accounts.schemas import normalise_email
from photo_api.config import ConfigurationError, Settings
from photo_api.database import Database, StatementFailed, open_database
from photo_api.errors import DatabaseUnavailable, NotFound
from photo_api.terminal import failed, read_settings

app = typer.Typer(help="Accounts: disable them, and enable them again.", no_args_is_help=True)

_Email = Annotated[str, typer.Argument(metavar="EMAIL", help="the account's email address")]


@app.command()
def disable(email: _Email) -> None:
    """Keep a user from logging in; the access token he has ends when it expires, his other tokens now."""
    settings = read_settings()
    if _change(settings, disable_user, email):
        typer.echo(f"disabled {email}; access tokens end within {settings.access_token_seconds} s")
    else:
        typer.echo(f"{email} is disabled already")


@app.command()
def enable(email: _Email) -> None:
    """Let a disabled user log in again."""
    typer.echo(f"enabled {email}" if _change(read_settings(), enable_user, email) else f"{email} is not disabled")


def _change(settings: Settings, change: Callable[[Database, str], Awaitable[bool]], email: str) -> bool:
    """Run ``change`` on the configured database; a foreseeable fault ends the command with one line."""
    try:
        return asyncio.run(_with_database(settings, change, normalise_email(email)))
    except PydanticCustomError:
        raise failed(ConfigurationError(f"EMAIL: {email} is not an email address")) from None
    except StatementFailed:
        raise failed(DatabaseUnavailable("the database's schema is behind; run photo-api migrate")) from None
    except (DatabaseUnavailable, NotFound) as error:
        raise failed(error) from None


async def _with_database(settings: Settings, change: Callable[[Database, str], Awaitable[bool]], email: str) -> bool:
    database = open_database(settings, on_error=lambda: None)  # this process publishes no metrics
    try:
        await database.open()
        return await change(database, email)
    finally:
        await database.close()
