"""What may cross a uCPE's management port and what not, connection by connection."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Padding, Raw

from scenarios.network.management_audit import SILENCE, ManagementLink, PortTraffic, connections, port_traffic
from testbed.capture import Frame

HOST, UCPE, OTHER = "172.30.9.1", "172.30.9.2", "172.30.9.3"
FORTH, BACK = f"IPv4 {HOST} > {UCPE}", f"IPv4 {UCPE} > {HOST}"
BEGAN = 1_700_000_000.0
DATA = b"\x17\x03\x03\x00\x05abcde"
HELLO, ALERT, GET = b"\x16\x03\x01\x02\x00\x01", b"\x15\x03\x03\x00\x02\x02(", b"GET / HTTP/1.1"
CLIENT, SERVER = 4_294_967_290, 77
"""Initial sequence numbers; the client's wraps soon."""


def forth(flags: str, octets: int = 0, body: bytes = b"", port: int = 2376) -> Packet:
    """A segment of the host, behind as many *octets*; flag S stands before the first one."""
    number = (CLIENT + (0 if "S" in flags else 1 + octets)) % 2**32
    return IP(src=HOST, dst=UCPE) / TCP(sport=40000, dport=port, flags=flags, seq=number) / Raw(body)


def back(flags: str, octets: int = 0, body: bytes = b"", port: int = 2376) -> Packet:
    number = (SERVER + (0 if "S" in flags else 1 + octets)) % 2**32
    return IP(src=UCPE, dst=HOST) / TCP(sport=port, dport=40000, flags=flags, seq=number) / Raw(body)


def seen(*packets: Packet, after: float = 1.0, **known: Any) -> PortTraffic:
    frames = [Frame(BEGAN, bytes(Ether(src="06:00:00:00:00:01", dst="06:00:00:00:00:02") / p)) for p in packets]
    link = {"file": Path("m.pcap"), "name": "m", "host": HOST, "ucpe": UCPE, "until": BEGAN + after, "whole": True}
    return port_traffic(frames, ManagementLink.model_validate({**link, **known}))


def report(groups: str = "04000000e000006a", **fields: object) -> Packet:
    """What a host says of the groups that it listens to (IGMPv3)."""
    records = bytes.fromhex(groups)
    head = {"src": HOST, "dst": "224.0.0.22", "ttl": 1, "proto": 2, "options": [IPOption_Router_Alert()], **fields}
    return IP(**head) / Raw(b"\x22\x00\x00\x00\x00\x00" + (len(records) // 8).to_bytes(2, "big") + records)


OPEN = (forth("S"), back("SA"))
TLS = (*OPEN, forth("PA", 0, HELLO), back("PA", 0, HELLO))
LINK = IPv6(src="fe80::1", dst="ff02::1", hlim=255)


@pytest.mark.parametrize(
    ("packets", "connections"),
    [
        pytest.param([*OPEN, forth("PA", 0, HELLO), back("PA", 0, HELLO)], 1, id="open"),
        pytest.param(
            [
                *OPEN,
                forth("PA", 0, HELLO),
                back("PA", 0, HELLO),
                forth("FA", 6),
                back("A", 6),
                back("FA", 6),
                forth("A", 7),
            ],
            1,
            id="tls",
        ),
        pytest.param(
            [*OPEN, forth("PA", 0, HELLO), forth("PA", 0, HELLO + DATA), forth("PA", 6, DATA)], 0, id="said-again"
        ),
        pytest.param([*OPEN, forth("PA", 0, HELLO), forth("PA", 16, DATA), forth("PA", 6, DATA)], 0, id="overtaken"),
        pytest.param([*OPEN, forth("PA", 0, HELLO), forth("A", 5)], 0, id="kept-alive"),
        pytest.param([*OPEN, forth("PA", 0, HELLO), back("FPA", 0, ALERT)], 1, id="refused-by-an-alert"),
        pytest.param([*OPEN, forth("FA"), back("FA")], 0, id="nothing-was-said"),
        pytest.param([*OPEN, forth("FA"), back("FA"), *OPEN], 0, id="the-port-is-used-again"),
        pytest.param([forth("S"), back("RA")], 0, id="nobody-listens"),
        pytest.param([*OPEN], 0, id="it-just-began"),
        pytest.param([forth("FA", 5), back("R", 9)], 0, id="it-began-before"),
        pytest.param([*OPEN, *OPEN, forth("PA", 0, HELLO), back("PA", 0, HELLO)], 1, id="asked-twice"),
        pytest.param([ARP(hwsrc="06:00:00:00:00:01"), LINK / ICMPv6ND_NS(tgt="fe80::2")], 0, id="of-the-link"),
        pytest.param([report(), report("04000000e000006a03000000e00000fb")], 0, id="groups-of-the-bridge"),
    ],
)
def test_tls_of_the_host_is_explained(packets: Sequence[Packet], connections: int) -> None:
    found = seen(*packets)
    assert (found.wrong, found.first, found.connections) == (0, "", connections)


CLEAR = ", which does not begin with TLS"


@pytest.mark.parametrize(
    ("packets", "first"),
    [
        pytest.param([*OPEN, forth("FPA", 0, GET)], f"{FORTH}, protocol 6, 54 octets{CLEAR}", id="text"),
        pytest.param(
            [*OPEN, forth("PA", 0, HELLO), back("PA", 0, GET)],
            f"{BACK}, protocol 6, 54 octets{CLEAR}",
            id="text-in-answer",
        ),
        pytest.param(
            [*TLS, back("PA", 0, GET)],
            f"{BACK}, protocol 6, 54 octets, with other octets than were there before",
            id="text-in-the-place-of-others",
        ),
        pytest.param(
            [*TLS, back("PA", 3, GET)],
            f"{BACK}, protocol 6, 54 octets, with other octets than were there before",
            id="text-over-the-end-of-others",
        ),
        pytest.param(
            [*TLS, back("PA", 900, GET)],
            f"a connection from {HOST}:40000 to {UCPE}:2376 with octets that nothing leads to",
            id="text-ahead-of-all",
        ),
        pytest.param(
            [*TLS, back("PA", -20, GET)],
            f"{BACK}, protocol 6, 54 octets, with octets from before its connection",
            id="text-before-all",
        ),
        pytest.param(
            [*TLS, back("R", 900)],
            f"{BACK}, protocol 6, 40 octets, at no place of its connection",
            id="reset-by-others",
        ),
        pytest.param(
            [IP(src=UCPE, dst=HOST) / TCP(sport=2376, dport=80, flags="S")],
            f"{BACK}, protocol 6, 40 octets, which opens a connection to the host",
            id="the-ucpe-opens",
        ),
        pytest.param(
            [forth("S", 0, GET)],
            f"{FORTH}, protocol 6, 54 octets, with octets beside its SYN",
            id="fast-open",
        ),
        pytest.param(
            [forth("S") / Padding(b"a text")], f"{FORTH}, protocol 6, 40 octets, and 6 octets behind it", id="behind"
        ),
        pytest.param([forth("S", port=22)], f"{FORTH}, protocol 6, 40 octets", id="another-port"),
        pytest.param(
            [IP(src=OTHER, dst=UCPE) / TCP(dport=2376)],
            f"IPv4 {OTHER} > {UCPE}, protocol 6, 40 octets",
            id="another-ucpe",
        ),
        pytest.param([IP(src=HOST, dst=UCPE) / UDP() / GET], f"{FORTH}, protocol 17, 42 octets", id="udp"),
        pytest.param([IP(src=HOST, dst=UCPE) / ICMP()], f"{FORTH}, protocol 1, 28 octets", id="icmp"),
        pytest.param(
            [IP(src=HOST, dst=UCPE, flags="MF") / TCP(dport=2376)],
            f"{FORTH}, protocol 6, 40 octets",
            id="a-fragment",
        ),
        pytest.param(
            [IPv6(src="fd00::1", dst="fd00::2") / UDP()],
            "Ethernet 06:00:00:00:00:01 > 06:00:00:00:00:02, type 0x86dd, 62 octets",
            id="ipv6",
        ),
    ],
)
def test_all_else_is_not(packets: Sequence[Packet], first: str) -> None:
    found = seen(*packets)
    assert (found.wrong, found.first) == (1, first)


def test_a_connection_that_stays_open_has_to_begin_with_tls() -> None:
    assert seen(*OPEN, after=SILENCE - 1).wrong == 0
    found = seen(*OPEN, after=SILENCE + 1)
    assert found.first == f"a connection from {HOST}:40000 to {UCPE}:2376 that does not begin with TLS"
    assert seen(*OPEN, forth("PA", 14, HELLO), after=SILENCE + 1).first == found.first


@pytest.mark.parametrize("segment", [forth("R"), back("RA", 9), back("FA", 9, GET), back("PA", 0, HELLO)])
def test_a_segment_of_no_connection_is_none_of_management(segment: Packet) -> None:
    known: dict[str, Any] = {"earlier": [(40001, 2376)], "since": BEGAN - 1}
    assert seen(segment, **known).first.endswith("octets, of no connection")
    assert "of no connection" not in seen(forth("S"), segment, **known).first
    assert seen(segment, **{**known, "earlier": [(40000, 2376)]}).wrong == 0
    assert seen(segment, **{**known, "since": BEGAN}).wrong == 0
    assert seen(segment).wrong == 0


def test_an_earlier_connection_is_known_from_its_next_octets_on() -> None:
    known: dict[str, Any] = {"earlier": [(40000, 2376)], "since": BEGAN - 1}
    assert seen(forth("A", 699), back("PA", 800, DATA), back("PA", 810, DATA), back("FA", 820), **known).wrong == 0
    assert "other octets" in seen(back("PA", 800, DATA), back("PA", 800, GET), **known).first
    assert seen(back("PA", 800, DATA), back("PA", 50, GET), **known).first.endswith("before its connection")


def test_the_connections_of_this_machine_are_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert ("127.0.0.1", (client.getsockname()[1], server.getsockname()[1])) in set(connections())


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(report(ttl=64), id="that-routers-pass-on"),
        pytest.param(report(src=UCPE), id="of-another"),
        pytest.param(report(dst=UCPE), id="to-a-ucpe"),
        pytest.param(report("0400000048656c6c"), id="of-an-address-elsewhere"),
        pytest.param(report("04010000e000006a"), id="with-data"),
        pytest.param(report() / Raw(b"text"), id="with-text-behind"),
        pytest.param(report(options=[]), id="without-router-alert"),
    ],
)
def test_only_a_report_of_groups_of_the_link_is_explained(packet: Packet) -> None:
    assert seen(packet).wrong == 1
