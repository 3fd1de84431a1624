"""`private_key_jwt`: a client proves with its private key who it is (RFC 7523, OpenID Connect Core section 9)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import jwt

from presto.auth.config import Client
from presto.auth.tokens import LARGEST_TOKEN, LEEWAY, TokenRefused, check_header, decoded

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = 3600
"""Seconds. An assertion is made for one use, but libraries give them an hour (Authlib)."""
_FORGET_EACH = 60
_REQUIRED = ["iss", "sub", "aud", "exp", "jti"]


def claimed_client(assertion: str) -> str | None:
    """The client that an assertion says it is of; nothing is verified yet."""
    if len(assertion) > LARGEST_TOKEN:
        return None
    try:
        subject = jwt.decode(assertion, options={"verify_signature": False}).get("sub")
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return subject if isinstance(subject, str) else None


class Assertions:
    """Verifies assertions, each once: what was used is remembered until it has expired."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._used: dict[tuple[str, str], float] = {}
        self._forget_at = 0.0
        self._lock = threading.Lock()

    def check(self, client: Client, assertion: str, audiences: Collection[str]) -> None:
        """Raises TokenRefused."""
        key = client.key
        if key is None:
            raise TokenRefused("The client has no key here")
        try:
            header = jwt.get_unverified_header(assertion)
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused("The assertion is no JWT that is understood here") from None
        check_header(header)
        claims = decoded(assertion, key, header, client.id, list(audiences), _REQUIRED)
        self._use(client, claims)

    def _use(self, client: Client, claims: dict[str, Any]) -> None:
        now, end, jti = self._clock(), claims["exp"], claims["jti"]
        if claims["sub"] != client.id or not isinstance(jti, str) or len(jti) > 256:
            raise TokenRefused("The assertion has no usable sub or jti")
        if end > now + LONGEST_LIFE + LEEWAY:
            raise TokenRefused(f"The assertion lives longer than {LONGEST_LIFE} seconds")
        with self._lock:
            if now >= self._forget_at:
                self._used = {use: until for use, until in self._used.items() if until > now}
                self._forget_at = now + _FORGET_EACH
            if (client.id, jti) in self._used:
                raise TokenRefused("The assertion was used before")
            self._used[client.id, jti] = end + LEEWAY
