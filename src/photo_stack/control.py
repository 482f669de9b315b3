"""Commands to a running stack, over a UNIX socket in its data directory that only its owner can open.

A client sends one JSON line ``{"command": "drain", "name": "api-1"}``, a ``fault`` with ``"told"`` (what the server is
told) and ``"for_seconds"`` too, and reads JSON lines: ``{"progress": "…"}`` any number of times, then ``{"ok": true,
"message": "…"}`` or ``{"ok": false, "message": "…"}``; for ``status`` the answer carries ``"state"``, the document of
``stack.json``.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from photo_stack.errors import CommandRefused, NotRunning, StackError
from photo_stack.layout import Layout

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """A command; ``told`` and ``for_seconds`` are a fault's."""

    command: str
    name: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    for_seconds: float = 0.0

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Raises ValueError, KeyError or TypeError for what is none."""
        sent = json.loads(line)
        return cls(
            str(sent["command"]), sent.get("name"), dict(sent.get("told", {})), float(sent.get("for_seconds", 0.0))
        )


Handler = Callable[[Request, Progress], Awaitable[dict[str, Any]]]

_MAX_LINE_BYTES = 1 << 20
_REQUEST_SECONDS = 5.0
_FAREWELL_SECONDS = 2.0


class ControlServer:
    """The supervisor's side.

    Args:
        layout: where the socket is.
        handle: ``handle(request, progress)`` returns the answer's fields, or raises StackError.
    """

    def __init__(self, layout: Layout, handle: Handler) -> None:
        self._path = layout.control_socket
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. The data directory's lock is held, so a socket found there belongs to a supervisor that died."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, self._path, limit=_MAX_LINE_BYTES)
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening; whoever still waits gets a moment for the answer."""
        if self._server is None:
            return
        self._server.close()
        self._path.unlink(missing_ok=True)
        if self._conversations:
            await asyncio.wait(self._conversations, timeout=_FAREWELL_SECONDS)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(self._talk(reader, writer))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def send(message: dict[str, Any]) -> None:
            if not writer.is_closing():
                writer.write(json.dumps(message).encode() + b"\n")

        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                line = await reader.readline()
            if line:
                request = Request.read(line)
                send({"ok": True, **await self._handle(request, lambda text: send({"progress": text}))})
        except StackError as error:
            send({"ok": False, "message": str(error)})
        except (ValueError, KeyError, TypeError, AttributeError):
            send({"ok": False, "message": "not a command of photo-stack"})
        except TimeoutError:
            send({"ok": False, "message": f"no command within {_REQUEST_SECONDS:g} s"})
        finally:
            with contextlib.suppress(OSError):
                await writer.drain()
            writer.close()


async def ask(
    layout: Layout,
    command: str,
    name: str | None = None,
    *,
    seconds: float,
    progress: Progress = lambda _: None,
    **more: Any,  # noqa: ANN401 - a fault's fields
) -> dict[str, Any]:
    """Send one command and wait for its answer, at most ``seconds``.

    Raises:
        NotRunning: nobody listens.
        CommandRefused: in the supervisor's own words, or no answer in time.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(layout.control_socket, limit=_MAX_LINE_BYTES)
    except OSError:
        raise NotRunning(f"no stack runs on {layout.data}") from None
    try:
        async with asyncio.timeout(seconds):
            writer.write(json.dumps({"command": command, "name": name, **more}).encode() + b"\n")
            await writer.drain()
            while line := await reader.readline():
                message: dict[str, Any] = json.loads(line)
                if "progress" in message:
                    progress(str(message["progress"]))
                elif message.get("ok"):
                    return message
                else:
                    raise CommandRefused(str(message.get("message")))
        raise CommandRefused(f"the stack ended before it answered; log file: {layout.log_file('supervisor')}")
    except TimeoutError:
        raise CommandRefused(
            f"{command} was not finished within {seconds:g} s; log file: {layout.log_file('supervisor')}"
        ) from None
    except OSError as error:
        raise CommandRefused(f"the stack ended before it answered: {error}") from None
    finally:
        writer.close()
