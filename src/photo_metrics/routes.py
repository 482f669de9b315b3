"""Which route template a request belongs to, from a table built once from the application's routes.

The scope's `route.path` is of no use: current FastAPI leaves out the prefix that `include_router` adds, and before
routing (in a rate limiter, in an exception handler) there is none. The table follows Starlette's own order: the first
route whose path and method match, else the first whose path matches (that is the 405), else nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from photo_metrics.asgi import Scope

NO_ROUTE = "none"
"""The template of a request that no route matches."""

UNDOCUMENTED = "OTHER"
"""The template of routes that the API description leaves out."""

_PARAMETER = re.compile(r"{[a-zA-Z_][a-zA-Z0-9_]*(?::([a-zA-Z_][a-zA-Z0-9_]*))?}")
_ONE_SEGMENT = frozenset({"", "str", "int", "float", "uuid"})
_ANY_METHOD = ""


@dataclass(frozen=True, slots=True)
class DeclaredRoute:
    """A route of the API description: template, method, and the status of its success."""

    template: str
    method: str
    success_status: int


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str  # as declared, convertors included, to see how many segments it spans
    regex: re.Pattern[str]
    methods: frozenset[str] | None  # None: any
    template: str
    success_status: int = 200
    mounted: RouteTable | None = None

    def accepts(self, method: str) -> bool:
        return self.methods is None or method in self.methods


class Application(Protocol):
    """What the table needs of an application."""

    @property
    def routes(self) -> Sequence[object]:
        """The routes, in the order in which they are tried."""


class _Route(Protocol):
    # Starlette's Route and Mount, and FastAPI's effective contexts; `methods` and `routes` are there or not.
    path: str
    path_format: str
    path_regex: re.Pattern[str]
    methods: Collection[str] | None
    routes: Sequence[object] | None


class RouteTable:
    """Resolves (method, path) to a route template in about a microsecond."""

    def __init__(self, entries: Sequence[_Entry], root_path: str = "") -> None:
        """Index the entries; `from_fastapi` makes them."""
        self.root_path = root_path.rstrip("/")
        self._entries = tuple(entries)
        self._static = {entry.path: self._by_method(entry.path) for entry in entries if "{" not in entry.path}
        self._wild: list[_Entry] = []
        self._indexed: dict[tuple[str, int], list[_Entry]] = {}
        self._index()

    @classmethod
    def from_fastapi(cls, app: Application) -> RouteTable:
        """The table of a FastAPI or Starlette application as it is now: call it after the last `include_router`.

        Routes by host name are not looked into: their requests are NO_ROUTE.
        """
        return cls(list(_entries(app.routes, "")), getattr(app, "root_path", ""))

    def resolve(self, method: str, path: str) -> str:
        """The template of the route that would answer; NO_ROUTE if none would. `path` is without a root path."""
        by_method = self._static.get(path)
        if by_method is not None:
            return by_method.get(method) or by_method[_ANY_METHOD]
        end = path.find("/", 1)
        first = path[1:end] if end > 0 else path[1:]
        return _first_match(self._indexed.get((first, path.count("/")), self._wild), method, path)

    def resolve_scope(self, scope: Scope) -> str:
        """The template for an ASGI HTTP scope; a root path is taken off as Starlette does."""
        path: str = scope["path"]
        root = self.root_path or scope.get("root_path")
        if not root and (by_method := self._static.get(path)) is not None:  # as `resolve` does, a call sooner
            return by_method.get(scope["method"]) or by_method[_ANY_METHOD]
        if root and path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}:
            path = path[len(root) :]
        return self.resolve(scope["method"], path)

    def declared(self) -> Iterator[DeclaredRoute]:
        """The routes of the API description, one for each template and method, in order."""
        seen: set[tuple[str, str]] = set()
        for entry in self._entries:
            if entry.mounted is not None:
                yield from entry.mounted.declared()
            elif entry.template != UNDOCUMENTED:
                for method in sorted(entry.methods or {"GET"}):
                    if (entry.template, method) not in seen:
                        seen.add((entry.template, method))
                        yield DeclaredRoute(entry.template, method, entry.success_status)

    @property
    def templates(self) -> frozenset[str]:
        """Every value that `resolve` may give."""
        return frozenset(route.template for route in self.declared()) | {NO_ROUTE, UNDOCUMENTED}

    def _by_method(self, path: str) -> Mapping[str, str]:
        methods = {method for entry in self._entries for method in entry.methods or ()}
        return {method: _first_match(self._entries, method, path) for method in (_ANY_METHOD, *methods)}

    def _index(self) -> None:
        dynamic = [entry for entry in self._entries if "{" in entry.path]
        keys = {entry: _index_key(entry.path) for entry in dynamic}
        self._wild = [entry for entry in dynamic if keys[entry] is None]
        for key in keys.values():
            if key is not None:
                # Order decides between routes, so entries without a key keep their place among those with one.
                self._indexed[key] = [entry for entry in dynamic if keys[entry] in {key, None}]


def _index_key(path: str) -> tuple[str, int] | None:
    """(first segment, number of slashes) of every path that the template matches; None where that is not fixed."""
    if not all(convertor in _ONE_SEGMENT for convertor in _PARAMETER.findall(path)):
        return None
    first = path[1:].partition("/")[0]
    return None if "{" in first else (first, path.count("/"))


def _first_match(entries: Iterable[_Entry], method: str, path: str) -> str:
    partial = None
    for entry in entries:
        match = entry.regex.match(path)
        if match is None:
            continue
        if entry.mounted is not None:
            return entry.mounted.resolve(method, f"/{match.group('path')}")
        if entry.accepts(method):
            return entry.template
        if partial is None:
            partial = entry.template
    return partial or NO_ROUTE


def _entries(routes: Iterable[object], prefix: str) -> Iterator[_Entry]:
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield from _entry(route, prefix)
        else:  # an included router: its routes with the prefix applied
            for context in contexts():
                yield from _entry(getattr(context, "starlette_route", None) or context, prefix)


def _entry(candidate: object, prefix: str) -> Iterator[_Entry]:
    if getattr(candidate, "path_regex", None) is None:
        return
    route = cast("_Route", candidate)
    if hasattr(route, "routes"):  # a mount
        inner = list(_entries(route.routes or (), prefix + route.path_format.removesuffix("/{path}")))
        path = f"{route.path}/{{path:path}}"
        if inner:
            yield _Entry(path, route.path_regex, None, NO_ROUTE, mounted=RouteTable(inner))
        else:
            yield _Entry(path, route.path_regex, None, UNDOCUMENTED)
    elif hasattr(route, "methods"):  # what has none is a web socket
        documented = getattr(route, "include_in_schema", True)
        methods = frozenset(route.methods) if route.methods else None
        template = prefix + route.path_format if documented else UNDOCUMENTED
        yield _Entry(route.path, route.path_regex, methods, template, getattr(route, "status_code", None) or 200)
