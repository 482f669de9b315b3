"""PromQL as a tree: what a condition needs depends on its `and`, `or` and `unless`, which a list of selectors loses.

Covers what our declarations use and what Prometheus prints of them (https://prometheus.io/docs/prometheus/latest/querying).
Two spellings of an expression give equal trees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from photo_monitoring import durations, promql
from photo_monitoring.promql import Matcher, Token

_AGGREGATIONS: Final = frozenset(
    {"sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"}
)
_PRECEDENCE: Final = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(("==", "!=", ">", "<", ">=", "<="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
_UNARY: Final = 5


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, or a text that a function takes."""

    value: float | str


@dataclass(frozen=True, slots=True)
class Vector:
    """A selector; its window and offset in seconds (None: instant), the matchers sorted."""

    metric: str
    matchers: tuple[Matcher, ...]
    window: float | None = None
    offset: float = 0.0

    @property
    def reach(self) -> float:
        """How far back the oldest sample is that it takes, in seconds."""
        return self.offset + (self.window or 0.0)

    def value(self, label: str) -> str | None:
        """Return what a label must be equal to, None where no matcher says so."""
        return next((one.value for one in self.matchers if one.label == label and one.operator == "="), None)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """An aggregation, and the labels that it keeps (with `without`: drops)."""

    operator: str
    arguments: tuple["Node", ...]
    labels: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; `matching` is how their labels meet, as written."""

    operator: str
    left: "Node"
    right: "Node"
    matching: tuple[tuple[str, tuple[str, ...]], ...] = ()


Node = Constant | Vector | Call | Aggregation | Binary


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = promql.tokens(text)
        self._position = 0

    def _peek(self, ahead: int = 0) -> Token:
        position = self._position + ahead
        return self._tokens[position] if position < len(self._tokens) else promql.END

    def _take(self, expected: str | None = None) -> Token:
        token = self._peek()
        if token is promql.END or (expected is not None and token.text != expected):
            msg = f"expected {expected or 'more'} at {token.text!r}, token {self._position} of the expression"
            raise ValueError(msg)
        self._position += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._peek().text.lower() != text or self._peek().kind == "text":
            return False
        self._position += 1
        return True

    def parse(self) -> Node:
        node = self._expression(0)
        if self._peek() is not promql.END:
            msg = f"cannot read on at {self._peek().text!r}"
            raise ValueError(msg)
        return node

    def _expression(self, minimum: int) -> Node:
        left = self._unary()
        while True:
            operator = self._peek().text.lower()
            precedence = _PRECEDENCE.get(operator, 0) if self._peek().kind != "text" else 0
            if precedence <= minimum:
                return left
            self._take()
            matching = tuple(self._matching())
            right = self._expression(precedence - 1 if operator == "^" else precedence)
            left = Binary(operator, left, right, matching)

    def _matching(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        if self._accept("bool"):
            yield "bool", ()
        for word in ("on", "ignoring", "group_left", "group_right"):
            if self._accept(word):
                yield word, self._labels() if self._peek().text == "(" else ()

    def _labels(self) -> tuple[str, ...]:
        self._take("(")
        names = []
        while not self._accept(")"):
            names.append(self._take().text)
            self._accept(",")
        return tuple(names)

    def _unary(self) -> Node:
        if self._accept("-"):
            operand = self._expression(_UNARY)
            if isinstance(operand, Constant) and isinstance(operand.value, float):
                return Constant(-operand.value)
            return Binary("*", Constant(-1.0), operand)
        self._accept("+")
        return self._atom()

    def _atom(self) -> Node:
        token = self._take()
        if token.text == "(" and token.kind == "operator":
            node = self._expression(0)
            self._take(")")
            return node
        if token.kind == "text":
            return Constant(token.text[1:-1])
        if token.kind == "number" or token.text.lower() in {"inf", "nan"}:
            return Constant(float(token.text))
        if token.kind != "name":
            msg = f"cannot read {token.text!r}"
            raise ValueError(msg)
        if token.text.lower() in _AGGREGATIONS and self._peek().text.lower() in {"(", "by", "without"}:
            return self._aggregation(token.text.lower())
        if self._peek().text == "(":
            return Call(token.text, self._arguments())
        return self._vector(token.text)

    def _aggregation(self, operator: str) -> Node:
        grouping = self._grouping()
        arguments = self._arguments()
        word, labels = grouping or self._grouping() or ("by", ())
        return Aggregation(operator, arguments, tuple(sorted(labels)), word == "without")

    def _grouping(self) -> tuple[str, tuple[str, ...]] | None:
        for word in ("by", "without"):
            if self._accept(word):
                return word, self._labels()
        return None

    def _arguments(self) -> tuple[Node, ...]:
        self._take("(")
        found: list[Node] = []
        while not self._accept(")"):
            found.append(self._expression(0))
            if self._peek().text != ")":
                self._take(",")
        return tuple(found)

    def _vector(self, metric: str) -> Node:
        matchers = []
        if self._accept("{"):
            while not self._accept("}"):
                label, operator, value = self._take(), self._take(), self._take()
                matchers.append(Matcher(label.text, operator.text, value.text[1:-1]))
                self._accept(",")
        window, offset = None, 0.0
        if self._accept("["):
            window = durations.seconds(self._take().text)
            self._take("]")
        if self._accept("offset"):
            offset = durations.seconds(self._take().text)
        ordered = sorted(matchers, key=lambda one: (one.label, one.operator, one.value))
        return Vector(metric, tuple(ordered), window, offset)


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Read an expression; ValueError where it is none, or uses what this module does not cover (subqueries, `@`)."""
    return _Parser(text).parse()


def vectors(node: Node) -> Iterator[Vector]:
    """Yield every selector below a node."""
    if isinstance(node, Vector):
        yield node
    elif isinstance(node, Binary):
        yield from vectors(node.left)
        yield from vectors(node.right)
    elif isinstance(node, Call | Aggregation):
        for argument in node.arguments:
            yield from vectors(argument)


def is_condition(node: Node) -> bool:
    """Say whether an expression compares, or looks for what is absent: it may be empty while all it reads is there."""
    if isinstance(node, Binary):
        compares = _PRECEDENCE[node.operator] == _PRECEDENCE[">"] and ("bool", ()) not in node.matching
        return compares or is_condition(node.left) or is_condition(node.right)
    if isinstance(node, Call) and node.name.startswith("absent"):
        return True
    if isinstance(node, Call | Aggregation):
        return any(is_condition(argument) for argument in node.arguments)
    return False
