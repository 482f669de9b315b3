"""The local receiver of Alertmanager's webhooks: a readable line for each alert, and a JSON line in a file.

Run as ``python -m photo_stack.receiver``. ``POST /alerts`` takes alerts, ``POST /watchdog`` the Watchdog, which is a
dead man's switch: it is spoken of when it begins, when it falls silent, and when it is back.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from aiohttp import web

KST = timezone(timedelta(hours=9), "KST")

_MAX_BODY_BYTES = 1 << 20
_MAX_FILE_BYTES = 16 << 20
_MAX_LINE_CHARACTERS = 600
_MAX_REMEMBERED = 1_000


class Alerts:
    """Writes what arrives; remembers each alert's last status, so that a repetition reads as one.

    Args:
        file: JSON lines are appended here; beyond 16 MiB it becomes ``FILE.1``.
        watchdog_seconds: silence of the Watchdog that is reported.
    """

    def __init__(self, file: Path, watchdog_seconds: float) -> None:
        self._file = file
        self._watchdog_seconds = watchdog_seconds
        self._last: dict[str, tuple[str, str]] = {}
        self._watchdog_at: float | None = None
        self._watchdog_silent = False

    def receive(self, payload: dict[str, Any]) -> None:
        """One webhook: a group of alerts, each firing or resolved."""
        now = datetime.now(UTC)
        for alert in payload["alerts"]:
            repeated = self._is_repeated(alert)
            line = alert_line(alert, now, repeated=repeated)
            # Alertmanager may send the end of an alert more than once; a reminder that it still fires is worth a line.
            if alert["status"] == "firing" or not repeated:
                _say(line)
            self._append({"received_at": now.isoformat(), "line": line, **_record(alert)})

    def watchdog(self, payload: dict[str, Any]) -> None:
        """The Watchdog fires (the pipeline works) or is resolved (its rule is gone)."""
        if all(alert["status"] == "resolved" for alert in payload["alerts"]):
            return  # silence follows, and is reported as such
        if self._watchdog_at is None:
            _say(f"{_clock(datetime.now(UTC))} Watchdog arrived: Prometheus, Alertmanager and receiver are connected")
        elif self._watchdog_silent:
            _say(f"{_clock(datetime.now(UTC))} Watchdog is back")
        self._watchdog_at = time.monotonic()
        self._watchdog_silent = False

    async def watch(self) -> None:
        """Report, once, that the Watchdog fell silent."""
        while True:
            await asyncio.sleep(min(5.0, self._watchdog_seconds / 4))
            if self._watchdog_at is None or self._watchdog_silent:
                continue
            silence = time.monotonic() - self._watchdog_at
            if silence > self._watchdog_seconds:
                self._watchdog_silent = True
                _say(
                    f"{_clock(datetime.now(UTC))} Watchdog SILENT for {silence:.0f} s:"
                    " alerts may not be delivered; look at prometheus and alertmanager"
                )

    def _is_repeated(self, alert: dict[str, Any]) -> bool:
        key, event = str(alert["fingerprint"]), (str(alert["status"]), str(alert["startsAt"]))
        repeated = self._last.pop(key, None) == event
        self._last[key] = event
        if len(self._last) > _MAX_REMEMBERED:
            del self._last[next(iter(self._last))]
        return repeated

    def _append(self, record: dict[str, Any]) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._file.stat().st_size > _MAX_FILE_BYTES:
                self._file.replace(self._file.with_name(self._file.name + ".1"))
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def alert_line(alert: dict[str, Any], now: datetime, *, repeated: bool = False) -> str:
    """Time, status, severity, name, instance, summary and since when; one line, printable characters, KST."""
    labels, annotations = alert["labels"], alert["annotations"]
    start = datetime.fromisoformat(alert["startsAt"])
    if alert["status"] == "resolved":
        status = "RESOLVED"
        when = f"{_clock(start)} – {_clock(datetime.fromisoformat(alert['endsAt']))}"
    else:
        status = "STILL FIRING" if repeated else "FIRING"
        when = f"since {_clock(start)}"
    words = [_clock(now), status, labels.get("severity", "no-severity"), labels.get("alertname", "?")]
    if "instance" in labels:
        words.append(labels["instance"])
    summary = annotations.get("summary") or annotations.get("description") or "(no summary)"
    text = f"{' '.join(words)}: {summary} ({when})"
    return "".join(character if character.isprintable() else " " for character in text)[:_MAX_LINE_CHARACTERS]


def _record(alert: dict[str, Any]) -> dict[str, Any]:
    labels = alert["labels"]
    return {
        "status": alert["status"],
        "alertname": labels.get("alertname"),
        "severity": labels.get("severity"),
        "instance": labels.get("instance"),
        "labels": labels,
        "annotations": alert["annotations"],
        "starts_at": alert["startsAt"],
        "ends_at": alert["endsAt"] if alert["status"] == "resolved" else None,
        "fingerprint": alert["fingerprint"],
    }


def _clock(moment: datetime) -> str:
    return moment.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S KST")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def application(alerts: Alerts) -> web.Application:
    """The receiver's HTTP side; a body that is no webhook of Alertmanager is answered 400."""

    async def alerts_page(request: web.Request) -> web.Response:
        return await _handle(request, alerts.receive)

    async def watchdog_page(request: web.Request) -> web.Response:
        return await _handle(request, alerts.watchdog)

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    async def watching(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(alerts.watch())
        yield
        task.cancel()

    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.add_routes(
        [
            web.post("/alerts", alerts_page),
            web.post("/watchdog", watchdog_page),
            web.get("/-/ready", ready),
            web.get("/", ready),
        ]
    )
    app.cleanup_ctx.append(watching)
    return app


async def _handle(request: web.Request, take: Callable[[dict[str, Any]], None]) -> web.Response:
    try:
        take(await request.json())
    except (ValueError, KeyError, TypeError, AttributeError):
        return web.Response(status=400, text="not a webhook of Alertmanager\n")
    return web.Response(text="ok\n")


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="photo_stack.receiver", description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--watchdog-seconds", type=float, required=True)
    arguments = parser.parse_args()
    # Errors of the web server itself belong into the log file; standard output is for alerts.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    web.run_app(
        application(Alerts(arguments.file, arguments.watchdog_seconds)),
        host=arguments.host,
        port=arguments.port,
        print=None,
        access_log=None,
        shutdown_timeout=1.0,
    )


if __name__ == "__main__":
    main()
