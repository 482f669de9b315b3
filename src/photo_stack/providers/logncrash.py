"""A local Log & Crash Search: enforces the contract of the collector's API (v2), and shows what it took.

Run as ``python -m photo_stack.providers.logncrash`` with the app key in ``LOGNCRASH_APP_KEY``.

- ``POST /v2/log``: one entry or an array of them, as the documentation says; faults by `photo_stack.providers.faults`;
- ``PUT /-/entries`` ``{"containing": "text", "times": 2}``: entries with that text are refused so many times, each with
  a success in the header (``times`` null: always); ``DELETE`` ends it;
- ``GET /-/logs?containing=text&limit=100``: how many entries were taken, and the latest of them;
  ``DELETE`` forgets them; ``GET /-/ready``.

Where the documentation is silent: an answer that refuses is 200 with ``isSuccessful`` false, 400 for a body that is no
JSON and 413 for one beyond 52 MB.
"""

import argparse
import os
import re
import sys
from collections import deque
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from photo_stack.providers.faults import FaultSwitch
from photo_stack.providers.serving import serve

APP_KEY_VARIABLE: Final = "LOGNCRASH_APP_KEY"
MAX_REQUEST_BYTES: Final = 52_000_000
MAX_ENTRY_BYTES: Final = 8_388_608
MAX_TEXT_BYTES: Final = 1_048_576
MAX_CUSTOM_BYTES: Final = 1_024
_KEPT_ENTRIES: Final = 10_000
_KEPT_BYTES: Final = 32 * 1024 * 1024

_VERSION: Final = re.compile(r"[A-Za-z0-9,._-]+")
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TEXTS: Final = frozenset(
    {"projectName", "projectVersion", "logVersion", "body", "logSource", "logType", "host", "sendTime", "logLevel"}
)


class EntryFaults(BaseModel):
    """Entries that are refused, one by one."""

    model_config = ConfigDict(extra="forbid")

    containing: str = ""
    times: int | None = Field(None, ge=1)


class Collector:
    """Judges entries and keeps the latest that it took, 10,000 and 32 MiB at most."""

    def __init__(self, app_key: str) -> None:
        self._app_key = app_key
        self._kept: deque[bytes] = deque()
        self._bytes = 0
        self._taken = 0
        self._faults: EntryFaults | None = None
        self._refused: dict[bytes, int] = {}

    def application(self) -> web.Application:
        """The HTTP side."""
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        FaultSwitch().install(app)
        app.add_routes(
            [
                web.post("/v2/log", self._collect),
                web.get("/-/logs", self._show),
                web.delete("/-/logs", self._forget),
                web.put("/-/entries", self._refuse_entries),
                web.delete("/-/entries", self._take_entries),
                web.get("/-/ready", self._ready),
            ]
        )
        return app

    async def _collect(self, request: web.Request) -> web.Response:
        try:
            sent = orjson.loads(await request.read())
        except web.HTTPRequestEntityTooLarge:
            return _refusal("the request is beyond 52 MB", 413)
        except orjson.JSONDecodeError:
            return _refusal("the request is no JSON", 400)
        if not isinstance(sent, list):
            reason = self._take(sent)
            return _refusal(reason, 200) if reason else _answer({"header": _header("")})
        results = [self._take(entry) for entry in sent]
        data = {
            "total": len(results),
            "errors": sum(1 for reason in results if reason),
            "resultList": [{"isSuccessful": not reason, "resultMessage": reason or "Success"} for reason in results],
        }
        return _answer({"header": _header(""), "body": {"data": data}})

    def _take(self, entry: object) -> str:
        """Keep an entry; why not, if it is refused."""
        if not isinstance(entry, dict):
            return "a log is a JSON object"
        line = orjson.dumps(entry)
        reason = self.refusal(entry) or self._injected(entry)
        if len(line) > MAX_ENTRY_BYTES:
            reason = "a log is beyond 8 MB"
        if reason:
            return reason
        self._kept.append(line)
        self._bytes += len(line)
        self._taken += 1
        while len(self._kept) > _KEPT_ENTRIES or self._bytes > _KEPT_BYTES:
            self._bytes -= len(self._kept.popleft())
        return ""

    def refusal(self, entry: dict[str, Any]) -> str:
        """Why the contract refuses an entry; empty if it does not."""
        name = entry.get("projectName")
        if name != self._app_key:
            return f"The project({name}) is not registered"
        if entry.get("logVersion") != "v2":
            return f"LogVersion Mismatch: {entry.get('logVersion')}, /v2/log"
        version = entry.get("projectVersion")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            return "projectVersion has other characters than A-Z, a-z, 0-9 and ,-._"
        return next((reason for key, value in entry.items() if (reason := _fault_of_field(key, value))), "")

    def _injected(self, entry: dict[str, Any]) -> str:
        line = orjson.dumps(entry | {"lncBulkIndex": 0})  # the same entry has another place in another bulk
        if self._faults is None or self._faults.containing.encode() not in line:
            return ""
        if self._faults.times is not None:
            refused = self._refused.get(line, 0)
            if refused >= self._faults.times or len(self._refused) >= _KEPT_ENTRIES:
                return ""
            self._refused[line] = refused + 1
        return "the entry was refused, as was wished"

    async def _show(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", "100")
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= _KEPT_ENTRIES:
            return web.Response(status=400, text=f"limit must be 1 to {_KEPT_ENTRIES}\n")
        wanted = request.query.get("containing", "").encode()
        found = [line for line in self._kept if wanted in line][-int(limit) :]
        return _answer({"taken": self._taken, "logs": [orjson.loads(line) for line in found]})

    async def _forget(self, _: web.Request) -> web.Response:
        self._kept.clear()
        self._bytes = self._taken = 0
        return _answer({})

    async def _refuse_entries(self, request: web.Request) -> web.Response:
        try:
            self._faults = EntryFaults.model_validate_json(await request.read())
        except ValidationError as error:
            return web.Response(status=400, text=f"not what entries can be refused by: {error.error_count()} faults\n")
        self._refused = {}
        return _answer(self._faults.model_dump())

    async def _take_entries(self, _: web.Request) -> web.Response:
        self._faults = None
        return _answer({})

    async def _ready(self, _: web.Request) -> web.Response:
        return web.Response(text="ready\n")


def _fault_of_field(key: str, value: object) -> str:
    """Why one field is refused; empty if it is not."""
    if not _KEY.fullmatch(key):
        return f"the key {key[:50]!r} must begin with a letter and have letters, digits, - and _ only"
    if key == "lncBulkIndex" or key.startswith("long"):
        return "" if isinstance(value, int) and not isinstance(value, bool) else f"{key} must be a long"
    if key.startswith("double"):
        return "" if isinstance(value, int | float) and not isinstance(value, bool) else f"{key} must be a double"
    if not isinstance(value, str):
        return f"{key} must be a string"
    if key == "sendTime" and not value.isdigit():
        return "sendTime must be a Unix time"
    limit = MAX_ENTRY_BYTES if key in _TEXTS else MAX_TEXT_BYTES if key.startswith("txt") else MAX_CUSTOM_BYTES
    return f"{key} is beyond {limit} bytes" if len(value.encode()) > limit else ""


def _header(reason: str) -> dict[str, Any]:
    return {"isSuccessful": not reason, "resultCode": 400 if reason else 0, "resultMessage": reason or "Success"}


def _refusal(reason: str, status: int) -> web.Response:
    return _answer({"header": _header(reason)}, status)


def _answer(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type="application/json")


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="photo_stack.providers.logncrash", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    app_key = os.environ.get(APP_KEY_VARIABLE)
    if not app_key:
        sys.stderr.write(f"logncrash: {APP_KEY_VARIABLE} must be set to the app key\n")
        return 1
    serve(Collector(app_key).application(), arguments.host, arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
