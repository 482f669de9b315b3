"""Whether a regular expression of a matcher asks for anything at all: one that holds for any value silences everything.

The expression is read, not run: Alertmanager's syntax is RE2's, and Python's own would take for ever over some of it.
"""

import re
from typing import Final

_OPENING: Final = re.compile(r"\((?:\?(?:P?<\w+>|[imsU-]*:|[imsU-]*(?=\))))?")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_FEW: Final = re.compile(r"\[[^\]\\^\[-]+\]")
_ESCAPE: Final = re.compile(r"\\(?:[pP](?:\{[^}]*\}|.)|x\{[^}]*\}|.)", re.DOTALL)
_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")
# What stands for a whole kind of characters, or for none.
_KINDS: Final = frozenset("AbBCdDEpPQsSwWz")
_OPTIONAL: Final = re.compile(r"[*?]|\{0+[,}]")


def needs_a_letter(pattern: str) -> bool:
    """Tell whether whatever an expression (RE2) matches has a character that the expression names.

    `.*`, `.+.*`, `a?.*`, `|api-1` and `[^x]*` name none; `api-.+` and `5[0-9]{2}` do.
    """
    outer: list[tuple[bool, bool]] = []
    every_branch, this_branch = True, False
    place = 0
    while place < len(pattern):
        if pattern[place] == "|":
            every_branch, this_branch = every_branch and this_branch, False
            place += 1
            continue
        if pattern[place] == "(":
            outer.append((every_branch, this_branch))
            every_branch, this_branch = True, False
            place = _end(_OPENING, pattern, place)
            continue
        if pattern[place] == ")" and outer:
            named = every_branch and this_branch
            every_branch, this_branch = outer.pop()
            place += 1
        else:
            named, place = _atom(pattern, place)
        while quantifier := _QUANTIFIER.match(pattern, place):
            named = named and not _OPTIONAL.match(quantifier.group())
            place = quantifier.end()
        this_branch = this_branch or named
    return every_branch and this_branch


def _atom(pattern: str, place: int) -> tuple[bool, int]:
    """Read one atom: whether it names a character, and where the next one begins."""
    first = pattern[place]
    if first == "[":
        return bool(_FEW.match(pattern, place)), _end(_CLASS, pattern, place)
    if first == "\\":
        return pattern[place + 1 : place + 2] not in _KINDS, _end(_ESCAPE, pattern, place)
    return first not in ".^$", place + 1


def _end(shape: re.Pattern[str], pattern: str, place: int) -> int:
    """Return where a part ends; what has not its shape is no expression, which Alertmanager will say."""
    found = shape.match(pattern, place)
    return found.end() if found else place + 1
