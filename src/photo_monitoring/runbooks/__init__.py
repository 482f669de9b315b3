"""The runbooks: one page an alert and language, read from the checkout or from the installed package.

The English page of `ServiceDown` is `ServiceDown.md`, the Korean one `ServiceDown.ko.md`; they link to each other by
these names.
"""

from pathlib import Path
from typing import Final

from photo_monitoring.configuration.settings import Language

_PACKAGED: Final = Path(__file__).parent / "pages"
"""Where the wheel has `docs/runbooks`."""
_CHECKOUT: Final = Path(__file__).parents[3] / "docs" / "runbooks"


class RunbookMissingError(LookupError):
    """There is no runbook of that name; the message says which file was looked for."""


def folder() -> Path:
    """Return the folder of the pages: the wheel's, or else the checkout's."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def page_name(alert: str, lang: Language) -> str:
    """Return the file name of an alert's page."""
    return f"{alert}.md" if lang == "en" else f"{alert}.{lang}.md"


def runbook(alert: str, lang: Language) -> str:
    """Return the Markdown of an alert's page; `RunbookMissingError`: there is none by that name."""
    name = page_name(alert, lang)
    # A name is a file here, never a way out of the folder.
    path = folder() / name
    if not alert.isidentifier() or not path.is_file():
        msg = f"there is no runbook {name}"
        raise RunbookMissingError(msg)
    return path.read_text(encoding="utf-8")


def has_runbook(alert: str) -> bool:
    """Return whether both pages of an alert are there."""
    return all((folder() / page_name(alert, lang)).is_file() for lang in ("ko", "en"))
