"""strongSwan with each other IPsec product at the far end: what both tell, and what crosses the wire between them.

Each test leaves a tunnel behind, whatever the gateways authenticate by then.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from testbed.esp import KeyRing
from testbed.esp.open import open_frames

from .gateways import Pair, Site, esp_of
from .products import products
from .test_history import SWANCTL, history

OTHERS = [product for product in products("ipsec") if product != "strongswan"]
pytestmark = [
    pytest.mark.alone,  # two guests take all processors: others would be late, and they beside others
    pytest.mark.parametrize("mixed", OTHERS, indirect=True, scope="module"),
]
SAME = ("version", "initiator_spi", "responder_spi", "encryption", "integrity", "prf", "dh")
SLOWEST_SECONDS = 120.0
"""Seconds that a tunnel may take: a guest that starts is one of many on a machine with few CPUs."""


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


def keys_of(site: Site) -> dict[str, Any]:
    keys: dict[str, Any] = json.loads(site.vnf.inside("/vnf/keys"))
    return {**keys, "sas": sorted(keys["sas"], key=lambda sa: str(sa["spi"]))}


def carries_one_datagram_in_esp(mixed: Pair) -> None:
    """The wire has it in ESP only, the keys of both ends open that, and the far end counts it once."""
    before = mixed.b.children()[-1]
    canary = f"canary {time.monotonic_ns()}".encode()
    wire, arrived = mixed.exchange(canary)
    assert arrived
    assert not any(canary in frame for frame in wire)
    mixed.wait(lambda: keys_of(mixed.a)["sas"] == keys_of(mixed.b)["sas"], "both know the same keys")
    opened = open_frames((frame for frame in wire if esp_of(frame)), KeyRing(keys_of(mixed.b)))
    assert [packet[28:] for packet in opened.packets if packet[9] == socket.IPPROTO_UDP] == [canary]
    after = mixed.b.children()[-1]
    assert after["packets_in"] - before["packets_in"] == 1
    assert after["bytes_in"] - before["bytes_in"] == 28 + len(canary)


def test_both_products_tell_the_same_and_the_wire_has_esp_only(mixed: Pair) -> None:
    (mine,), (theirs,) = (site.vnf.status()["peers"] for site in (mixed.a, mixed.b))
    assert mine["ike"]["state"] == theirs["ike"]["state"] == "ESTABLISHED"
    assert {name: mine["ike"][name] for name in SAME} == {name: theirs["ike"][name] for name in SAME}
    assert (mine["ike"]["local_id"], mine["ike"]["remote_id"]) == ("site-1", "site-2")
    assert (theirs["ike"]["local_id"], theirs["ike"]["remote_id"]) == ("site-2", "site-1")
    here, there = mine["children"][-1], theirs["children"][-1]
    assert mirrored(here) == {key: there[key] for key in mirrored(here)}
    carries_one_datagram_in_esp(mixed)


@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
def test_tcp_arrives_unchanged(mixed: Pair, back: bool) -> None:
    """Also what a gateway merges on the way, and what a host left to the hardware of its port to cut."""
    source, target = (mixed.b, mixed.a) if back else (mixed.a, mixed.b)
    sent, received = os.urandom(500_000), bytearray()
    listener = target.lan.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    sender = source.lan.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    with closing(listener), closing(sender):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((target.host, 5003))
        listener.listen()
        sender.settimeout(30)
        sender.connect((target.host, 5003))
        far, _ = listener.accept()
        with closing(far):
            far.settimeout(30)
            push = threading.Thread(target=sender.sendall, args=(sent,))
            push.start()
            while len(received) < len(sent) and (data := far.recv(65536)):
                received += data
            push.join()
    assert received == sent


def test_the_history_of_both_has_what_a_rekeying_left(mixed: Pair) -> None:
    for what, kind in (("--child", "children"), ("--ike", "ike")):
        before = len(history(mixed.b)[kind])
        mixed.a.vnf.inside(*SWANCTL, "--rekey", what, "site-2")
        mixed.wait(
            lambda before=before, kind=kind: len(history(mixed.b)[kind]) > before,
            f"another SA after {what}",
            SLOWEST_SECONDS,
        )
        mixed.wait_established(SLOWEST_SECONDS)
    mine, theirs = history(mixed.a), history(mixed.b)
    pairs = [{(one["initiator_spi"], one["responder_spi"]) for one in told["ike"]} for told in (mine, theirs)]
    assert pairs[0] == pairs[1]
    assert {(one["spi_in"], one["spi_out"]) for one in mine["children"]} == {
        (one["spi_out"], one["spi_in"]) for one in theirs["children"]
    }
    assert {one["dh"] for one in theirs["children"] if one["rekeyed"]} == {"ECP_384"}
    assert mixed.a.lan.pings(mixed.b.host)


def test_a_wrong_key_connects_nobody_and_the_right_one_does(mixed: Pair) -> None:
    mixed.apply(psks=("one", "two"), authentication="psk")
    mixed.wait(lambda: not mixed.a.children() and not mixed.b.children(), "the old tunnel is gone", SLOWEST_SECONDS)
    for number in range(3):
        canary = f"canary {number}".encode()
        wire, arrived = mixed.exchange(canary)
        assert not arrived
        assert not any(canary in frame for frame in wire)
        assert not mixed.b.children()
    mixed.apply(psks=("two words", "two words"), authentication="psk")
    mixed.wait_established(SLOWEST_SECONDS)
    carries_one_datagram_in_esp(mixed)


def test_a_restart_brings_the_tunnel_back(mixed: Pair) -> None:
    mixed.b.vnf.container.restart()
    mixed.b.wire_up()
    mixed.wait_established(SLOWEST_SECONDS)
    assert mixed.a.lan.pings(mixed.b.host)
    assert history(mixed.b)["complete"] is True
    logs = mixed.b.vnf.container.logs().decode()
    assert "two words" not in logs
    assert b"two words".hex() not in logs
