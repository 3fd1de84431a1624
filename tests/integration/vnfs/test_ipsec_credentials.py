"""What a gateway does not take: identities and certificates that peers would refuse or take for anybody's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .gateways import Pair, credential, key_pem, pem

OTHER_KEY, OTHER_CERTIFICATE = credential("site-1")  # signed by itself


@pytest.mark.parametrize(
    ("local", "path", "words"),
    [
        pytest.param({"identity": "198.51.100.2"}, "certificate", "of 198.51.100.2 but of DNS:site-1", id="ip"),
        pytest.param({"identity": "site-1@example.org"}, "certificate", "but of DNS:site-1", id="mail"),
        pytest.param({"identity": "other.example.org"}, "certificate", "but of DNS:site-1", id="other-name"),
        pytest.param({"certificate": pem(OTHER_CERTIFICATE)}, "private_key", "not that of the certificate", id="key"),
        pytest.param(
            {"certificate": pem(OTHER_CERTIFICATE), "private_key": key_pem(OTHER_KEY)},
            "certificate", "does not hold: self-signed certificate", id="authority",
        ),
        pytest.param({"identity": "0.0.0.0"}, "identity", "malformed", id="anybody"),  # noqa: S104
        pytest.param({"identity": "198.51.100.1-198.51.100.9"}, "identity", "malformed", id="range"),
    ],
)  # fmt: skip
def test_what_peers_would_refuse_is_refused_here(up: Pair, local: dict[str, Any], path: str, words: str) -> None:
    ipsec = up.a.intent["ipsec"]
    refused = up.a.vnf.apply({**up.a.intent, "ipsec": {**ipsec, "local": {**ipsec["local"], **local}}})
    assert refused.returncode == 2, refused.stderr
    error = json.loads(refused.stderr)
    assert error["path"] == f"ipsec.local.{path}"
    assert words in error["error"]
    assert up.a.lan.pings(up.b.host), "the old state stays"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"esp_proposal": "null-sha256"}, "ipsec.esp_proposal"),
        ({"esp_proposal": "3des-md5-modp1024"}, "ipsec.esp_proposal"),
        ({"esp_proposal": "aes256gcm8"}, "ipsec.esp_proposal"),
        ({"ike_proposal": "aes128-sha1-modp1024"}, "ipsec.ike_proposal"),
    ],
)
def test_weak_proposals_and_keys_that_open_nothing_are_refused(up: Pair, changes: dict[str, Any], path: str) -> None:
    refused = up.a.vnf.apply({**up.a.intent, "ipsec": {**up.a.intent["ipsec"], **changes}})
    assert (refused.returncode, json.loads(refused.stderr)["path"]) == (2, path)


@pytest.mark.parametrize(("psk", "code"), [("one", 0), ("two", 2)])
def test_an_identity_has_one_key(up: Pair, psk: str, code: int) -> None:
    ipsec = {**up.a.intent["ipsec"], "authentication": "psk", "export_keys": False}
    peer = {**ipsec["peers"][0], "psk": "one"}
    other = {**peer, "name": "other", "address": "198.51.100.77", "subnets": ["10.77.0.0/24"], "psk": psk}
    result = up.a.vnf.apply({**up.a.intent, "ipsec": {**ipsec, "peers": [peer, other]}})
    assert result.returncode == code, result.stderr
    if code:
        assert json.loads(result.stderr)["path"] == "ipsec.peers[1].identity"
