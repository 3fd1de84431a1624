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
    gateway: str | None = None
    """The next hop on the WAN side."""
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
        Bad("states that end at once", "firewall.timeouts", {"udp": 0}, "firewall.timeouts.udp"),
        Bad("a time-out that is none", "firewall.timeouts", {"dns": 5}, "firewall.timeouts"),
        Bad("ICMP types of TCP", f"{_RULE}.icmp_types", ["echo-request"], _RULE),
    ),
    {"lan": (), "wan": ()},
    carries=_syn_crosses,
)

_EXPORT = {"protocol": "ipfix", "collector": LAN, "address": "10.1.0.253/24"}
_WHERE = "statistics.export"

STATISTICS = Kind(
    "statistics",
    {"flow_table_size": 1024, "flow_timeout_seconds": 300, "export": None},
    {"flow_table_size": 2048, "flow_timeout_seconds": 300, "export": None},
    (
        *_ALL,
        Bad("a flow table without room", "statistics.flow_table_size", 0),
        Bad("a table's size that is a text", "statistics.flow_table_size", "1024"),
        Bad("a key that the schema does not have here", "statistics.sampling", 10),
        Bad("an export protocol that is none", _WHERE, {**_EXPORT, "protocol": "netflow5"}, _WHERE),
        Bad("a collector by its name", _WHERE, {**_EXPORT, "collector": "collector.example"}, _WHERE),
    ),
    {"lan": (), "wan": ()},
    executables=("/vnf/metrics",),
    carries=_syn_crosses,
)  # fmt: skip

ESP_PROPOSAL = "aes256-sha512-ecp384"
"""One that products can do whose ESP knows no AEAD: what is checked is not which algorithms there are."""
_PSK = "a-psk-that-nobody-may-see-4c1f"
_PEER = {
    "name": "site-2",
    "address": "198.51.100.2",
    "identity": "site-2",
    "subnets": ["10.2.0.0/24"],
    "psk": _PSK,
    "initiate": False,
}
_SAME = {**_PEER, "name": "site-3", "address": "198.51.100.3", "psk": "other", "subnets": ["10.3.0.0/24"]}
_GATEWAY = {
    "authentication": "psk",
    "encryption": "required",
    "export_keys": False,
    "esp_proposal": ESP_PROPOSAL,
    "local": {"address": "198.51.100.1", "identity": "site-1", "subnets": ["10.1.0.0/24"]},
    "peers": [_PEER],
}
IPSEC = Kind(
    "ipsec",
    _GATEWAY,
    {**_GATEWAY, "ike_proposal": "aes256-sha384-prfsha384-ecp384"},
    (
        *_ALL,
        Bad("a proposal that is none", "ipsec.esp_proposal", "rot13"),
        Bad("a proposal that could be configuration", "ipsec.ike_proposal", "aes256; include /etc/passwd"),
        Bad("a lifetime of a day", "ipsec.child_lifetime_seconds", 86400),
        Bad("encryption that is none", "ipsec.encryption", "none"),
        Bad("a peer without a key", "ipsec.peers.0.psk", None),
        Bad("a peer by its name", "ipsec.peers.0.address", "site-b.example"),
        Bad("an identity that stands for anybody", "ipsec.peers.0.identity", "0.0.0.0"),  # noqa: S104
        Bad("an identity of two words", "ipsec.local.identity", "a b"),
        Bad("no subnet", "ipsec.local.subnets", []),
        Bad("two keys for one identity", "ipsec.peers", [_PEER, _SAME]),
        Bad("certificates without one", "ipsec.authentication", "certificate", "ipsec.local"),
    ),
    {"lan": ("10.1.0.1/24",), "wan": ("198.51.100.1/24",)},
    gateway="198.51.100.2",
    executables=("/vnf/history", "/vnf/keys"),
    secrets=lambda intent: tuple(peer["psk"] for peer in intent["ipsec"]["peers"]),
)  # fmt: skip

KINDS = {kind.name: kind for kind in (FIREWALL, STATISTICS, IPSEC)}
