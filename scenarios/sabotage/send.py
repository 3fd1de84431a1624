"""Sends a packet again and again: ``send.py INTERFACE KIND SOURCE DESTINATION``.

Anybody can read it, but for a ``copy``, which is of an ESP packet that a gateway has sent; of ``stations`` the text is
in their addresses. A ``borrower`` sends it between the ports of a connection of this node that is open. It runs in the
network namespace of a node, until it is ended.
"""

from __future__ import annotations

import socket
import sys
import time
from ipaddress import IPv4Address
from itertools import cycle

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from scenarios.network.management_audit import PORTS, connections
from testbed.esp import esp_of, ipv4_of

ALL_PROTOCOLS = 3
TEXT = b"a text that everybody on the way can read"
INTERVAL_SECONDS = 0.01
FIRST_COPIES = 100  # more than the gateway itself sends until it is asked how many
NOBODY = str(IPv4Address(0))
HIDDEN = bytes(octet ^ 0x5A for octet in TEXT)


def packet(kind: str, source: str, destination: str) -> Packet:
    """Return the packet; ``disguised`` has the form of ESP in UDP (RFC 3948), with an SPI that nobody has agreed on."""
    udp = UDP(sport=9, dport=9)
    disguised = UDP(sport=4500, dport=4500) / Raw(bytes.fromhex("c0ffee0000000001") + HIDDEN)
    if kind == "ipv6":
        return IPv6(src="fd00::1", dst="fd00::2") / udp / TEXT
    inner = {"tcp": TCP(dport=80, flags="PA"), "udp": udp, "icmp": ICMP(), "disguised": disguised}[kind]
    return IP(src=source, dst=destination) / (inner if kind == "disguised" else inner / TEXT)


def crafted(kind: str, source: str, destination: str) -> bytes:
    """Return the frame with the packet of that kind."""
    return bytes(Ether(src="06:00:00:00:00:01", dst="06:00:00:00:00:02") / packet(kind, source, destination))


def questions(destination: str) -> list[bytes]:
    """Return frames of ARP, which ask for an address in everybody's sight, from stations that are called by a text."""
    names = [b"\x02" + TEXT[at : at + 5].ljust(5) for at in range(len(TEXT))]
    return [
        bytes(Ether(src=name, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=name, psrc=NOBODY, pdst=destination))
        for name in names
    ]


def borrowed(source: str) -> bytes:
    """Return the frame with a segment between the ends of an open connection of the uCPE with that address."""
    address, (here, there) = next(one for one in connections() if one[1][0] in PORTS and one[1][1])
    segment = IP(src=source, dst=address) / TCP(sport=here, dport=there, flags="PA", seq=1, ack=1)
    return bytes(Ether(src="06:00:00:00:00:01", dst="06:00:00:00:00:02") / segment / TEXT)


def heard(raw: socket.socket, source: str, destination: str) -> bytes:
    """Return the next frame with ESP between the two addresses."""
    while True:
        frame = raw.recv(65_536)
        esp = esp_of(found) if (found := ipv4_of(frame)) else None
        if esp and (esp.source, esp.destination) == (source, destination):
            return frame


def main() -> None:
    """Send until this process is ended."""
    interface, kind, *ends = sys.argv[1:]
    copies = kind == "copy"
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, ALL_PROTOCOLS if copies else 0))
        if kind == "stations":
            frames = questions(ends[1])
        elif kind == "borrower":
            frames = [borrowed(ends[0])]
        else:
            frames = [heard(raw, *ends) if copies else crafted(kind, *ends)] * (FIRST_COPIES if copies else 1)
        for frame in frames:
            raw.send(frame)
        print("sending", flush=True)
        for frame in cycle(frames):
            time.sleep(INTERVAL_SECONDS)
            raw.send(frame)


if __name__ == "__main__":
    main()
