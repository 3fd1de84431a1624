"""The signature of a notification: RFC 9421 with Ed25519 over method, authority, path, type and digest of the body.

The key is made at the first start and kept in the database. Signing is written out because it is done for each
delivery, and a general library takes ten times as long; `presto_client` verifies with a library.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from common.database import WRITES
from presto.domain.credentials import utc_now
from presto.persistence.event_tables import SigningKeyRow
from presto_api.mef.notifications import COVERED, LABEL, MEDIA, TAG


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key; `id` is the thumbprint of its public half (RFC 7638)."""

    private: Ed25519PrivateKey
    id: str

    def headers(self, authority: str, path: str, body: bytes, now: int) -> dict[str, str]:
        """The headers of a signed POST; `authority` is host and port as RFC 9421 2.2.3 writes them, `now` in s."""
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        values = ("POST", authority, path, MEDIA, digest)
        names = " ".join(f'"{name}"' for name in COVERED)
        parameters = f'({names});created={now};keyid="{self.id}";alg="ed25519";tag="{TAG}"'
        lines = [f'"{name}": {value}' for name, value in zip(COVERED, values, strict=True)]
        signed = "\n".join([*lines, f'"@signature-params": {parameters}'])
        signature = base64.b64encode(self.private.sign(signed.encode("ascii"))).decode()
        return {
            "Content-Type": MEDIA,
            "Content-Digest": digest,
            "Signature-Input": f"{LABEL}={parameters}",
            "Signature": f"{LABEL}=:{signature}:",
        }


def load_key(engine: Engine) -> SigningKey:
    """The newest key of the database, made when there is none."""
    with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
        row = session.scalar(select(SigningKeyRow).order_by(SigningKeyRow.created.desc()).limit(1))
        if row:
            return _key(row.private)
        private = Ed25519PrivateKey.generate()
        text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
        key = _key(text)
        session.add(SigningKeyRow(id=key.id, created=utc_now(), private=text))
        return key


def public_keys(engine: Engine) -> dict[str, Any]:
    """All public keys as a JWK set (RFC 7517, RFC 8037), the one in use first."""
    load_key(engine)
    with Session(engine) as session:
        rows = session.scalars(select(SigningKeyRow.private).order_by(SigningKeyRow.created.desc()))
        return {"keys": [_jwk(_key(row)) for row in rows]}


def _key(text: str) -> SigningKey:
    private = load_pem_private_key(text.encode("ascii"), None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("a signing key in the database is no Ed25519 key")
    required = {"crv": "Ed25519", "kty": "OKP", "x": _x(private)}
    thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode("ascii"))
    return SigningKey(private, _base64url(thumbprint.digest()))


def _jwk(key: SigningKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": _x(key.private), "kid": key.id, "alg": "EdDSA", "use": "sig"}


def _x(private: Ed25519PrivateKey) -> str:
    return _base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
