"""Gateways of two products: what they agree on, and what the wire between them carries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from .gateways import Pair, Site, esp_of, joined
from .products import VNFS

SCHEMAS = [json.loads(path.read_text(encoding="utf-8")) for path in (VNFS / "contract").glob("*.schema.json")]
REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS]
)
SWANCTL = ("env", "STRONGSWAN_CONF=/dev/shm/vnf/strongswan.conf", "swanctl")
PATIENCE = 120.0
"""Seconds that a tunnel may take: a guest that starts is one of many on a machine with few CPUs."""


@pytest.fixture(scope="module", params=[("strongswan", "openiked", "aes256-sha512-ecp384")], ids=lambda row: row[1])
def mixed(
    bench: Any,
    descriptor: Callable[[str], dict[str, Any]],
    wait_until: Callable[..., Any],
    request: pytest.FixtureRequest,
) -> Pair:
    """Site 1, which initiates, is served by the first product and site 2 by the second."""
    first, second, esp_proposal = request.param
    return joined(bench, descriptor, wait_until, (first, second), esp_proposal=esp_proposal)


def told(site: Site, what: str) -> dict[str, Any]:
    """What the gateway prints by `/vnf/status`, `/vnf/history` or `/vnf/keys`; the first two must keep their schema."""
    found: dict[str, Any] = json.loads(site.vnf.exec(f"/vnf/{what}").stdout)
    if what != "keys":
        Draft202012Validator({"$ref": f"urn:lso:vnf-contract:1:ipsec-{what}"}, registry=REGISTRY).validate(found)
    return found


def mirrored(facts: dict[str, Any]) -> dict[str, Any]:
    """What one end tells of a CHILD SA, as the other should."""
    ends = {
        "spi_in": "spi_out",
        "spi_out": "spi_in",
        "local_subnets": "remote_subnets",
        "remote_subnets": "local_subnets",
    }
    same = ("mode", "protocol", "udp_encapsulation", "encryption", "integrity", "dh")
    return {**{key: facts[key] for key in same}, **{key: facts[other] for key, other in ends.items()}}


def test_both_products_tell_the_same_and_the_wire_has_esp_only(mixed: Pair) -> None:
    (mine,), (theirs,) = (told(site, "status")["peers"] for site in (mixed.a, mixed.b))
    assert mine["ike"]["state"] == theirs["ike"]["state"] == "ESTABLISHED"
    for name in ("initiator_spi", "responder_spi", "encryption", "integrity", "prf", "dh"):
        assert mine["ike"][name] == theirs["ike"][name]
    assert (theirs["ike"]["local_id"], theirs["ike"]["remote_id"]) == ("site-2", "site-1")
    here, there = mine["children"][-1], theirs["children"][-1]
    assert mirrored(here) == {key: there[key] for key in mirrored(here)}
    canary = f"canary {time.monotonic_ns()}".encode()
    wire, arrived = mixed.exchange(canary)
    assert arrived
    assert not any(canary in frame for frame in wire)
    assert {esp[:4].hex() for frame in wire if (esp := esp_of(frame))} <= {here["spi_in"], here["spi_out"]}
    assert told(mixed.b, "status")["peers"][0]["children"][-1]["packets_in"] > there["packets_in"]
    own, other = ({sa["spi"]: sa["encryption_key"] for sa in told(site, "keys")["sas"]} for site in (mixed.a, mixed.b))
    assert own == other


def test_rekeyed_associations_are_in_both_histories(mixed: Pair) -> None:
    for what in ("--child", "--ike"):
        before = told(mixed.b, "history")
        mixed.a.vnf.inside(*SWANCTL, "--rekey", what, "site-2")
        kind = {"--child": "children", "--ike": "ike"}[what]
        mixed.wait(
            lambda before=before, kind=kind: len(told(mixed.b, "history")[kind]) > len(before[kind]), what, PATIENCE
        )
        mixed.wait_established(PATIENCE)
    pairs = [
        {(one["initiator_spi"], one["responder_spi"]) for one in told(site, "history")["ike"]}
        for site in (mixed.a, mixed.b)
    ]
    assert pairs[0] == pairs[1]
    mine, theirs = (told(site, "history")["children"] for site in (mixed.a, mixed.b))
    assert {(one["spi_in"], one["spi_out"]) for one in mine} == {(one["spi_out"], one["spi_in"]) for one in theirs}
    assert [(one["rekeyed"], one["dh"]) for one in theirs] == [(False, None), (True, "ECP_384")]
    assert mixed.a.lan.pings(mixed.b.host)


def test_a_wrong_key_brings_no_tunnel_and_no_plain_packet(mixed: Pair) -> None:
    mixed.apply(psks=("one", "two"), authentication="psk")
    mixed.wait(lambda: not mixed.a.children() and not mixed.b.children(), "the old tunnel is gone", PATIENCE)
    for number in range(3):
        canary = f"canary {number}".encode()
        wire, arrived = mixed.exchange(canary)
        assert not arrived
        assert not any(canary in frame for frame in wire)
        assert not mixed.b.children()
    mixed.apply(psks=("two", "two"), authentication="psk")
    mixed.wait_established(PATIENCE)
    assert mixed.a.lan.pings(mixed.b.host)


def test_a_restart_brings_the_tunnel_back(mixed: Pair) -> None:
    mixed.b.vnf.container.restart()
    mixed.b.wire_up()
    mixed.wait_established(PATIENCE)
    assert mixed.a.lan.pings(mixed.b.host)
    assert told(mixed.b, "history")["complete"] is True
    logs = mixed.b.vnf.container.logs().decode()
    assert "two" not in logs
    assert b"two".hex() not in logs
