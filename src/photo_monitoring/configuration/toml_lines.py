"""On which line of a TOML file a key stands: `tomllib` reads values, but tells no lines.

The text must be valid TOML. Tables, arrays of tables, dotted and quoted keys are found; what stands inside an array or
an inline table has the line of its key.
"""

import re
from typing import Final

Path = tuple[str, ...]

_PART: Final = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.?)""")
# What matters while skipping a value: strings (which may hold anything), comments, brackets, the end of a line.
_VALUE: Final = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'{3}.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*|[\[{]|[\]}]|\n|[^"'\#\[\]{}\n]+''',
    re.DOTALL,
)


def _key(text: str, position: int) -> tuple[Path, int]:
    parts: list[str] = []
    while match := _PART.match(text, position):
        quoted, literal, bare, dot = match.groups()
        parts.append(next(part for part in (quoted, literal, bare) if part is not None))
        position = match.end()
        if not dot:
            break
    return tuple(parts), position


def _after_value(text: str, position: int) -> int:
    """Return where the line begins that follows the value at `position`."""
    depth = 0
    while match := _VALUE.match(text, position):
        part, position = match.group(), match.end()
        if part in {"[", "{"}:
            depth += 1
        elif part in {"]", "}"}:
            depth -= 1
        elif part == "\n" and depth == 0:
            break
    return position


def lines_of_keys(text: str) -> dict[Path, int]:
    """Return path of keys → number of the line (from 1) where it was first written."""
    found: dict[Path, int] = {}
    table: Path = ()
    position = 0
    while position < len(text):
        while position < len(text) and text[position] in " \t\r":
            position += 1
        if position == len(text):
            break
        line = text.count("\n", 0, position) + 1
        if text.startswith(("#", "\n"), position):
            position = _after_value(text, position)
            continue
        header = text.startswith("[", position)
        path, end = _key(text, position + (2 if text.startswith("[[", position) else int(header)))
        table = path if header else table
        whole = path if header else table + path
        for length in range(1, len(whole) + 1):
            found.setdefault(whole[:length], line)
        position = text.find("\n", end) + 1 or len(text) if header else _after_value(text, end)
    return found


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Return the line of a path, or of the nearest table around it; 1 where there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1
