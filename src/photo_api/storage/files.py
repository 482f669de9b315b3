"""The embedded store's files: blocking calls, made in threads.

::

    objects/temp/…                          being written, or a link held while an upload is verified
    objects/uploads/<shard>/<key>~<sha256>  complete, unsealed; the newest one of a key counts
    objects/sealed/<shard>/<key>            served

Several processes share the directory. Whatever has one of the last two names is complete and on disk (written, synced,
then renamed or linked), and its content never changes: another upload is another file, and sealing is a hard link,
which fails where there is one already. So an upload URL cannot change what is confirmed, however they race.
"""

import errno
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from photo_api.ids import ID_PATTERN, new_id
from photo_api.storage.base import StoredObject

PIECE_BYTES: Final = 256 * 1024
SHARDS: Final = tuple(f"{shard:02x}" for shard in range(256))
_KEY = re.compile(ID_PATTERN)


class NotThere(OSError):
    """The store's own directories are missing: not mounted, or removed under us."""


class ObjectFiles:
    """The files below one directory. Every method may raise `OSError`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temp = root / "temp"
        self._uploads = root / "uploads"
        self._sealed = root / "sealed"

    def prepare(self) -> None:
        """Make the directories, and see that files can be written and linked here."""
        for parent in (self._uploads, self._sealed):
            for shard in SHARDS:
                (parent / shard).mkdir(parents=True, exist_ok=True)
            _sync_directory(parent)
        self._temp.mkdir(exist_ok=True)
        _sync_directory(self._root)
        self.probe(link=True)

    def probe(self, *, link: bool = False) -> None:
        """Write and remove a small file."""
        probe = self._temp_path()
        linked = probe.with_suffix(".link")
        try:
            probe.write_bytes(b"probe")
            if link:
                os.link(probe, linked)
        finally:
            probe.unlink(missing_ok=True)
            linked.unlink(missing_ok=True)

    def create(self, key: str) -> "Draft":
        """A file to write an upload of ``key`` to."""
        return Draft(self, _checked(key), self._temp_path())

    def is_sealed(self, key: str) -> bool:
        """Whether ``key`` is served."""
        return self._sealed_path(key).exists()

    def publish(self, key: str, draft: Path, sha256: str) -> bool:
        """Give a complete, synced draft its place, in front of older uploads; false where ``key`` is sealed."""
        place = self._upload_path(key, sha256)
        draft.rename(place)
        _sync_directory(place.parent)
        if self.is_sealed(key):  # after the rename: either we see the seal, or sealing sees us and removes us
            place.unlink(missing_ok=True)
            return False
        ours = _age(place)
        for other in self._uploads_of(key):
            if ours is not None and (theirs := _age(other)) is not None and theirs < ours:
                other.unlink(missing_ok=True)
        return True

    def head(self, key: str) -> StoredObject | None:
        """The sealed object, else the newest upload, else ``None``."""
        try:
            with self._sealed_path(key).open("rb", buffering=0) as sealed:
                # Only a confirm that was cut off between sealing and committing comes here: hashing again is rare.
                return StoredObject(key, os.fstat(sealed.fileno()).st_size, _hash_of(sealed.fileno()))
        except FileNotFoundError:
            self._require(key)
        found = [(age, path) for path in self._uploads_of(key) if (age := _age(path)) is not None]
        while found:
            age, path = max(found)
            try:
                return StoredObject(key, path.stat().st_size, path.name.partition("~")[2])
            except FileNotFoundError:  # replaced since we looked; the next turn sees what replaced it, or nothing
                found.remove((age, path))
        return None

    def hold(self, upload: StoredObject) -> Path | None:
        """A link of our own to exactly that upload, so that it stays while it is read; ``None`` where it is gone."""
        held = self._temp_path()
        try:
            os.link(self._upload_path(upload.key, upload.etag), held)
        except FileNotFoundError:
            if not self._sealed_is(upload):
                return None
            os.link(self._sealed_path(upload.key), held)
        return held

    def seal(self, upload: StoredObject) -> bool:
        """Serve exactly that upload; false where it is gone, or another one is sealed."""
        target = self._sealed_path(upload.key)
        try:
            os.link(self._upload_path(upload.key, upload.etag), target)
        except (FileExistsError, FileNotFoundError):
            if not self._sealed_is(upload):
                return False
        _sync_directory(target.parent)
        for path in self._uploads_of(upload.key):
            path.unlink(missing_ok=True)
        return True

    def discard(self, upload: StoredObject) -> None:
        """Remove exactly that upload."""
        self._upload_path(upload.key, upload.etag).unlink(missing_ok=True)

    def open_sealed(self, key: str, start: int, stop: int) -> "SealedFile | None":
        """Bytes ``start`` to ``stop`` of the sealed object, or ``None`` where there is none."""
        try:
            return SealedFile(self._sealed_path(key), start, stop)
        except FileNotFoundError:
            self._require(key)
            return None

    def delete(self, key: str) -> None:
        """Remove an object: uploads first, so that no seal at the same time can make a new one after us."""
        self._require(key)
        for path in self._uploads_of(key):
            path.unlink(missing_ok=True)
        sealed = self._sealed_path(key)
        with suppress(FileNotFoundError):
            sealed.unlink()
            _sync_directory(sealed.parent)

    def remove_older(self, seconds: float) -> int:
        """Remove drafts and uploads that were last written longer ago than this; how many."""
        before_ns = time.time_ns() - int(seconds * 1e9)
        removed = 0
        for directory in (self._temp, *(self._uploads / shard for shard in SHARDS)):
            for path in directory.iterdir():
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime_ns < before_ns:
                        path.unlink()
                        removed += 1
        return removed

    def sealed_in(self, shard: str) -> list[StoredObject]:
        """What is served from one of the `SHARDS`, etags empty; what is no object of this store is left out."""
        found = []
        for path in (self._sealed / shard).iterdir():
            with suppress(FileNotFoundError):
                if _KEY.fullmatch(path.name):
                    found.append(StoredObject(path.name, path.stat().st_size, ""))
        return found

    def _sealed_is(self, upload: StoredObject) -> bool:
        """Whether the sealed object has that upload's content."""
        try:
            with self._sealed_path(upload.key).open("rb", buffering=0) as sealed:
                same_size = os.fstat(sealed.fileno()).st_size == upload.size
                return same_size and _hash_of(sealed.fileno()) == upload.etag
        except FileNotFoundError:
            self._require(upload.key)
            return False

    def _uploads_of(self, key: str) -> Iterator[Path]:
        prefix = _checked(key) + "~"
        return iter([path for path in (self._uploads / key[-2:]).iterdir() if path.name.startswith(prefix)])

    def _require(self, key: str) -> None:
        """Tell "no such object" from "no store"."""
        shard = self._sealed_path(key).parent
        if not shard.is_dir():
            raise NotThere(f"{shard} is missing")

    def _temp_path(self) -> Path:
        return self._temp / new_id()

    def _upload_path(self, key: str, sha256: str) -> Path:
        return self._uploads / _checked(key)[-2:] / f"{key}~{sha256}"

    def _sealed_path(self, key: str) -> Path:
        return self._sealed / _checked(key)[-2:] / key


class SealedFile:
    """A part of a sealed object, read in pieces; the file is open only while there is more to read."""

    def __init__(self, path: Path, start: int, stop: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._left = stop - start
        try:
            self._file.seek(start)
            self.first = self.next_piece()
        except BaseException:
            self._file.close()
            raise

    def next_piece(self) -> bytes:
        """At most `PIECE_BYTES`; nothing at the end."""
        piece = self._file.read(min(PIECE_BYTES, self._left)) if self._left else b""
        if self._left and not piece:
            raise OSError(errno.EIO, "an object is shorter than it was")
        self._left -= len(piece)
        if not self._left:
            self._file.close()
        return piece

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()


class Draft:
    """An upload being written; the lock keeps its end from overtaking a write that was given up on."""

    def __init__(self, files: ObjectFiles, key: str, path: Path) -> None:
        self.key = key
        self._files = files
        self._path = path
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._lock = threading.Lock()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append."""
        with self._lock:
            for chunk in chunks:
                self._sha256.update(chunk)
                rest = memoryview(chunk)
                while rest:
                    rest = rest[self._file.write(rest) :]
                self._size += len(chunk)

    def publish(self) -> StoredObject | None:
        """Bring it to disk and to its place; ``None`` where the object is sealed already."""
        with self._lock:
            os.fsync(self._file.fileno())
            self._file.close()
            sha256 = self._sha256.hexdigest()
            placed = self._files.publish(self.key, self._path, sha256)
        return StoredObject(self.key, self._size, sha256) if placed else None

    def abandon(self) -> None:
        """Remove what was written, unless it has been published."""
        with self._lock, suppress(OSError):
            self._file.close()
            self._path.unlink(missing_ok=True)


def _checked(key: str) -> str:
    """Keys are ids of ours and nothing else, so none can name another place."""
    if not _KEY.fullmatch(key):
        raise ValueError("not a key of this store")
    return key


def _age(path: Path) -> tuple[int, str] | None:
    """What orders the uploads of a key: when they were written, then the name."""
    try:
        return path.stat().st_mtime_ns, path.name
    except FileNotFoundError:
        return None


def _hash_of(descriptor: int) -> str:
    """SHA-256, hex, of a file open for reading."""
    digest = hashlib.sha256()
    offset = 0
    while piece := os.pread(descriptor, PIECE_BYTES, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


def _sync_directory(path: Path) -> None:
    """What was renamed, linked or removed in a directory survives a power cut only after this."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
