"""A backup's directory: readable by its owner alone, and whole or not there.

::

    manifest.json             what there is, written last
    tables/<table>.jsonl      a row a line: a JSON array in the order of the manifest's columns
    objects/<shard>/<key>     a sealed object's bytes; SHA-256 and size are its row's in ``photos``

All values are text, integers or null, so that the same files fill SQLite and PostgreSQL.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from photo_api.config import ConfigurationError
from photo_api.ids import ID_PATTERN

FORMAT: Final = 1
Objects = Literal["copy", "check"]
_KEY: Final = re.compile(ID_PATTERN)


class TableFile(BaseModel):
    """One table of a backup."""

    model_config = ConfigDict(frozen=True)

    name: str
    columns: tuple[str, ...]
    rows: int
    sha256: str


class Manifest(BaseModel):
    """What a backup holds."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1]
    service: str
    """Name and version of what made it."""
    created_at: str
    revision: str
    """The schema's."""
    tables: tuple[TableFile, ...]
    objects: Objects
    """Whether objects were copied, or only looked at where they are."""
    object_count: int
    object_bytes: int
    deleted_meanwhile: tuple[str, ...]
    """Keys of photos that were deleted between the snapshot of the rows and the copy of their objects."""
    lost: tuple[str, ...]
    """Keys of photos whose object was missing or damaged already."""


class BadBackup(ConfigurationError):
    """A directory holds no whole backup of this service, or cannot take one; the message says which."""


class TableWriter:
    """Writes one table's file."""

    def __init__(self, directory: Path, name: str, columns: Sequence[str]) -> None:
        self._name = name
        self._columns = tuple(columns)
        self._file = private_file(directory / "tables" / f"{name}.jsonl")
        self._sha256 = hashlib.sha256()
        self._rows = 0

    def add(self, values: Sequence[Any]) -> None:
        """Write a row."""
        line = orjson.dumps(list(values), option=orjson.OPT_APPEND_NEWLINE)
        self._sha256.update(line)
        self._file.write(line)
        self._rows += 1

    def close(self) -> TableFile:
        """Bring it to disk."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        return TableFile(name=self._name, columns=self._columns, rows=self._rows, sha256=self._sha256.hexdigest())


def read_table(directory: Path, table: TableFile, batch: int) -> Iterator[list[list[Any]]]:
    """A table's rows, ``batch`` at a time.

    Raises:
        BadBackup: the file is not the one that was written; only at its end is that known.
    """
    path = directory / "tables" / f"{table.name}.jsonl"
    sha256 = hashlib.sha256()
    rows: list[list[Any]] = []
    try:
        with path.open("rb") as file:
            for line in file:
                sha256.update(line)
                rows.append(orjson.loads(line))
                if len(rows) == batch:
                    yield rows
                    rows = []
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadBackup(f"{path} cannot be read ({error}); use another backup") from None
    if sha256.hexdigest() != table.sha256:
        raise BadBackup(f"{path} is not as it was written (its SHA-256 differs); use another backup")
    if rows:
        yield rows


def verify_tables(directory: Path, tables: Iterable[TableFile]) -> None:
    """Read every table to its end; raises `BadBackup` where one is not as it was written."""
    for table in tables:
        for _ in read_table(directory, table, 1_000):
            pass


def rows_of(directory: Path, table: TableFile) -> Iterator[dict[str, Any]]:
    """A table's rows by column."""
    for batch in read_table(directory, table, 1_000):
        for row in batch:
            yield dict(zip(table.columns, row, strict=True))


def object_path(directory: Path, key: str) -> Path:
    """Where an object lies; raises `BadBackup` for what is no key of ours, and could be another place."""
    if not _KEY.fullmatch(key):
        raise BadBackup(f"{key!r} is no key of an object; use another backup")
    return directory / "objects" / key[-2:] / key


def read_manifest(directory: Path) -> Manifest:
    """What a backup holds; raises `BadBackup`."""
    path = directory / "manifest.json"
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise BadBackup(f"{directory} is no whole backup: it has no manifest.json") from None
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is of another format"
        raise BadBackup(f"{path} cannot be read ({reason}); use another backup") from None


@contextmanager
def new_backup(target: Path) -> Iterator[Path]:
    """A directory to fill; at the end of the block it becomes ``target``, and goes where the block fails.

    Raises:
        BadBackup: ``target`` is there and not empty, or the place cannot be written.
    """
    target = target.absolute()
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise BadBackup(f"{target} is not empty; name a new directory")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))  # mode 700
    except OSError as error:
        raise BadBackup(f"cannot write beside {target} ({error.strerror}); name another directory") from None
    try:
        for name in ("tables", "objects"):
            (partial / name).mkdir(mode=0o700)
        yield partial
        for directory in (partial / "tables", *(partial / "objects").iterdir(), partial / "objects", partial):
            sync_directory(directory)
        partial.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise BadBackup(f"cannot write {target} ({error.strerror or error}); nothing was left there") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest, last."""
    path = directory / "manifest.json"
    with private_file(path) as file:
        file.write(orjson.dumps(manifest.model_dump(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())


def private_file(path: Path) -> BufferedWriter:
    """A new file that only its owner reads: rows have password hashes, and pictures are somebody's."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def sync_directory(path: Path) -> None:
    """What was made or renamed in a directory survives a power cut only after this."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
