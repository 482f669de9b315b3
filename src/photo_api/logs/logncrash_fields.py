"""Our log records in the fields of NHN Log & Crash Search, within its limits.

A record is one line of JSON (`photo_api.logs.pipeline`); an entry is a JSON object. Names and limits are those of the
collector's API, v2: https://docs.nhncloud.com/en/Data%20&%20Analytics/Log%20&%20Crash%20Search/en/api-guide/
"""

import re
from datetime import datetime
from typing import Any, Final

import orjson

MAX_ENTRY_BYTES: Final = 8 * 1024 * 1024
MAX_TEXT_BYTES: Final = 1_000_000
MAX_CUSTOM_BYTES: Final = 1_000

_NOT_IN_A_VERSION: Final = re.compile(r"[^A-Za-z0-9,._-]")
_NOT_IN_A_KEY: Final = re.compile(r"[^A-Za-z0-9_-]")
_TYPED: Final = ("txt", "long", "double")
_LEVELS: Final = {"warning": "WARN", "critical": "FATAL"}
_OURS: Final = frozenset({"time", "level", "event", "node"})
_SEARCHED: Final = frozenset({"exception"})  # by any part of the text, however short
_RESERVED: Final = frozenset({
    "projectname", "projectversion", "logversion", "body", "logsource", "logtype", "host", "sendtime", "loglevel",
    "logtime", "createtime", "lncbulkindex", "lncissueid", "transactionid", "userbinarydata", "usertxtdata",
    "devicemodel", "carrier", "countrycode", "platform", "networktype", "deviceid", "sessionid", "launchedid",
    "userid", "sdkversion", "crashstyle", "symmethod", "dmpdata", "dmpreport", "freememory", "freediskspace",
    "sinkversion", "errorcode", "crashmeta", "symresult", "exceptiontype", "location",
})  # fmt: skip


class LogFields:
    """Makes entries of one project.

    Args:
        app_key: the project; required in each entry.
        version: ours; characters that the service refuses become hyphens.
        source: its ``logSource``, which people filter by.
    """

    def __init__(self, app_key: str, *, version: str, source: str) -> None:
        self._same: Final = {
            "projectName": app_key,
            "projectVersion": _NOT_IN_A_VERSION.sub("-", version),
            "logVersion": "v2",
            "logSource": source,
            "logType": "photo-api",
        }

    def entry(self, record: bytes, index: int) -> bytes | None:
        """The entry of a record, ``index`` keeping its place in a bulk; ``None`` if the service can never take it.

        ``event`` becomes the body, ``node`` the host, ``time`` the time of sending; anything else a field of its own:
        ``long_*`` or ``double_*`` for numbers, ``txt_*`` for texts beyond 1 KB (cut at 1 MB), and the plain name for
        the rest, what is nested as JSON.
        """
        try:
            values = orjson.loads(record)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(values, dict):
            return None
        level = str(values.get("level", "info"))
        entry: dict[str, Any] = {
            **self._same,
            "logLevel": _LEVELS.get(level, level.upper()),
            "body": _text(values.get("event", "")),
            "lncBulkIndex": index,
        }
        if "node" in values:
            entry["host"] = str(values["node"])
        if (sent := _milliseconds(values.get("time"))) is not None:
            entry["sendTime"] = sent
        for key, value in values.items():
            if key in _OURS or value is None:
                continue
            name, field = _custom(key, value)
            while name in entry:  # two names that differ only in what the service does not allow
                name += "_"
            entry[name] = field
        line = orjson.dumps(entry)
        return line if len(line) <= MAX_ENTRY_BYTES else None


def _milliseconds(time: object) -> str | None:
    """RFC 3339 → unix time in milliseconds, as the service's own times are."""
    try:
        return str(int(datetime.fromisoformat(str(time)).timestamp() * 1_000))
    except ValueError:
        return None


def _custom(key: str, value: object) -> tuple[str, object]:
    """A field of our own: its name, in the service's grammar, and its value in the type that the name promises."""
    name = _NOT_IN_A_KEY.sub("_", key)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return f"long_{name}", value
    if isinstance(value, float):
        return f"double_{name}", value
    text = _text(value)
    encoded = text.encode()
    if len(encoded) > MAX_CUSTOM_BYTES or key in _SEARCHED or name.lower().startswith(_TYPED):
        return f"txt_{name}", encoded[:MAX_TEXT_BYTES].decode(errors="ignore")
    if name.lower() in _RESERVED:
        return f"reserved_{name}", text
    return (name if name[:1].isalpha() else f"x{name}"), text


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
