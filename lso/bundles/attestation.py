"""The signed list of a bundle's files: an in-toto Statement v1 in a DSSE envelope, signed with Ed25519."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from lso.bundles.errors import Altered
from lso.bundles.keys import fingerprint

NAME = "attestation.dsse.json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["urn:lso-testbed:run:1"] = "urn:lso-testbed:run:1"

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Digests(BaseModel):
    """A file's SHA-256 in hexadecimal."""

    sha256: Digest


class Subject(BaseModel):
    """A file that the statement is about, by its name in the bundle."""

    name: str
    digest: Digests


class Statement(BaseModel):
    """An in-toto Statement v1: these files, and of them the facts of *predicate*."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: tuple[Subject, ...]
    predicate_type: Literal["urn:lso-testbed:run:1"] = Field(default=PREDICATE_TYPE, alias="predicateType")
    predicate: dict[str, Any]

    @property
    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file by name."""
        return {subject.name: subject.digest.sha256 for subject in self.subject}


def signed(digests: Mapping[str, str], predicate: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Return the envelope around the statement that the files with these *digests* are of the run *predicate*."""
    subjects = tuple(Subject(name=name, digest=Digests(sha256=digests[name])) for name in sorted(digests))
    statement = Statement(subject=subjects, predicate=predicate)
    payload = json.dumps(statement.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
    envelope = Envelope(payload.encode(), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, _known(key.public_key())))
    return _text(envelope)


def opened(text: bytes, key: Ed25519PublicKey) -> Statement:
    """Return the statement in the envelope *text*.

    Raises Altered unless *text* is as :func:`signed` wrote it, to the octet, and signed with *key*.
    """
    try:
        envelope = Envelope.from_dict(json.loads(text))
        whole = _text(envelope) == text
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise Altered(f"{NAME} is no DSSE envelope") from error
    (signer, *others) = envelope.signatures or [""]
    if signer != fingerprint(key):
        raise Altered(f"it was signed with the key {signer}, not with {fingerprint(key)}")
    if others or envelope.signatures[signer].unrecognized_fields or not whole:
        raise Altered(f"{NAME} has more than a statement and its signature, or was written anew")
    try:
        envelope.verify([_known(key)], 1)
    except VerificationError as error:
        raise Altered(f"{NAME} is not what the key {signer} signed") from error
    return _statement(envelope)


def _statement(envelope: Any) -> Statement:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Altered(f"{NAME} holds {envelope.payload_type!r}, no in-toto statement")
    try:
        return Statement.model_validate_json(envelope.payload)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        place = ".".join(map(str, found["loc"])) or "statement"
        raise Altered(f"{NAME} holds no statement about a run of this test-bed: {place}: {found['msg']}") from error


def _known(key: Ed25519PublicKey) -> Any:
    return SSlibKey.from_crypto(key, keyid=fingerprint(key))


def _text(envelope: Any) -> bytes:
    return (json.dumps(envelope.to_dict(), indent=2, sort_keys=True) + "\n").encode()
