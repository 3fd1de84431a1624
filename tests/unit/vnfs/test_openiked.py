"""What the OpenIKED gateway makes of an intent, and of what its engine and the kernel print (jq)."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

VNFS = Path(__file__).parents[3] / "vnfs"
SCHEMAS = [json.loads(path.read_text()) for path in (VNFS / "contract").glob("*.schema.json")]
REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS]
)
PEER = {
    "name": "site-b", "address": "198.51.100.2", "identity": "site-b", "subnets": ["10.2.0.0/24"], "psk": "secret",
}  # fmt: skip
INTENT: dict[str, Any] = {
    "contract": "1", "kind": "ipsec", "name": "gateway",
    "ports": [
        {"role": "lan", "mac": "02:42:64:40:00:01", "mtu": 1400, "addresses": ["10.1.0.1/24"]},
        {"role": "wan", "mac": "02:42:64:40:00:05", "mtu": 1500, "addresses": ["198.51.100.1/24"]},
    ],
    "ipsec": {
        "authentication": "psk", "esp_proposal": "aes256-sha512-ecp384",
        "local": {"address": "198.51.100.1", "identity": "site-a", "subnets": ["10.1.0.0/24"]},
        "peers": [PEER],
    },
}  # fmt: skip
PRINTABLE = "".join(map(chr, range(ord(" "), ord("~") + 1)))
pytestmark = pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")


def jq(program: str, given: Any, applied: Any = None) -> tuple[int, Any]:
    """Exit code, and what was printed, or the refusal."""
    done = subprocess.run(
        ["gojq", "-c", "-L", str(VNFS / "common"), "-L", str(VNFS / "openiked"), "--argjson", "applied",
         json.dumps(applied), program],
        input=json.dumps(given), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stderr or done.stdout)


def compiled(applied: Any = None, **changes: Any) -> tuple[int, Any]:
    return jq('include "compile"; compile($applied)', {**INTENT, "ipsec": {**INTENT["ipsec"], **changes}}, applied)


def test_a_peer_is_a_policy() -> None:
    code, strings = compiled()
    assert code == 0
    assert strings["configuration"].splitlines() == [
        "set nomobike",
        "set enforcesingleikesa",
        "set fragmentation",
        "set dpd_check_interval 10",
        'ikev2 "site-b" active esp from 10.1.0.0/24 to 10.2.0.0/24 local 198.51.100.1 peer 198.51.100.2'
        " ikesa enc aes-256-gcm prf hmac-sha2-384 group ecp384"
        " childsa enc aes-256 auth hmac-sha2-512 group ecp384 noesn"
        ' srcid "site-a" dstid "site-b" ikelifetime 4h lifetime 1h psk "0x736563726574"',
    ]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"peers": [{**PEER, "initiate": False}]}, 'ikev2 "site-b" passive esp'),
        ({"peers": [{**PEER, "psk": 'é\n"x'}]}, 'psk "0xc3a90a2278"'),
        ({"peers": [{**PEER, "psk": PRINTABLE}]}, f'psk "0x{PRINTABLE.encode().hex()}"'),
        ({"peers": [{**PEER, "identity": "b@example.org"}]}, 'dstid "b@example.org"'),
        (
            {"peers": [{**PEER, "subnets": ["10.2.0.0/24", "10.3.0.0/24"]}]},
            "from 10.1.0.0/24 to 10.2.0.0/24 from 10.1.0.0/24 to 10.3.0.0/24 local",
        ),
        (
            {"ike_proposal": "aes256-sha256-x25519"},
            "ikesa enc aes-256 auth hmac-sha2-256 prf hmac-sha2-256 group curve25519",
        ),
        (
            {"ike_proposal": "aes128-sha512-prfsha384-modp3072"},
            "enc aes-128 auth hmac-sha2-512 prf hmac-sha2-384 group modp3072",
        ),
        (
            {"ike_proposal": "aes192gcm16-aes128gcm12-prfsha1-ecp256bp"},
            "ikesa enc aes-128-gcm-12 prf hmac-sha1 group brainpool256",
        ),
        ({"child_lifetime_seconds": 12}, "ikelifetime 4h lifetime 12 psk"),
        ({"child_lifetime_seconds": 20, "ike_lifetime_seconds": 15}, "ikelifetime 10 lifetime 20 psk"),
        ({"esp_proposal": "aes192-aes128-sha256-sha384"}, "childsa enc aes-192 enc aes-128 auth hmac-sha2-384 noesn"),
        (
            {"esp_proposal": "aes256-sha1-curve25519-esn-noesn"},
            "childsa enc aes-256 auth hmac-sha1 group curve25519 noesn",
        ),
    ],
)
def test_what_an_intent_asks_for_is_in_the_policy(change: dict[str, Any], part: str) -> None:
    code, strings = compiled(**change)
    assert code == 0
    assert part in strings["configuration"]


def test_many_peers_are_asked_less_often() -> None:
    peers = [{**PEER, "name": f"p{one}", "identity": f"p{one}"} for one in range(40)]
    assert "set dpd_check_interval 40\n" in compiled(peers=peers)[1]["configuration"]


def test_certificates_leave_the_keys_out() -> None:
    _, strings = compiled(authentication="certificate", peers=[{**PEER, "psk": None}])
    assert "psk" not in strings["configuration"]


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (
            {"esp_proposal": "aes256gcm16-ecp384"},
            "ipsec.esp_proposal",
            "no aes256gcm16 for ESP, only aes128, aes192, aes256",
        ),
        ({"esp_proposal": None}, "ipsec.esp_proposal", "has no aes256gcm16 for ESP"),
        ({"esp_proposal": "chacha20poly1305"}, "ipsec.esp_proposal", "has no chacha20poly1305 for ESP"),
        ({"esp_proposal": "aes256ctr-sha512"}, "ipsec.esp_proposal", "has no aes256ctr for ESP"),
        ({"esp_proposal": "aes256-sha256"}, "ipsec.esp_proposal", "has no sha256 for ESP, only sha1, sha384, sha512"),
        ({"esp_proposal": "aes256-sha512-curve448"}, "ipsec.esp_proposal", "has no curve448 for ESP"),
        ({"esp_proposal": "aes256-sha512-esn"}, "ipsec.esp_proposal", "has no esn for ESP, only noesn"),
        ({"ike_proposal": "aes256ccm16-prfsha384-ecp384"}, "ipsec.ike_proposal", "has no aes256ccm16 for IKE"),
        ({"encryption": "integrity-only"}, "ipsec.encryption", "no NULL encryption with HMAC-SHA-256"),
        (
            {"peers": [PEER, {**PEER, "name": "c", "identity": "c", "psk": "é" * 513}]},
            "ipsec.peers[1].psk",
            "more than 1024 octets",
        ),
        ({"peers": [PEER, PEER]}, "ipsec.peers", "named twice"),
    ],
)
def test_what_openiked_cannot_do_is_refused(change: dict[str, Any], path: str, words: str) -> None:
    changes = {key: value for key, value in change.items() if value is not None}
    intent = copy.deepcopy(INTENT)
    for key in change.keys() - changes.keys():
        del intent["ipsec"][key]
    intent["ipsec"] |= changes
    code, refusal = jq('include "compile"; compile(null)', intent)
    assert (code, refusal["path"]) == (2, path)
    assert words in refusal["error"]


DEVIATIONS = json.loads((VNFS / "openiked" / "product.json").read_text())["deviations"]


@pytest.mark.parametrize("deviation", [one for one in DEVIATIONS if one["path"].startswith("ipsec.")])
def test_a_declared_deviation_is_refused(deviation: dict[str, str]) -> None:
    code, refusal = compiled(**{deviation["path"].removeprefix("ipsec."): deviation["value"]})
    assert (code, refusal["path"]) == (2, deviation["path"])


@pytest.mark.parametrize(
    "proposal",
    [
        *(one["value"] for one in DEVIATIONS if one["path"] == "ipsec.esp_proposal"),
        "aes256-sha512-ecp384", "aes128-aes256-sha384-sha512-ecp256-ecp384", "aes256-sha512", "aes256-sha512-noesn",
        "aes256-sha512-noesn-esn", "aes256-camellia256-sha256-sha384-modp3072", "aes256gcm16-aes256-sha512",
    ],
)  # fmt: skip
def test_the_descriptor_refuses_what_the_product_does(proposal: str) -> None:
    """Orders and matrices are told before anything starts."""
    node_type = yaml.safe_load((VNFS / "openiked" / "descriptor.yaml").read_text())["node_types"]["lso.vnf.OpenIKED"]
    (constraint,) = node_type["properties"]["esp_proposal"]["constraints"]
    declared = re.fullmatch(constraint["pattern"], proposal) is not None
    assert declared == (compiled(esp_proposal=proposal)[0] == 0)


OTHER = {**PEER, "name": "site-c", "identity": "198.51.100.3", "address": "198.51.100.3", "subnets": ["10.3.0.0/24"]}


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"peers": [PEER, OTHER]}, ""),
        ({"peers": [OTHER]}, "FQDN/site-b"),
        ({"peers": [{**PEER, "psk": "other"}, OTHER]}, "FQDN/site-b"),
        ({"peers": [PEER, {**OTHER, "subnets": ["10.4.0.0/24"]}]}, "IPV4/198.51.100.3"),
        ({"peers": [PEER, OTHER], "esp_proposal": "aes128-sha512"}, "FQDN/site-b IPV4/198.51.100.3"),
        ({"peers": [PEER, OTHER], "child_lifetime_seconds": 60}, "FQDN/site-b IPV4/198.51.100.3"),
        ({"peers": [PEER, OTHER], "export_keys": True}, ""),
    ],
)
def test_tunnels_that_are_different_now_end(change: dict[str, Any], stale: str) -> None:
    before = copy.deepcopy(INTENT)
    before["ipsec"]["peers"] = [PEER, OTHER]
    assert compiled(before, **change)[1]["stale"] == stale


FACTS = (Path(__file__).parent / "openiked-facts.txt").read_text().splitlines()  # as they were printed
NOTED = [line for line in FACTS if line.startswith("1796")]


def valid(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    Draft202012Validator({"$ref": f"urn:lso:vnf-contract:1:ipsec-{kind}"}, registry=REGISTRY).validate(value)
    return value


def status(facts: list[str], intent: Any = INTENT) -> dict[str, Any]:
    code, told = jq('include "report"; report($applied)', facts, intent)
    assert code == 0
    about = {"ready": True, "intent_sha256": None, "vendor": "openiked", "version": "7.2"}
    return valid("status", {"contract": "1", "kind": "ipsec", "name": "gateway", **about, **told})


def test_the_status_is_of_the_sas_that_stand() -> None:
    told = status(FACTS)
    assert told["engine"] == {"esp": "kernel", "ike": "iked"}
    assert told["foreign"] == []
    assert told["peers"] == [
        {
            "name": "site-b",
            "ike": {
                "state": "ESTABLISHED", "version": 2, "initiator_spi": "6dc882f586dbc5b5",
                "responder_spi": "071e91f0a5ee1c2d", "local_id": "site-a", "remote_id": "site-b",
                "encryption": "AES_GCM_16-256", "integrity": None, "prf": "PRF_HMAC_SHA2_384", "dh": "ECP_384",
            },
            "children": [
                {
                    "name": "site-b", "state": "INSTALLED", "mode": "TUNNEL", "protocol": "ESP",
                    "udp_encapsulation": True, "spi_in": "70fbc166", "spi_out": "294fbe39",
                    "encryption": "AES_CBC-256", "integrity": "HMAC_SHA2_512_256", "dh": "ECP_384",
                    "local_subnets": ["10.1.0.0/24"], "remote_subnets": ["10.2.0.0/24"],
                    "packets_in": 2, "bytes_in": 168, "packets_out": 1, "bytes_out": 84,
                }
            ],
        }
    ]  # fmt: skip


def test_a_peer_without_sas_has_none() -> None:
    assert status([])["peers"] == [{"name": "site-b", "ike": None, "children": []}]
    assert status(NOTED)["peers"] == [{"name": "site-b", "ike": None, "children": []}]


def test_a_policy_that_no_intent_named_is_foreign() -> None:
    intent = copy.deepcopy(INTENT)
    intent["ipsec"]["peers"] = [OTHER]
    told = status(FACTS, intent)
    assert [(one["name"], len(one["children"])) for one in told["foreign"]] == [("site-b", 1)]


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("(enc aes-128 auth hmac-sha1 group modp2048)", ("AES_CBC-128", "HMAC_SHA1_96", None, "MODP_2048")),
        ("(enc aes-192 auth hmac-sha2-384)", ("AES_CBC-192", "HMAC_SHA2_384_192", None, None)),
        (
            "(enc aes-256 auth hmac-sha2-256 group curve25519 prf hmac-sha1)",
            ("AES_CBC-256", "HMAC_SHA2_256_128", "PRF_HMAC_SHA1", "CURVE_25519"),
        ),
        (
            "(enc aes-128-gcm-12 group brainpool256 prf hmac-sha2-512)",
            ("AES_GCM_12-128", None, "PRF_HMAC_SHA2_512", "ECP_256_BP"),
        ),
    ],
)
def test_names_of_algorithms_are_those_of_the_contract(printed: str, names: tuple[str | None, ...]) -> None:
    _, told = jq('include "report"; algorithms', printed)
    assert (told["encryption"], told["integrity"], told["prf"], told["dh"]) == names


def test_the_history_has_what_stood_before() -> None:
    code, told = jq('include "history"; history($applied)', FACTS, INTENT)
    assert code == 0
    valid("history", {"contract": "1", "kind": "ipsec", "name": "gateway", "complete": True, **told})
    assert told["proposals"] == {"ike": "aes256gcm16-prfsha384-ecp384", "esp": "aes256-sha512-ecp384"}
    spis = [(one["initiator_spi"], one["responder_spi"], one["peer"]) for one in told["ike"]]
    assert spis == [
        ("cbdca68482c90716", "ac750682ac902a5f", "site-b"),
        ("6dc882f586dbc5b5", "071e91f0a5ee1c2d", "site-b"),
    ]
    children = [(one["spi_in"], one["spi_out"], one["rekeyed"], one["dh"], one["peer"]) for one in told["children"]]
    assert children == [
        ("01fc249c", "c9e1b83d", False, None, "site-b"),
        ("70fbc166", "294fbe39", True, "ECP_384", "site-b"),
    ]
