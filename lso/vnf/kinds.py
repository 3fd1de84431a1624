"""The kinds of VNF as the checks know them: good intents, bad ones, and what shows that traffic passes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from testbed.bench import Host
from testbed.packets.wire import interface_mac
from testbed.polling import poll

LAN, WAN = "10.1.0.10", "10.2.0.10"
CARRY_SECONDS = 5.0
_AGAIN = 0.2
"""Seconds after which another packet is sent: a port may have come up just now."""


@dataclass(frozen=True)
class Bad:
    """A good intent with *value* at *place* (`firewall.rules.0.action`), which must be refused there; None removes."""

    what: str
    place: str
    value: Any
    path: str = ""
    """What the refusal names, where that is another place."""


@dataclass(frozen=True)
class Kind:
    """One kind; *config* and *other* are good, and each changes what the other does."""

    name: str
    config: Mapping[str, Any]
    other: Mapping[str, Any]
    bad: tuple[Bad, ...]
    addresses: Mapping[str, tuple[str, ...]]
    executables: tuple[str, ...] = ()
    carries: Callable[[Mapping[str, Host]], bool] | None = None
    secrets: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None


def _syn_crosses(hosts: Mapping[str, Host]) -> bool:
    """Whether a TCP SYN to port 80 that the LAN sends arrives at the WAN."""
    near, far = (hosts[side].namespace for side in ("lan", "wan"))
    canary = f"canary-{time.monotonic_ns()}".encode()
    packet = IP(src=LAN, dst=WAN) / TCP(sport=40000, dport=80, flags="S") / Raw(canary)
    frame = bytes(Ether(src=interface_mac(near, "eth0"), dst=interface_mac(far, "eth0")) / packet)
    with closing(near.packet_socket("eth0")) as source, closing(far.packet_socket("eth0")) as capture:

        def seen() -> bool:
            source.send(frame)
            capture.settimeout(_AGAIN)
            end = time.monotonic() + _AGAIN
            while time.monotonic() < end:
                try:
                    if canary in capture.recv(65535):
                        return True
                except TimeoutError:
                    break
            return False

        return bool(poll(seen, CARRY_SECONDS, 0))


_ALL = (
    Bad("a key that the schema does not have", "colour", "red"),
    Bad("another version of the contract", "contract", "2"),
    Bad("another kind of VNF", "kind", "router"),
    Bad("no name", "name", None),
    Bad("one port only", "ports", []),
    Bad("a MAC address that no port has", "ports.0.mac", "02:42:00:00:00:01", "ports"),
    Bad("an MTU below 576", "ports.1.mtu", 100),
    Bad("two ports with one role", "ports.1.role", "lan", "ports"),
    Bad("an address without a prefix length", "ports.0.addresses", ["10.1.0.1"], "ports.0.addresses.0"),
)
_WEB = {
    "id": "web",
    "action": "allow",
    "direction": "lan-to-wan",
    "protocol": "tcp",
    "destination_ports": ["80", "8000-8080"],
}
_PING = {"id": "ping", "action": "allow", "protocol": "icmp", "icmp_types": ["echo-request"]}
_RULE = "firewall.rules.0"

FIREWALL = Kind(
    "firewall",
    {"default": "deny", "rules": [_WEB, _PING]},
    {"default": "deny", "rules": [{**_WEB, "destination_ports": ["443"]}, _PING]},
    (
        *_ALL,
        Bad("a default that is none", "firewall.default", "drop"),
        Bad("an action that is none", f"{_RULE}.action", "permit"),
        Bad("a key of a rule that the schema does not have", f"{_RULE}.colour", "red"),
        Bad("a rule id that could be a command", f"{_RULE}.id", "; drop"),
        Bad("two rules with one id", "firewall.rules", [_WEB, _WEB]),
        Bad("a prefix that is none", f"{_RULE}.source", ["10.1.0.0/33"], f"{_RULE}.source.0"),
        Bad("an IPv6 prefix that is none", f"{_RULE}.source", ["fd00:::1"], f"{_RULE}.source.0"),
        Bad("a protocol above 255", f"{_RULE}.protocol", "256"),
        Bad("a port above 65535", f"{_RULE}.destination_ports", ["65536"], f"{_RULE}.destination_ports.0"),
        Bad("a port that is a number", f"{_RULE}.destination_ports", [80], f"{_RULE}.destination_ports.0"),
        Bad("a range that ends before it starts", f"{_RULE}.source_ports", ["9-7"], f"{_RULE}.source_ports.0"),
        Bad("ports of ICMP", "firewall.rules.1.source_ports", ["1"], "firewall.rules.1"),
        Bad("ICMP types of TCP", f"{_RULE}.icmp_types", ["echo-request"], _RULE),
    ),
    {"lan": (), "wan": ()},
    carries=_syn_crosses,
)

KINDS = {kind.name: kind for kind in (FIREWALL,)}
