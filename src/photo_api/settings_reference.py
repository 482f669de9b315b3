"""Every setting of the service, for people: ``photo-api settings``, and ``docs/reference/settings.md`` made from it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pydantic_core import PydanticUndefined

from photo_api.config import PREFIX, Settings

PAGE: Final = Path("docs/reference/settings.md")

_HEAD: Final = """# Settings of the service

Read once at start from the environment; an unknown `PHOTO_API_` variable is an error. This page is rendered from
`src/photo_api/config.py` (`make render`); `photo-api settings` prints the same.

| variable | default | what it is |
|---|---|---|
"""


class Described(NamedTuple):
    """One setting."""

    variable: str
    default: str
    description: str


def described_settings() -> Iterator[Described]:
    """All settings, in the order in which they are declared."""
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is None or default == () or default is PydanticUndefined:
            shown = "–"
        else:
            shown = str(getattr(default, "value", default))
        yield Described(PREFIX + name.upper(), shown, field.description or "")


def markdown() -> str:
    """The reference page."""
    rows = (f"| `{s.variable}` | {s.default} | {s.description} |" for s in described_settings())
    return _HEAD + "\n".join(rows) + "\n"


def main() -> int:
    """Write the page; with ``--check`` only say whether it is up to date."""
    if "--check" in sys.argv[1:]:
        if PAGE.is_file() and PAGE.read_text() == markdown():
            return 0
        sys.stderr.write(f"{PAGE} is out of date: run make render\n")
        return 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(markdown())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
