"""Which proposals and identities a gateway may have: the orchestrator and the contract's schema decide alike."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from orchestrator.tosca.schema.formats import format_error
from orchestrator.tosca.schema.proposals import ESP_PATTERN, IKE_PATTERN, esp_error, ike_error, sealed

SCHEMA = json.loads((Path(__file__).parents[5] / "vnfs" / "contract" / "ipsec-intent.schema.json").read_text())["$defs"]


def test_the_contract_has_the_same_patterns() -> None:
    assert SCHEMA["ike_proposal"]["pattern"] == IKE_PATTERN
    assert SCHEMA["esp_proposal"]["pattern"] == ESP_PATTERN


@pytest.mark.parametrize(
    ("proposal", "word"),
    [
        ("aes256gcm16-ecp384", None),
        ("aes128gcm16", None),
        ("chacha20poly1305-curve25519", None),
        ("aes256-sha256-modp2048", None),
        ("aes128-aes256-sha256-sha512-ecp256-ecp384-esn", None),
        ("aes128ctr-sha1", None),
        ("camellia256-sha512", None),
        ("aes128ccm16", None),
        ("null-sha256", "null"),
        ("aes256", "must name"),
        ("aes256gcm16-sha256", "must name"),
        ("sha256-aes256", "must name"),
        ("3des-sha256", "3des"),
        ("des-md5", "des"),
        ("aes128-md5", "md5"),
        ("aes128-aesxcbc", "aesxcbc"),
        ("aes128-sha256-modp1024", "modp1024"),
        ("blowfish128-sha256", "blowfish128"),
        ("aes128gmac", "aes128gmac"),
        ("rot13", "rot13"),
        ("", "names ,"),
        ("aes256gcm16-", "names ,"),
    ],
)
def test_proposals_for_esp(proposal: str, word: str | None) -> None:
    error = esp_error(proposal)
    assert (error is None) if word is None else (error is not None and word in error)
    assert (re.fullmatch(SCHEMA["esp_proposal"]["pattern"], proposal) is None) == (word is not None)


@pytest.mark.parametrize(
    ("proposal", "word"),
    [
        ("aes256gcm16-prfsha384-ecp384", None),
        ("aes256-sha256-ecp256", None),
        ("aes256-sha256-prfsha512-modp3072", None),
        ("aes256gcm16-ecp384", "must name"),
        ("aes256-sha256", "must name"),
        ("aes256-sha256-modp768", "modp768"),
        ("null-sha256-ecp384", "null"),
    ],
)
def test_proposals_for_ike(proposal: str, word: str | None) -> None:
    error = ike_error(proposal)
    assert (error is None) if word is None else (error is not None and word in error)


@pytest.mark.parametrize(
    ("proposal", "expected"),
    [
        ("aes256gcm16-ecp384", False), ("chacha20poly1305", False), ("aes128ctr-sha256", False), ("aes128-sha1", False),
        ("aes256gcm8", True), ("aes256gcm12-ecp384", True), ("aes128ccm16", True), ("camellia256-sha256", True),
        ("aes128gcm16-aes128gcm8", True),
    ],
)  # fmt: skip
def test_whose_keys_open_nothing(proposal: str, expected: bool) -> None:
    assert sealed(proposal) is expected


@pytest.mark.parametrize(
    ("identity", "allowed"),
    [
        ("site-a", True), ("site-a.example.org", True), ("site-a@example.org", True), ("198.51.100.2", True),
        ("0.0.0.0", False),  # noqa: S104
        ("10.0.0.1-10.0.0.9", False), ("0.0.0.0-255.255.255.255", False), ("10.0.0.0-site", True),
    ],
)  # fmt: skip
def test_an_identity_is_that_of_one_peer(identity: str, allowed: bool) -> None:
    assert (format_error("lso.datatypes.IkeIdentity", identity) is None) is allowed
    assert Draft202012Validator(SCHEMA["identity"]).is_valid(identity) is allowed


@pytest.mark.parametrize("identity", ["%any", "%any6", "*", "::", "0::0", "0.0.0.0/0", "C=CH, CN=*", "@#00"])
def test_other_words_for_anybody_have_characters_that_no_identity_has(identity: str) -> None:
    assert not Draft202012Validator(SCHEMA["identity"]).is_valid(identity)
