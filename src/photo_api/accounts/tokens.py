"""Access tokens: JWT with one fixed algorithm, issuer and audience, and one of two keys (RFC 7519, RFC 8725)."""

import time
from typing import Final

import jwt

from photo_api.config import Settings
from photo_api.context import Principal
from photo_api.secrets import Secrets

ALGORITHM: Final = "HS256"
ISSUER: Final = "photo-api"
AUDIENCE: Final = "photo-api"
PURPOSE: Final = "access-token"
"""What the signing keys are derived for, see `Secrets.derive`."""
MAX_TOKEN_BYTES: Final = 4_096
_SWEEP_SECONDS: Final = 60.0


class AccessTokens:
    """Issues access tokens, and verifies them: with a signature once, from then on with a lookup.

    A token that was found valid is remembered until it expires; forged ones are not, so they displace nothing.
    """

    def __init__(self, settings: Settings, secrets: Secrets, *, remembered: int = 10_000) -> None:
        self._lifetime_seconds = settings.access_token_seconds
        self._kid = secrets.current_id
        keys = {
            secrets.current_id: secrets.derive(PURPOSE),
            secrets.previous_id: secrets.derive(PURPOSE, previous=True),
        }
        self._keys = {kid: key for kid, key in keys.items() if key is not None}
        self._headers = {"kid": self._kid}
        self._capacity = remembered
        self._remembered: dict[str, tuple[Principal, float]] = {}
        self._sweep_at = 0.0

    def issue(self, user_id: str, family_id: str) -> str:
        """A token for a user, naming the login (refresh-token family) that it comes from."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "fam": family_id,
            "iat": now,
            "exp": now + self._lifetime_seconds,
        }
        return jwt.encode(claims, self._keys[self._kid], ALGORITHM, headers=self._headers)

    def verify(self, token: str) -> Principal | None:
        """Who ``token`` names; ``None`` when it is malformed, forged, expired or meant for something else."""
        known = self._remembered.get(token)
        now = time.time()
        if known is not None:
            if now < known[1]:
                return known[0]
            del self._remembered[token]
            return None
        if len(token) > MAX_TOKEN_BYTES:
            return None
        try:
            principal, expires = self._decode(token)
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):  # numbers beyond floats, endless nesting
            return None
        self._remember(token, principal, expires, now)
        return principal

    def _decode(self, token: str) -> tuple[Principal, float]:
        """Verify a token that is not remembered; raises what `verify` catches."""
        key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
        if key is None:
            raise jwt.InvalidKeyError
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # The instances' clocks may differ by a second: a token "from the future" is as good as any.
            options={"require": ["exp", "iat", "sub", "fam", "iss", "aud"], "verify_iat": False},
        )
        return Principal(str(claims["sub"]), str(claims["fam"])), float(claims["exp"])

    def _remember(self, token: str, principal: Principal, expires: float, now: float) -> None:
        full = len(self._remembered) >= self._capacity
        if full or now >= self._sweep_at:
            self._remembered = {key: value for key, value in self._remembered.items() if now < value[1]}
            self._sweep_at = now + _SWEEP_SECONDS
            if len(self._remembered) >= self._capacity:
                for oldest in list(self._remembered)[: len(self._remembered) // 4 + 1]:
                    del self._remembered[oldest]
        self._remembered[token] = (principal, expires)
