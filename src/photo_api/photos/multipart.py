"""multipart/form-data (RFC 7578) as a stream of parts, over python-multipart's parser.

Nothing is buffered but what one chunk of the body holds: a part's data is handed on as it comes.
"""

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from photo_api.errors import InvalidInput, MalformedRequest, UnsupportedMediaType

MAX_PARTS: Final = 16
_MAX_HEADERS: Final = 8
_MAX_HEADER_BYTES: Final = 2_048
_SLICE_BYTES: Final = 64 * 1024

_Event = tuple[str, bytes, bytes]
"""What happened, the header's name, and the header's value or the data."""


class Part:
    """One part: its name, its file name and type where it is a file, and its data, once."""

    def __init__(self, headers: dict[bytes, bytes], events: "_Events") -> None:
        disposition, options = parse_options_header(headers.get(b"content-disposition"))
        if disposition != b"form-data" or b"name" not in options:
            raise MalformedRequest("A part of the form has no name.")
        self.name = _text(options[b"name"])
        self.filename = _text(options[b"filename"]) if b"filename" in options else None
        self.content_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        self._events = events

    async def chunks(self) -> AsyncIterator[bytes]:
        """The part's data."""
        while True:
            kind, _, data = await self._events.next()
            if kind == "part_end":
                return
            yield data

    async def text(self, max_bytes: int) -> str:
        """The part's data as UTF-8.

        Raises:
            InvalidInput: longer than ``max_bytes``, or not UTF-8.
        """
        data = bytearray()
        async for chunk in self.chunks():
            data += chunk
            if len(data) > max_bytes:
                raise InvalidInput(f"The field {self.name!r} is too long.")
        return _text(bytes(data))


async def parts_of(content_type: str, body: AsyncIterator[bytes], max_overhead_bytes: int) -> AsyncIterator[Part]:
    """The parts of a form; each must be read to its end before the next is asked for.

    ``max_overhead_bytes`` bounds what comes outside of the parts' data: boundaries, headers, preamble.

    Raises:
        UnsupportedMediaType: the body is no form.
        MalformedRequest: it is a bad one, or has too many parts.
    """
    media_type, options = parse_options_header(content_type)
    if media_type != b"multipart/form-data":
        raise UnsupportedMediaType("Send multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise MalformedRequest("The Content-Type names no boundary.")
    events = _Events(boundary, body, max_overhead_bytes)
    for _ in range(MAX_PARTS + 1):
        headers = await events.next_headers()
        if headers is None:
            return
        yield Part(headers, events)
    raise MalformedRequest("The form has too many parts.")


class _Events:
    """What the parser says, one thing at a time: headers, data, the end of a part, the end of the form."""

    def __init__(self, boundary: bytes, body: AsyncIterator[bytes], max_overhead_bytes: int) -> None:
        self._body = body
        self._waiting: deque[_Event] = deque()
        self._left = max_overhead_bytes
        self._name = b""
        self._value = b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": lambda: self._waiting.append(("headers_finished", b"", b"")),
                    "on_part_data": self._on_data,
                    "on_part_end": lambda: self._waiting.append(("part_end", b"", b"")),
                    "on_end": lambda: self._waiting.append(("end", b"", b"")),
                },
                max_header_count=_MAX_HEADERS,
                max_header_size=_MAX_HEADER_BYTES,
            )
        except FormParserError:
            raise MalformedRequest("The form's boundary is too long.") from None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._waiting.append(("header", self._name.lower(), self._value))
        self._name = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._left += end - start
        self._waiting.append(("data", b"", data[start:end]))

    async def next(self) -> _Event:
        """The next event; reads the body where there is none waiting."""
        while not self._waiting:
            chunk = await anext(self._body, None)
            if chunk is None:
                raise MalformedRequest("The form ends before its last boundary.")
            for start in range(0, len(chunk), _SLICE_BYTES):
                self._feed(chunk[start : start + _SLICE_BYTES])
        return self._waiting.popleft()

    def _feed(self, piece: bytes) -> None:
        self._left -= len(piece)
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise MalformedRequest("The form is not well-formed.") from None
        if self._left < 0:
            raise MalformedRequest("The form has too much beside its parts.")

    async def next_headers(self) -> dict[bytes, bytes] | None:
        """The headers of the next part, or ``None`` at the end of the form."""
        headers: dict[bytes, bytes] = {}
        while True:
            kind, name, value = await self.next()
            if kind == "end":
                return None
            if kind == "headers_finished":
                return headers
            headers[name] = value


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidInput("A text in the form is not UTF-8.") from None
