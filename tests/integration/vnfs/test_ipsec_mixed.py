"""Each other IPsec product with strongSwan at the far end: what both tell, and what the wire between them has."""

from __future__ import annotations

import time

import pytest

from .gateways import Pair, esp_of
from .products import products
from .test_history import history, rekey
from .test_ipsec import decrypted, keys_of

OTHERS = [product for product in products("ipsec") if product not in {"strongswan", "openiked"}]  # see test_ipsec_pairs
pytestmark = pytest.mark.parametrize(
    "pair", [("strongswan", product) for product in OTHERS], ids="-".join, indirect=True, scope="module"
)
SAME = ("version", "initiator_spi", "responder_spi", "encryption", "integrity", "prf", "dh")


def test_both_products_tell_the_same(up: Pair) -> None:
    (mine,), (theirs,) = (site.vnf.status()["peers"] for site in (up.a, up.b))
    assert {name: mine["ike"][name] for name in SAME} == {name: theirs["ike"][name] for name in SAME}
    assert (mine["ike"]["local_id"], mine["ike"]["remote_id"]) == (
        theirs["ike"]["remote_id"],
        theirs["ike"]["local_id"],
    )
    here, there = up.a.children()[-1], up.b.children()[-1]
    assert (here["spi_in"], here["spi_out"]) == (there["spi_out"], there["spi_in"])
    assert (here["local_subnets"], here["remote_subnets"]) == (there["remote_subnets"], there["local_subnets"])
    for name in ("encryption", "integrity", "dh", "mode", "protocol", "udp_encapsulation"):
        assert here[name] == there[name]


@pytest.mark.parametrize("authentication", ["certificate", "psk"])
def test_the_wire_has_esp_only_and_the_keys_of_both_open_it(up: Pair, authentication: str) -> None:
    up.apply(authentication=authentication)
    up.wait_established()
    before = up.b.children()[-1]
    canary = f"canary {time.monotonic_ns()}".encode()
    wire, arrived = up.exchange(canary)
    assert arrived
    assert not any(canary in frame for frame in wire)
    assert any(canary in (decrypted(esp, up.b.vnf) or b"") for frame in wire if (esp := esp_of(frame)))
    up.wait(lambda: keys_of(up.a.vnf) == keys_of(up.b.vnf), "both know the same keys")
    after = up.b.children()[-1]
    assert after["packets_in"] - before["packets_in"] == 1
    assert after["bytes_in"] - before["bytes_in"] == 28 + len(canary)


@pytest.mark.parametrize("what", ["--child", "--ike"])
def test_the_history_of_both_has_what_a_rekeying_left(up: Pair, what: str) -> None:
    rekey(up, up.a, what)
    mine, theirs = history(up.a), history(up.b)
    spis = ("initiator_spi", "responder_spi")
    assert {tuple(one[name] for name in spis) for one in mine["ike"]} == {
        tuple(one[name] for name in spis) for one in theirs["ike"]
    }
    assert {(one["spi_in"], one["spi_out"]) for one in mine["children"]} == {
        (one["spi_out"], one["spi_in"]) for one in theirs["children"]
    }
    assert up.exchange(b"after it")[1]


def test_another_key_connects_nobody(up: Pair) -> None:
    up.apply(("one", "another"), authentication="psk")
    assert not up.a.children()
    assert not up.b.children()
    wire, arrived = up.exchange(b"in the clear?")
    assert not arrived
    assert not any(b"in the clear?" in frame for frame in wire)
