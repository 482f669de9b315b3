"""The service's secrets: one configured (or created once) key, from which each purpose derives its own."""

import hashlib
import hmac
import os
import secrets as random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from photo_api.config import ConfigurationError, Environment, Settings


@dataclass(frozen=True, slots=True)
class Secrets:
    """The key in use and the one before it; neither is ever shown."""

    current: bytes = field(repr=False)
    current_id: str
    previous: bytes | None = field(repr=False)
    previous_id: str

    def derive(self, purpose: str, *, previous: bool = False) -> bytes | None:
        """32 bytes for one purpose, so that a leak of one key tells nothing of another (HMAC-SHA-256 as a PRF)."""
        key = self.previous if previous else self.current
        return None if key is None else hmac.digest(key, purpose.encode(), hashlib.sha256)


def load_secrets(settings: Settings) -> Secrets:
    """The configured secret, or, outside production, the data directory's own (created once, mode 600).

    Raises:
        ConfigurationError: the secret's file cannot be read or made.
    """
    if settings.secret_key is not None:
        current = settings.secret_key.get_secret_value().encode()
    elif settings.environment is Environment.PRODUCTION:
        raise ConfigurationError("PHOTO_API_SECRET_KEY: must be set in production (openssl rand -hex 32 makes one)")
    else:
        current = _file_secret(settings.data_dir / "secret-key")
    previous = settings.previous_secret_key
    return Secrets(
        current,
        settings.secret_key_id,
        previous.get_secret_value().encode() if previous else None,
        settings.previous_secret_key_id,
    )


def _file_secret(path: Path) -> bytes:
    """Read the secret; where there is none, the first of several processes makes it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
            with os.fdopen(descriptor, "wb") as file:
                file.write(random.token_hex(32).encode())
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)  # fails where another process was first: then its secret counts
            except FileExistsError:
                pass
            finally:
                Path(draft).unlink()
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(
            f"PHOTO_API_DATA_DIR: cannot read or create {path} ({error.strerror}); make the directory writable"
        ) from None
    if len(secret) < 32:
        raise ConfigurationError(f"PHOTO_API_DATA_DIR: {path} is too short for a secret; remove it to have one made")
    return secret
