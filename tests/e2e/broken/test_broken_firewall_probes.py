"""Firewalls that treat some packets, directions or moments otherwise than their rules say; each once passed unseen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from breaking import Judge, assert_fails, assert_passes, intent, nft, port, program

from reports.model import Verdict
from scenarios.steps.context import Context
from testbed.packets import probe
from testbed.polling import poll

WEB = {"from_": "a1", "to": "b1", "protocol": "tcp", "destination_port": 80, "rule": "web"}
PROBE = WEB | {"protocol": "udp", "destination_port": 9050, "rule": "probe"}
TELNET = WEB | {"destination_port": 23, "rule": "telnet"}
NAMELESS = WEB | {"protocol": "udp", "destination_port": 7777, "rule": "default"}
FEW = {"packets": 4}
INSERT = "insert rule inet firewall forward"
LATE_SECONDS = 1.5
NEAR, FAR = "left the firewall of site-a", "left the firewall of site-b"
STATUS = """#!/bin/sh
/vnf/status.real | jq '.rules += [{id: "telnet", packets: .default.packets, bytes: 0}]'
"""

OPENED = {
    "some source ports": ("site-a", "tcp dport 23 tcp sport 60000-65535 accept", f"from the LAN that {NEAR}"),
    "well-known source ports": ("site-a", "tcp dport 23 tcp sport 0-1023 accept", f"from the LAN that {NEAR}"),
    "SYN without data": ("site-a", "tcp dport 23 tcp flags syn ip length < 64 accept", f"from the LAN that {NEAR}"),
    "ACK": ("site-a", "tcp dport 23 tcp flags ack accept", f"from the LAN that {NEAR}"),
    "packets with IP options": ("site-a", "tcp dport 23 ip hdrlength > 5 accept", f"from the LAN that {NEAR}"),
    "a DSCP": ("site-a", "tcp dport 23 ip dscp >= 32 accept", f"from the LAN that {NEAR}"),
    "a TTL": ("site-a", "tcp dport 23 ip ttl > 200 accept", f"from the LAN that {NEAR}"),
    "another port": ("site-a", "tcp dport 23 tcp dport set 80 accept", f"from the LAN that {NEAR}"),
    "all that it counts": ("site-a", "tcp dport 23 counter name rule-telnet accept", f"from the LAN that {NEAR}"),
    "the far site alone": ("site-b", "tcp dport 23 accept", f"from the WAN that {FAR}"),
    "the far site, counting": ("site-b", "tcp dport 23 counter name rule-telnet accept", f"from the WAN that {FAR}"),
    "answers by their port": ("site-a", "tcp sport 80 accept", f"from the WAN that {NEAR}"),
    "answers by their flags": ("site-a", "tcp flags & ack == ack accept", f"from the WAN that {NEAR}"),
    "answers of UDP": ("site-b", "udp sport 5201-9099 accept", f"from the LAN that {FAR}"),
    "echo replies": ("site-a", "icmp type echo-reply accept", f"from the WAN that {NEAR}"),
    "other protocols": ("site-a", "meta l4proto { 47, 50, 51, 132 } accept", f"from the LAN that {NEAR}"),
    "IPv6": ("site-b", "meta nfproto ipv6 accept", f"from the WAN that {FAR}"),
    "ports beside a range": ("site-b", "udp dport { 5200, 5300, 8999, 9100 } accept", f"from the LAN that {FAR}"),
    "other hosts": ("site-a", "ip saddr 10.1.0.0/24 ip saddr != 10.1.0.10 accept", f"from the LAN that {NEAR}"),
    "unrelated ICMP errors": ("site-a", "icmp type destination-unreachable accept", f"from the WAN that {NEAR}"),
}
CHANGED = {
    "some source ports": ("site-a", "tcp dport 80 tcp sport 1024-5000 drop", "packets captured at the receiver"),
    "SYN with data": ("site-b", "tcp dport 80 tcp flags syn ip length > 80 drop", "packets captured at the receiver"),
    "DSCP": ("site-a", "tcp dport 80 ip dscp set cs1", f"packets changed of those that {NEAR}"),
    "TTL": ("site-b", "tcp dport 80 ip ttl set 33", f"packets changed of those that {FAR}"),
    "source port": ("site-a", "tcp dport 80 tcp flags syn tcp sport set 1234", f"packets changed of those that {NEAR}"),
    "connections with data": ("site-a", "tcp dport 80 tcp flags & (syn|psh) == psh drop", "connection from port"),
    "more than 64 kB": ("site-a", "tcp dport 80 quota over 64 kbytes drop", "connection from port"),
    "more than a rate": ("site-b", "tcp dport 80 limit rate over 2 kbytes/second drop", "connection from port"),
    "answers": ("site-a", "tcp sport 80 drop", "packets that were answered"),
    "related errors": ("site-b", "icmp type destination-unreachable drop", "related ICMP errors"),
}


@pytest.mark.parametrize("name", OPENED)
def test_opened_for(context: Context, judged: Judge, name: str) -> None:
    site, rule, check = OPENED[name]
    with nft(context, site, "firewall", f"{INSERT} {rule}"):
        assert_fails(judged("firewall.blocks", **TELNET), check)


@pytest.mark.parametrize("name", CHANGED)
def test_closed_or_changed_for(context: Context, judged: Judge, name: str) -> None:
    site, rule, check = CHANGED[name]
    with nft(context, site, "firewall", f"{INSERT} {rule}"):
        assert_fails(judged("firewall.allows", **WEB, within_seconds=1), check)


def test_fragments_are_dropped(context: Context, judged: Judge) -> None:
    with nft(context, "site-a", "firewall", f"{INSERT} udp dport 9050 ip length > 1400 drop"):
        assert_fails(judged("firewall.allows", **PROBE, within_seconds=1), "packets captured at the receiver")
    assert_passes(judged("firewall.allows", **PROBE))


def test_frames_behind_a_tag_are_taken_for_what_they_carry(context: Context, judged: Judge) -> None:
    opened = [
        f"insert rule {chain} ether type 8021q accept" for chain in ("netdev ports lan", "bridge ports prerouting")
    ]
    with nft(context, "site-a", "firewall", *opened):
        failed = assert_fails(judged("firewall.blocks", **TELNET, **FEW), f"from the LAN that {NEAR}")
        assert "VLAN" in failed[0].message
    assert_passes(judged("firewall.blocks", **TELNET, **FEW))


def test_everything_is_open_while_the_status_says_otherwise(context: Context, judged: Judge) -> None:
    def allow_all(document: dict[str, Any]) -> None:
        rules = document["firewall"]["rules"]
        document["firewall"] = {"default": "allow", "rules": [entry for entry in rules if entry["id"] != "telnet"]}

    with intent(context, "site-a", "firewall", allow_all), program(context, "site-a", "firewall", "status", STATUS):
        assert_fails(judged("firewall.blocks", **TELNET, **FEW), NEAR)
    # Hosts may still answer what came through: that is dropped, and counted before anybody captures.
    healthy = poll(lambda: judged("firewall.blocks", **TELNET, **FEW).verdict is Verdict.PASSED, 20)
    assert healthy


def test_the_firewall_answers_with_resets(context: Context, judged: Judge) -> None:
    def refuse(frame: bytes) -> Iterator[bytes]:
        if is_tcp_to(frame, 23) and frame[47] == 2:
            source, target = (".".join(map(str, frame[place : place + 4])) for place in (26, 30))
            sequence = int.from_bytes(frame[38:42], "big") + 1
            yield probe(
                "tcp",
                source_mac=frame[:6].hex(":"),
                destination_mac=frame[6:12].hex(":"),
                source=target,
                destination=source,
                source_port=23,
                destination_port=int.from_bytes(frame[34:36], "big"),
                tcp_flags="RA",
                tcp_acknowledgement=sequence,
            )

    own = port(context, "site-a", "firewall", "lan")
    with meddling(context, "site-a", own, own, refuse):
        failed = assert_fails(judged("firewall.blocks", **TELNET), "answers to packets from the LAN at site-a")
        assert "connection from port" in failed[-1].name
        assert failed[-1].measured == "refused"
    assert_passes(judged("firewall.blocks", **TELNET, **FEW))


def test_blocked_packets_are_delivered_late(context: Context, judged: Judge) -> None:
    lan, wan = (port(context, "site-a", "firewall", role) for role in ("lan", "wan"))

    def late(frame: bytes) -> Iterator[bytes]:
        if is_tcp_to(frame, 23):
            yield frame

    with meddling(context, "site-a", lan, wan, late, LATE_SECONDS):
        assert_fails(judged("firewall.blocks", **TELNET, **FEW), f"from the LAN that {NEAR}")
    assert_passes(judged("firewall.blocks", **TELNET, **FEW))


def test_allowed_packets_are_delivered_late(context: Context, judged: Judge) -> None:
    lan, wan = (port(context, "site-a", "firewall", role) for role in ("lan", "wan"))

    def late(frame: bytes) -> Iterator[bytes]:
        if is_tcp_to(frame, 80):
            yield frame

    with (
        nft(context, "site-a", "firewall", f"{INSERT} tcp dport 80 counter name rule-web drop"),
        meddling(context, "site-a", lan, wan, late, LATE_SECONDS),
    ):
        assert_fails(judged("firewall.allows", **WEB, **FEW), "seconds from the near firewall to the receiver")
    assert_passes(judged("firewall.allows", **WEB, **FEW))


@pytest.mark.parametrize("steps", range(2))
def test_healthy_firewalls_pass(context: Context, judged: Judge, steps: int) -> None:
    assert_passes(judged("firewall.allows", **WEB))
    assert_passes(judged("firewall.allows", **PROBE))
    assert_passes(judged("firewall.allows", **WEB | {"protocol": "icmp", "rule": "icmp"}))
    assert_passes(judged("firewall.blocks", **TELNET))
    assert_passes(judged("firewall.blocks", **NAMELESS))


def is_tcp_to(frame: bytes, number: int) -> bool:
    """Tell whether *frame* is a TCP packet to port *number*, without IP options."""
    return frame[12:15] == b"\x08\x00\x45" and frame[23] == 6 and frame[36:38] == number.to_bytes(2, "big")


@contextmanager
def meddling(
    context: Context,
    site: str,
    seen_at: str,
    sent_by: str,
    makes: Callable[[bytes], Iterator[bytes]],
    seconds: float = 0.0,
) -> Iterator[None]:
    """Send what *makes* makes of each frame that is seen at one port of a uCPE by another, *seconds* later."""
    namespace, end = context.lab.ucpes[site].namespace, threading.Event()
    with closing(namespace.packet_socket(seen_at)) as ear, closing(namespace.packet_socket(sent_by)) as mouth:
        ear.settimeout(0.02)
        waiting: list[tuple[float, bytes]] = []
        known: set[bytes] = set()

        def work() -> None:
            while not end.is_set():
                try:
                    frame = ear.recv(65535)
                    if frame not in known:
                        known.add(frame)
                        waiting.extend((time.monotonic() + seconds, made) for made in makes(frame))
                except TimeoutError:
                    pass
                while waiting and waiting[0][0] <= time.monotonic():
                    mouth.send(waiting.pop(0)[1])

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
