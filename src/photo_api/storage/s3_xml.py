"""The XML of S3 (API version 2006-03-01): results, listings, errors, and the one document that is sent.

What comes is not believed: a document type (and with it every entity of its own) is
refused, and what cannot be read is `MalformedAnswer`, never an exception of a parser.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from photo_api.external import errors

_ETAG = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


class MalformedAnswer(errors.MalformedAnswer):
    """No XML, or not what S3 would say: a failure of the storage, in spite of its status."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The object storage's answer cannot be read: {what}.")


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing; ``modified_seconds`` is Unix time by the storage's clock."""

    key: str
    size: int
    modified_seconds: float


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A multipart upload that was neither completed nor aborted."""

    key: str
    upload_id: str
    begun_seconds: float


def parse(document: bytes) -> Element:
    """The root element; names are without their namespace.

    Raises:
        MalformedAnswer: not well-formed, or with a document type.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, _attributes: builder.start(_local(name), {})
    parser.EndElementHandler = lambda name: builder.end(_local(name))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        # Storage that takes long may send spaces first, to keep the connection.
        parser.Parse(document.lstrip(), True)  # noqa: FBT003 - expat takes it by position only
        return builder.close()
    except expat.ExpatError as error:
        raise MalformedAnswer(f"no XML: {expat.ErrorString(error.code)}") from None
    except AssertionError:  # the builder's word for a document without elements
        raise MalformedAnswer("an empty document") from None


def text(element: Element, name: str, default: str | None = None) -> str:
    """The text of the child called ``name``; without a ``default`` it must be there (`MalformedAnswer`)."""
    found = element.findtext(name)
    if found is not None:
        return found
    if default is None:
        raise MalformedAnswer(f"no {name} in {element.tag}")
    return default


def etag(value: str) -> str:
    """An etag without its quotes, as the service keeps them; none at all is `MalformedAnswer`."""
    bare = value.strip().strip('"')
    if not _ETAG.fullmatch(bare):
        raise MalformedAnswer("no etag")
    return bare


def etag_of(headers: Mapping[str, str]) -> str:
    """The etag that an answer's headers give to the object."""
    return etag(headers.get("ETag", ""))


def objects_of(page: Element) -> Iterator[Listed]:
    """The objects of a ``ListBucketResult``."""
    for found in page.iterfind("Contents"):
        yield Listed(text(found, "Key"), _whole(text(found, "Size")), _unix_seconds(text(found, "LastModified")))


def uploads_of(page: Element) -> Iterator[Unfinished]:
    """The uploads of a ``ListMultipartUploadsResult``."""
    for found in page.iterfind("Upload"):
        yield Unfinished(text(found, "Key"), text(found, "UploadId"), _unix_seconds(text(found, "Initiated")))


def completion(etags: Sequence[str]) -> bytes:
    """The body of CompleteMultipartUpload: the parts' etags in order, the first of part 1."""
    parts = "".join(
        f'<Part><PartNumber>{number}</PartNumber><ETag>"{part}"</ETag></Part>'
        for number, part in enumerate(etags, start=1)
    )
    return f'<CompleteMultipartUpload xmlns="{_NAMESPACE}">{parts}</CompleteMultipartUpload>'.encode()


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _refuse_document_type(*_declaration: object) -> None:
    raise MalformedAnswer("a document type, which S3 has none of")


def _whole(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise MalformedAnswer("a size that is no number")
    return int(value)


def _unix_seconds(value: str) -> float:
    """``2026-11-23T02:15:00.000Z`` → Unix time."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise MalformedAnswer("a time that is none") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
