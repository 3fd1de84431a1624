"""Access tokens: JWTs as RFC 9068 profiles them, ours and those of outside issuers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from presto.auth.keys import SigningKey, VerificationKey

TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
LEEWAY = 10
"""Seconds that the clocks of two machines may differ."""
LARGEST_TOKEN = 16384
_NOT_UNDERSTOOD = "This is no JWT that is understood here"
_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti", "client_id"]


class TokenRefused(Exception):
    """The token is not one that opens anything; the text says why, and never shows it."""


@dataclass(frozen=True)
class Trusted:
    """An issuer whose tokens are taken: for which audience, and its keys by their id."""

    issuer: str
    audience: str
    keys: Mapping[str, VerificationKey]


@dataclass(frozen=True)
class Claims:
    """What a verified token says; `ends` in seconds since 1970."""

    issuer: str
    client: str
    scopes: frozenset[str]
    jti: str
    ends: float


class Minter:
    """Makes access tokens; `lifetime` is in seconds."""

    def __init__(self, key: SigningKey, audience: str, lifetime: int, clock: Callable[[], float] = time.time) -> None:
        self._key, self._clock = key, clock
        self.audience, self.lifetime = audience, lifetime

    def mint(self, client: str, scopes: frozenset[str], tenant: str | None, issuer: str) -> str:
        """A token for a client, in the name of *issuer*."""
        now = int(self._clock())
        claims = {
            "iss": issuer,
            "aud": self.audience,
            "sub": client,
            "client_id": client,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": str(uuid.uuid4()),
            "scope": " ".join(sorted(scopes)),
            **({"tenant": tenant} if tenant else {}),
        }
        return jwt.encode(claims, self._key.key, algorithm="EdDSA", headers={"kid": self._key.kid, "typ": "at+jwt"})

    def trusted(self, issuer: str) -> Trusted:
        """How our own tokens in the name of *issuer* are verified."""
        return Trusted(issuer, self.audience, {self._key.kid: self._key.public})

    @property
    def public(self) -> VerificationKey:
        """The key that our tokens are verified with."""
        return self._key.public


def verify(token: str, trusted: Callable[[str], Trusted | None]) -> Claims:
    """What a token says, once its type, key, signature, issuer, audience and time are right. Raises TokenRefused."""
    if len(token) > LARGEST_TOKEN:
        raise TokenRefused("The access token is too long")
    try:
        header = jwt.get_unverified_header(token)
        check_header(header)
        unverified = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise TokenRefused(_NOT_UNDERSTOOD) from None
    if str(header.get("typ", "")).casefold() not in TOKEN_TYPES:
        raise TokenRefused("The JWT is no access token")
    named = unverified.get("iss")
    issuer = trusted(named) if isinstance(named, str) else None
    if issuer is None:
        raise TokenRefused("The access token is of an issuer that is not trusted here")
    key = issuer.keys.get(str(header.get("kid")))
    if key is None:
        raise TokenRefused("The access token is signed with a key that is not known here")
    return _claims(decoded(token, key, header, issuer.issuer, issuer.audience, _REQUIRED), issuer.issuer)


def check_header(header: Mapping[str, Any]) -> None:
    """What no header of ours may say: extensions that must be understood (RFC 7515 4.1.11). Raises TokenRefused."""
    if "crit" in header:
        raise TokenRefused(_NOT_UNDERSTOOD)


def decoded(
    token: str,
    key: VerificationKey,
    header: Mapping[str, Any],
    issuer: str,
    audience: str | list[str],
    required: list[str],
) -> dict[str, Any]:
    """The claims of a JWT that this key signed with its own algorithm. Raises TokenRefused."""
    if header.get("alg") != key.algorithm:
        raise TokenRefused("The JWT is signed with another algorithm than its key is for")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": required},
        )
    except jwt.PyJWTError as error:
        raise TokenRefused(_reason(error)) from None
    return claims


def _reason(error: jwt.PyJWTError) -> str:
    """The library's own words can hold what the token says."""
    for kind, text in (
        (jwt.ExpiredSignatureError, "The JWT has expired"),
        (jwt.ImmatureSignatureError, "The JWT is not valid yet"),
        (jwt.InvalidAudienceError, "The JWT is for another audience"),
        (jwt.InvalidIssuerError, "The JWT is of another issuer"),
        (jwt.InvalidSignatureError, "The signature of the JWT is wrong"),
    ):
        if isinstance(error, kind):
            return text
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The JWT has no claim {error.claim}"
    return "The JWT is not valid"


def _claims(claims: Mapping[str, Any], issuer: str) -> Claims:
    client, scope, jti = claims["client_id"], claims.get("scope", ""), claims["jti"]
    if not (isinstance(client, str) and isinstance(scope, str) and isinstance(jti, str)):
        raise TokenRefused("The claims of the access token have other types than RFC 9068 gives them")
    return Claims(issuer, client, frozenset(scope.split()), jti, float(claims["exp"]))
