"""What Libreswan is told of an intent, and what is made of its words (jq and awk)."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from .test_contract import INTENTS, PORTS, REGISTRY, VNFS
from .test_contract import PEER as CERTIFICATE_PEER

pytestmark = pytest.mark.skipif(shutil.which("gojq") is None or shutil.which("mawk") is None, reason="no gojq or mawk")
PEER = {**CERTIFICATE_PEER, "psk": "one"}
LIBRARY = ["-L", str(VNFS / "common"), "-L", str(VNFS / "libreswan")]


def intent(**changes: Any) -> dict[str, Any]:
    ipsec = {**copy.deepcopy(INTENTS["ipsec"]), "authentication": "psk", "peers": [PEER], **changes}
    return {"contract": "1", "kind": "ipsec", "name": "gateway", "ports": PORTS, "ipsec": ipsec}


def compiled(now: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, str]:
    """What apply finds; the refusal as ``error`` and ``path``."""
    done = subprocess.run(
        ["gojq", "-c", *LIBRARY, "--argjson", "before", json.dumps(before), 'include "compile"; compile($before)'],
        input=json.dumps(now), capture_output=True, text=True, check=False,
    )  # fmt: skip
    strings: dict[str, str] = json.loads(done.stderr if done.returncode == 2 else done.stdout)
    return strings


def settings(configuration: str) -> dict[str, str]:
    """Of the last connection."""
    return dict(line.strip().split("=", 1) for line in configuration.rpartition("conn ")[2].splitlines() if "=" in line)


@pytest.mark.parametrize(
    ("proposal", "ike"),
    [
        ("aes256gcm16-prfsha384-ecp384", "aes_gcm_c_256-sha2_384-dh20"),
        ("aes128gcm8-prfsha256-ecp256", "aes_gcm_a_128-sha2_256-dh19"),
        ("chacha20poly1305-prfsha512-curve25519", "chacha20_poly1305-sha2_512-dh31"),
        ("aes256-aes128-sha256-sha512-modp2048-ecp521", "aes_cbc_256+aes_cbc_128-sha2_256+sha2_512-dh14+dh21"),
        ("aes256-sha256-prfsha256-modp8192", "aes_cbc_256-sha2_256-dh18"),
        ("camellia192-sha1-x25519", "camellia_cbc_192-sha1-dh31"),
        ("aes192ctr-sha384-modp3072", "aes_ctr_192-sha2_384-dh15"),
    ],
)
def test_ike_proposals(proposal: str, ike: str) -> None:
    assert settings(compiled(intent(ike_proposal=proposal))["configuration"])["ike"] == ike


@pytest.mark.parametrize(
    ("changes", "esp", "pfs", "esn"),
    [
        ({"esp_proposal": "aes256gcm16-ecp384"}, "aes_gcm_c_256-none-dh20", "yes", "no"),
        ({"esp_proposal": "aes128ccm16"}, "aes_ccm_c_128-none", "no", "no"),
        ({"esp_proposal": "chacha20poly1305-esn"}, "chacha20_poly1305-none", "no", "yes"),
        ({"esp_proposal": "aes256-sha256-modp2048-esn-noesn"}, "aes_cbc_256-sha2_256-dh14", "yes", "either"),
        ({"encryption": "integrity-only"}, "null-sha2_256-dh20", "yes", "no"),
        ({"encryption": "integrity-only", "esp_proposal": "aes128gcm16"}, "null-sha2_256", "no", "no"),
    ],
)
def test_esp_proposals(changes: dict[str, Any], esp: str, pfs: str, esn: str) -> None:
    found = settings(compiled(intent(**changes))["configuration"])
    assert (found["esp"], found["pfs"], found["esn"]) == (esp, pfs, esn)


@pytest.mark.parametrize(
    ("changes", "lifetimes"),
    [
        ({}, {}),
        (
            {"child_lifetime_seconds": 12},
            {"rekeymargin": "4", "rekeyfuzz": "50%", "salifetime": "12"},
        ),
        (
            {"child_lifetime_seconds": 3600, "ike_lifetime_seconds": 15},
            {"rekeymargin": "5", "rekeyfuzz": "50%", "ikelifetime": "15", "salifetime": "3600"},
        ),
    ],
)
def test_lifetimes(changes: dict[str, Any], lifetimes: dict[str, str]) -> None:
    usual = settings(compiled(intent())["configuration"])
    assert settings(compiled(intent(**changes))["configuration"]) == {**usual, **lifetimes}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"ike_proposal": "aes256ccm16-prfsha256-ecp256"}, "ipsec.ike_proposal"),
        ({"ike_proposal": "aes256-sha256-prfsha384-ecp256"}, "ipsec.ike_proposal"),
        ({"ike_proposal": "aes256-sha256-ecp256bp"}, "ipsec.ike_proposal"),
        ({"esp_proposal": "aes256gcm16-curve448"}, "ipsec.esp_proposal"),
        ({"esp_proposal": "aes256ccm16", "export_keys": True}, "ipsec.esp_proposal"),
        ({"peers": [PEER, PEER]}, "ipsec.peers"),
        ({"peers": [PEER, {**PEER, "name": "other", "psk": "two"}]}, "ipsec.peers[1].identity"),
    ],
)
def test_what_the_product_cannot_do_is_refused(changes: dict[str, Any], path: str) -> None:
    assert compiled(intent(**changes))["path"] == path


def test_identities_and_keys() -> None:
    peers = [
        {**PEER, "identity": "b@example.net", "psk": 'a "quoted" key'},
        {**PEER, "name": "c", "identity": "198.51.100.3", "psk": "two"},
    ]
    found = compiled(intent(peers=peers))
    assert found["secrets"] == "@site-a b@example.net : PSK 0sYSAicXVvdGVkIiBrZXk=\n@site-a 198.51.100.3 : PSK 0sdHdv\n"
    certificate = settings(compiled(intent(authentication="certificate"))["configuration"])
    assert (certificate["authby"], certificate["leftcert"], certificate["rightid"]) == (
        "certificate", "site", "@site-b",
    )  # fmt: skip


def test_each_pair_of_subnets_is_a_connection() -> None:
    found = compiled(intent(peers=[{**PEER, "subnets": ["10.2.0.0/24", "10.3.0.0/24"]}]))
    assert found["fresh"] == found["initiators"] == "p1-site-b p2-site-b"
    assert found["remote_subnets"] == "10.2.0.0/24 10.3.0.0/24"


@pytest.mark.parametrize(
    ("changes", "stale", "fresh"),
    [
        ({}, "", ""),
        ({"peers": [{**PEER, "psk": "two"}]}, "p1-site-b", "p1-site-b"),
        ({"peers": []}, "p1-site-b", ""),
        ({"peers": [PEER, {**PEER, "name": "c", "identity": "c"}]}, "", "p1-c"),
        ({"peers": [{**PEER, "initiate": False}]}, "p1-site-b", "p1-site-b"),
        ({"esp_proposal": "aes128gcm16"}, "p1-site-b", "p1-site-b"),
        ({"child_lifetime_seconds": 3600}, "p1-site-b", "p1-site-b"),
        ({"local": {**INTENTS["ipsec"]["local"], "crl": "revoked"}}, "p1-site-b", "p1-site-b"),
    ],
)
def test_only_what_changes_is_loaded_anew(changes: dict[str, Any], stale: str, fresh: str) -> None:
    found = compiled(intent(**changes), intent())
    assert (found["stale"], found["fresh"]) == (stale, fresh)


RECORDED = {name: Path(__file__).with_name("libreswan") / name for name in ("pluto.log", "status.txt", "xfrm.txt")}


def notes(tmp_path: Path, limit: int = 100_000) -> list[str]:
    kept = tmp_path / "history"
    options = {"size": 0, "limit": limit, "history": kept}
    printed = subprocess.run(
        ["mawk", *(word for name, value in options.items() for word in ("-v", f"{name}={value}")), "-f",
         str(VNFS / "libreswan" / "notes.awk")],
        input=RECORDED["pluto.log"].read_text(), capture_output=True, text=True,
        check=True,
    ).stdout.splitlines()  # fmt: skip
    if limit > 150:
        assert kept.read_text().splitlines() == printed
    return printed


def told(tmp_path: Path, program: str) -> Any:
    sources = {name: RECORDED[f"{name}.txt"].read_text().splitlines() for name in ("status", "xfrm")}
    sources["note"] = notes(tmp_path)
    facts = [f"{source}\t{line}" for source, lines in sources.items() for line in lines]
    done = subprocess.run(
        ["gojq", "-c", *LIBRARY, "--argjson", "intent", json.dumps(intent()), program],
        input=json.dumps(facts), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_the_status_has_what_stands_and_what_nobody_ordered(tmp_path: Path) -> None:
    state = told(tmp_path, 'include "report"; report($intent)')
    assert state["engine"] == {"esp": "kernel", "ike": "pluto"}
    (peer,) = state["peers"]
    assert peer["ike"] == {
        "state": "ESTABLISHED", "version": 2, "initiator_spi": "72952227be3f49e8", "responder_spi": "4c07423fee0746e6",
        "local_id": "site-a", "remote_id": "site-b", "encryption": "AES_GCM_16-256", "integrity": None,
        "prf": "PRF_HMAC_SHA2_384", "dh": "ECP_384",
    }  # fmt: skip
    assert peer["children"] == [
        {
            "name": "p1-site-b", "state": "INSTALLED", "mode": "TUNNEL", "protocol": "ESP", "udp_encapsulation": False,
            "spi_in": "0000abcd", "spi_out": "00001234", "encryption": "AES_CBC-256", "integrity": "HMAC_SHA2_256_128",
            "dh": "MODP_2048", "local_subnets": ["10.1.0.0/24"], "remote_subnets": ["10.2.0.0/24"], "packets_in": 2,
            "bytes_in": 84, "packets_out": 3, "bytes_out": 126,
        }
    ]  # fmt: skip
    assert state["foreign"] == [{"name": "other", "ike": None, "children": []}]


def test_the_history_has_all_that_stood_and_conforms(tmp_path: Path) -> None:
    state = told(tmp_path, 'include "history"; history($intent)')
    whole = {"contract": "1", "kind": "ipsec", "name": "gateway", "complete": True, **state}
    Draft202012Validator({"$ref": "urn:lso:vnf-contract:1:ipsec-history"}, registry=REGISTRY).validate(whole)
    assert [(one["initiator_spi"], one["remote_address"]) for one in state["ike"]] == [
        ("a203ead93148af15", "198.51.100.2"), ("72952227be3f49e8", "198.51.100.2"),
    ]  # fmt: skip
    assert [(one["spi_in"], one["rekeyed"], one["udp_encapsulation"], one["dh"]) for one in state["children"]] == [
        ("22c8aa54", False, True, None), ("0000abcd", True, False, "MODP_2048"),
    ]  # fmt: skip
    other, ordered = sorted(state["connections"], key=lambda one: str(one["name"]))
    assert other["remote"] == [{"authentication": "null", "identity": None}]
    assert (ordered["local"], ordered["rekey_seconds"], ordered["dead_peer_seconds"]) == (
        [{"authentication": "psk", "identity": "site-a"}], 14400, 10,
    )  # fmt: skip


def test_a_full_history_keeps_the_first_ones(tmp_path: Path) -> None:
    first, *others = notes(tmp_path, limit=150)
    assert len(others) == 3
    assert (tmp_path / "history").read_text() == f"{first}\n"


def test_a_peer_with_a_certificate_has_its_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = "'P-384 ECDSA with SHA2_512' digital signature using peer certificate '@site-b' issued by CA 'CN=x'"
    log = tmp_path / "log"
    log.write_text(RECORDED["pluto.log"].read_text().replace("using authby=secret and ID_FQDN '@site-b'", shown))
    monkeypatch.setitem(RECORDED, "pluto.log", log)
    assert [note.split("\t")[-1] for note in notes(tmp_path) if "\tike\t" in note] == ["@site-b"] * 2
