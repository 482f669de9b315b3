"""``photo-api users``: what operators do about accounts."""

import asyncio
from typing import Annotated, Literal

import typer

from photo_api.config import ConfigurationError, Settings
from photo_api.terminal import failed, read_settings

app = typer.Typer(help="Accounts: disable them, and enable them again.", no_args_is_help=True)

_Email = Annotated[str, typer.Argument(metavar="EMAIL", help="the account's email address")]


@app.command()
def disable(email: _Email) -> None:
    """Keep a user from logging in; the access token he has ends when it expires, his other tokens now."""
    settings = read_settings()
    if _change(settings, "disable", email):
        typer.echo(f"disabled {email}; access tokens end within {settings.access_token_seconds} s")
    else:
        typer.echo(f"{email} is disabled already")


@app.command()
def enable(email: _Email) -> None:
    """Let a disabled user log in again."""
    typer.echo(f"enabled {email}" if _change(read_settings(), "enable", email) else f"{email} is not disabled")


def _change(settings: Settings, action: Literal["disable", "enable"], email: str) -> bool:
    """Change an account in the configured database; a foreseeable fault ends the command with one line."""
    # Not above: these bring FastAPI and the database's libraries, and `photo-api --help` need not wait for them.
    from pydantic_core import PydanticCustomError  # noqa: PLC0415

    from photo_api.accounts.administration import disable_user, enable_user  # noqa: PLC0415
    from photo_api.accounts.schemas import normalise_email  # noqa: PLC0415
    from photo_api.database import SchemaBehind, StatementFailed, open_database  # noqa: PLC0415
    from photo_api.errors import DatabaseUnavailable, NotFound  # noqa: PLC0415

    async def change(address: str) -> bool:
        database = open_database(settings)
        try:
            await database.open()
            return await (disable_user if action == "disable" else enable_user)(database, address)
        finally:
            await database.close()

    try:
        return asyncio.run(change(normalise_email(email)))
    except PydanticCustomError:
        raise failed(ConfigurationError(f"EMAIL: {email} is not an email address")) from None
    except SchemaBehind:
        raise failed(DatabaseUnavailable("the database's schema is behind; run photo-api migrate")) from None
    except StatementFailed as error:
        line = f"the database refused what this command asked of it ({error}); nothing was changed"
        raise failed(DatabaseUnavailable(line)) from None
    except (DatabaseUnavailable, NotFound) as error:
        raise failed(error) from None
