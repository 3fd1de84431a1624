"""Keys: the one that signs our tokens, and those of others, each with the one algorithm that it is used with.

The algorithm comes from the key and never from a token's header, which closes algorithm confusion (RFC 8725 3.1).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from presto.auth.errors import KeyUnusable

PrivateKey = ed25519.Ed25519PrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_SMALLEST_RSA = 2048
_THUMBPRINT_MEMBERS = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True)
class VerificationKey:
    """A public key and its only algorithm."""

    key: PublicKey
    algorithm: str

    def jwk(self) -> dict[str, str]:
        """As RFC 7517 writes it, with its thumbprint (RFC 7638) for a name."""
        document = _jwk(self.key, self.algorithm)
        return {**document, "kid": thumbprint(document), "use": "sig", "alg": self.algorithm}


@dataclass(frozen=True)
class SigningKey:
    """The key that signs our access tokens."""

    key: PrivateKey
    kid: str

    @property
    def public(self) -> VerificationKey:
        """Its public half."""
        return VerificationKey(self.key.public_key(), "EdDSA")


def signing_key(path: Path) -> SigningKey:
    """The key of that file, made at the first start; its owner alone may read it. Raises KeyUnusable."""
    try:
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeyUnusable(f"{path}: others can read the key that signs tokens; chmod 600 it, or delete it")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise KeyUnusable(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise KeyUnusable(f"{path}: this is no private key in PEM") from None
    if not isinstance(key, PrivateKey):
        raise KeyUnusable(f"{path}: the key that signs tokens is an Ed25519 key; delete the file to have one made")
    public = VerificationKey(key.public_key(), "EdDSA")
    return SigningKey(key, public.jwk()["kid"])


def public_key(given: str | Mapping[str, Any]) -> VerificationKey:
    """A public key in PEM or as a JWK. Raises KeyUnusable."""
    try:
        if isinstance(given, str):
            return _usable(serialization.load_pem_public_key(given.encode()))
        if "d" in given or given.get("kty") == "oct":
            raise KeyUnusable("is no public key; give the public half only")
        return _usable(jwt.PyJWK.from_dict(dict(given)).key)
    except (ValueError, TypeError, KeyError, jwt.PyJWTError):
        raise KeyUnusable("is no public key in PEM or JWK") from None


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _make(path: Path) -> None:
    pem = PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Written whole beside its place first: a start that is killed leaves no half key.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _usable(key: Any) -> VerificationKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return VerificationKey(key, "EdDSA")
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return VerificationKey(key, "ES256")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        return VerificationKey(key, "RS256")
    raise KeyUnusable(f"unsupported key type; use Ed25519, EC P-256 or RSA from {_SMALLEST_RSA} bits")


def _jwk(key: PublicKey, algorithm: str) -> dict[str, str]:
    made = jwt.PyJWS().get_algorithm_by_name(algorithm).to_jwk(key)
    document = json.loads(made) if isinstance(made, str) else made
    return {name: document[name] for name in _THUMBPRINT_MEMBERS[document["kty"]]}
