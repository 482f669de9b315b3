"""Reading PromQL just far enough to check it: which series an expression selects, and what it does with them.

This is no parser: promtool parses. It finds selectors, their matchers and ranges, the functions right around them,
and the labels that aggregations and matchings name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w.]))
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<name>[a-zA-Z_:][\w:]*)
  | (?P<operator>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],@:])
    """,
    re.VERBOSE,
)
_LABEL_LISTS: Final = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_KEYWORDS: Final = {"and", "or", "unless", "offset", "bool", "atan2", "inf", "nan", "start", "end"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher of a selector."""

    label: str
    operator: str
    value: str

    def accepts(self, value: str) -> bool:
        """Say whether a label's value ("": it has none) is one that this matcher selects."""
        equal = re.fullmatch(self.value, value) is not None if "~" in self.operator else self.value == value
        return equal != self.operator.startswith("!")


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector: its metric, matchers, range (None: instant) and the function called right on it (None: none)."""

    metric: str
    matchers: tuple[Matcher, ...] = ()
    window: str | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression reads: its selectors, the labels it groups or matches by, and its text constants."""

    selectors: tuple[Selector, ...]
    labels: frozenset[str]
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (a group of the pattern above, or `end`) and its text."""

    kind: str
    text: str


END: Final = Token("end", "")


def tokens(text: str) -> list[Token]:
    """Split an expression, without white space and comments; ValueError where a character belongs to no token."""
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            msg = f"cannot read PromQL at {text[position : position + 20]!r}"
            raise ValueError(msg)
        position = match.end()
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match.group()))
    return found


class _Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.selectors: list[Selector] = []
        self.labels: set[str] = set()
        self.texts: set[str] = set()

    def at(self, position: int) -> Token:
        return self.tokens[position] if 0 <= position < len(self.tokens) else END

    def read(self) -> Expression:
        position = 0
        while position < len(self.tokens):
            token = self.at(position)
            if token.kind == "text":
                self.texts.add(token.text[1:-1])
            if token.kind == "name" and token.text.lower() in _LABEL_LISTS and self.at(position + 1).text == "(":
                position = self._label_list(position + 2)
            elif token.kind == "name" and self._is_metric(position):
                position = self._selector(position)
            else:
                position += 1
        return Expression(tuple(self.selectors), frozenset(self.labels), frozenset(self.texts))

    def _is_metric(self, position: int) -> bool:
        following = self.at(position + 1).text
        if following == "(" or following.lower() in _LABEL_LISTS:
            return False
        return self.at(position).text.lower() not in _KEYWORDS | _LABEL_LISTS

    def _label_list(self, position: int) -> int:
        while self.at(position).text not in {")", ""}:
            if self.at(position).kind == "name":
                self.labels.add(self.at(position).text)
            position += 1
        return position + 1

    def _selector(self, position: int) -> int:
        metric, start = self.at(position).text, position
        matchers = []
        position += 1
        if self.at(position).text == "{":
            position += 1
            while self.at(position).text not in {"}", ""}:
                label, operator, value = (self.at(position + offset) for offset in range(3))
                matchers.append(Matcher(label.text, operator.text, value.text[1:-1]))
                position += 3
                if self.at(position).text == ",":
                    position += 1
            position += 1
        window = None
        if self.at(position).text == "[":
            window = self.at(position + 1).text
            position += 3
        before = self.at(start - 2)
        called = before.text if self.at(start - 1).text == "(" and before.kind == "name" else None
        function = None if called is None or called in _KEYWORDS else called
        self.selectors.append(Selector(metric, tuple(matchers), window, function))
        return position


def read(text: str) -> Expression:
    """Read an expression; ValueError where a character belongs to no token."""
    return _Reader(tokens(text)).read()
