"""What an IPsec gateway measures inside its tunnels, and that its own address never speaks in plain text."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from .gateways import Pair, Site, frames


def probed(site: Site, *changes: tuple[str, Any], expected: int = 0) -> Any:
    """What /vnf/probe prints of the peer, or its refusal when it shall end with another code than 0."""
    (peer,) = site.intent["ipsec"]["peers"]
    target = {"name": peer["name"], "address": peer["subnets"][0].replace("0/24", "1")}
    answer = site.vnf.exec("/vnf/probe", stdin=json.dumps({"echoes": 5, "peers": [target], **dict(changes)}))
    assert answer.returncode == expected, answer.stderr
    return json.loads(answer.stderr if expected else answer.stdout)


@pytest.mark.parametrize("which", ["a", "b"])
def test_a_probe_takes_its_time_inside_the_tunnel(up: Pair, which: str) -> None:
    site = getattr(up, which)
    before = site.children()[-1]
    with closing(up.underlay.namespace.packet_socket("wan1")) as capture:
        answer = probed(site)
        capture.setblocking(False)
        assert not list(plain_icmp(frames(capture)))
    assert (answer["kind"], answer["name"], answer["source"]) == ("ipsec", "gateway", f"10.{site.number}.0.1")
    (peer,) = answer["peers"]
    assert (peer["name"], len(peer["round_trips_ms"])) == (f"site-{3 - site.number}", 5)
    assert all(0 < milliseconds < 1000 for milliseconds in peer["round_trips_ms"])
    after = site.children()[-1]
    assert after["packets_out"] - before["packets_out"] == after["packets_in"] - before["packets_in"] == 5


def test_a_probe_of_a_dead_tunnel_finds_nothing_and_sends_nothing_plain(up: Pair) -> None:
    lost = [None] * 5
    up.underlay.run("ip", "link", "set", "wan2", "down")
    try:
        assert [peer["round_trips_ms"] for peer in probed(up.a)["peers"]] == [lost]
    finally:
        up.underlay.run("ip", "link", "set", "wan2", "up")
    for site in (up.a, up.b):
        site.vnf.applied({**site.intent, "ipsec": {**site.intent["ipsec"], "peers": []}})
    with closing(up.underlay.namespace.packet_socket("wan1")) as capture:
        assert [peer["round_trips_ms"] for peer in probed(up.a)["peers"]] == [lost]
        capture.setblocking(False)
        assert not list(plain_icmp(frames(capture)))


def test_the_gateway_hears_no_plain_packet_for_its_lan_address(up: Pair) -> None:
    up.underlay.run("ip", "address", "replace", "198.51.100.9/24", "dev", "underlay")
    up.underlay.run("ip", "route", "replace", "10.1.0.1", "via", "198.51.100.1")
    assert up.underlay.pings("198.51.100.1")
    assert not up.underlay.pings("10.1.0.1")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (("echoes", 0), "echoes"),
        (("echoes", 51), "echoes"),
        (("peers", []), "peers"),
        (("peers", [{"name": "site-2", "address": "10.2.0.1; reboot"}]), "peers[0].address"),
        (("port", 7), "port"),
    ],
)
def test_a_probe_of_something_else_is_refused(up: Pair, change: tuple[str, Any], path: str) -> None:
    assert probed(up.a, change, expected=2)["path"] == path


def plain_icmp(wire: Iterator[bytes]) -> Iterator[bytes]:
    return (frame for frame in wire if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_ICMP)
