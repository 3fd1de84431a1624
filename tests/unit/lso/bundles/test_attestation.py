"""The attestation against its specifications: in-toto Statement v1, and DSSE 1.0 verified without the library."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lso.bundles.attestation import opened, signed
from lso.bundles.errors import Altered
from lso.bundles.keys import fingerprint

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()
DIGEST = "ab" * 32
TEXT = signed({"b": DIGEST, "a": DIGEST}, {"runId": "1"}, KEY)


def encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def resigned(payload: bytes, payload_type: str = "application/vnd.in-toto+json") -> bytes:
    pae = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
    document = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": fingerprint(PUBLIC), "sig": base64.b64encode(KEY.sign(pae)).decode()}],
    }
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def test_it_is_a_statement_in_an_envelope() -> None:
    document = json.loads(TEXT)
    payload = base64.b64decode(document["payload"])
    assert json.loads(payload) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": DIGEST}} for name in ("a", "b")],
        "predicateType": "urn:lso-testbed:run:1",
        "predicate": {"runId": "1"},
    }
    assert resigned(payload) == TEXT
    assert opened(TEXT, PUBLIC).digests == {"a": DIGEST, "b": DIGEST}


def test_of_another_key() -> None:
    with pytest.raises(Altered, match=f"signed with the key {fingerprint(PUBLIC)}, not with"):
        opened(TEXT, Ed25519PrivateKey.generate().public_key())


def test_a_signature_of_another_key_under_this_ones_name() -> None:
    other = signed({"a": DIGEST}, {}, Ed25519PrivateKey.generate())
    document = json.loads(other)
    document["signatures"][0]["keyid"] = fingerprint(PUBLIC)
    with pytest.raises(Altered, match="is not what the key"):
        opened((json.dumps(document, indent=2, sort_keys=True) + "\n").encode(), PUBLIC)


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, Change] = {
    "a member more": lambda document: document.update(more=1),
    "a member of the signature more": lambda document: document["signatures"][0].update(more=1),
    "a second signature": lambda document: document["signatures"].append({"keyid": "other", "sig": "AAAA"}),
    "no signature": lambda document: document["signatures"].clear(),
    "the same signature twice": lambda document: document["signatures"].append(document["signatures"][0]),
    "another type": lambda document: document.update(payloadType="text/plain"),
    "no payload": lambda document: document.pop("payload"),
    "a number as payload": lambda document: document.update(payload=1),
    "another payload": lambda document: document.update(payload=encoded({})),
    "no list of signatures": lambda document: document.update(signatures=1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_envelope_that_was_changed(name: str) -> None:
    document = json.loads(TEXT)
    CHANGES[name](document)
    with pytest.raises(Altered):
        opened((json.dumps(document, indent=2, sort_keys=True) + "\n").encode(), PUBLIC)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"1", b"{}", b"\xff", b"[" * 100_000, TEXT.replace(b"  ", b" "), TEXT + b" "], ids=range(8)
)
def test_what_is_no_envelope_of_ours(text: bytes) -> None:
    with pytest.raises(Altered):
        opened(text, PUBLIC)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"_type": "https://in-toto.io/Statement/v0.1", "subject": [],'
        b' "predicateType": "urn:lso-testbed:run:1", "predicate": {}}',
        b'{"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "urn:other", "predicate": {}}',
        b'{"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "a", "digest": {}}],'
        b' "predicateType": "urn:lso-testbed:run:1", "predicate": {}}',
    ],
    ids=range(6),
)
def test_what_is_signed_and_no_statement_of_ours(payload: bytes) -> None:
    with pytest.raises(Altered, match="holds no statement about a run of this test-bed"):
        opened(resigned(payload), PUBLIC)


def test_what_is_signed_for_something_else() -> None:
    with pytest.raises(Altered, match="holds 'text/plain', no in-toto statement"):
        opened(resigned(b"{}", "text/plain"), PUBLIC)
