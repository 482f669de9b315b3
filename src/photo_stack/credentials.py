"""The passwords and keys of the profile ``production``: made once at random, a file each that only its owner reads.

They reach the servers by environment or files, never by a command line, ``stack.json`` or a log.
"""

import os
import secrets
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

from photo_stack.errors import CannotStart

_BYTES = 32


@dataclass(frozen=True, slots=True)
class Credentials:
    """Each is hexadecimal, and its own."""

    secret_key: str = field(repr=False)
    postgresql_password: str = field(repr=False)
    redis_password: str = field(repr=False)
    swift_password: str = field(repr=False)
    swift_temp_url_key: str = field(repr=False)
    cdn_app_key: str = field(repr=False)
    cdn_secret_key: str = field(repr=False)
    cdn_encrypt_key: str = field(repr=False)
    logncrash_app_key: str = field(repr=False)

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """Those of ``folder``; what is not there yet is made.

        Raises:
            CannotStart: a file cannot be read or written, or holds no secret.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
            return cls(**{name: _kept(folder / name.replace("_", "-")) for name in (one.name for one in fields(cls))})
        except OSError as error:
            raise CannotStart(f"{error.filename}: {error.strerror}; choose another directory with --data") from None


def _kept(path: Path) -> str:
    """The content of ``path``; written whole or not at all, for what is stored depends on it."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    path.chmod(0o600)
    secret = path.read_text().strip()
    if len(secret) < _BYTES or not secret.isalnum():
        raise CannotStart(f"{path}: must hold at least {_BYTES} letters and digits; put back what was there")
    return secret
